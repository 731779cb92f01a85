"""A small stack whose servers these tests may break; the session's own stays whole."""

from collections.abc import Iterator

import pytest

from local.stack import Stack
from tests.close_fixtures import books, platform, settings

__all__ = ["books", "platform", "settings"]

PLATFORM = "platform_faults"
BOOKS = "closebook_faults"


@pytest.fixture(scope="package")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """All servers once more. What it makes is removed with it."""
    stack = Stack.build(tmp_path_factory.mktemp("servers") / "stack", airflow=False, fast=True)
    try:
        stack.up()
        yield stack
    finally:
        stack.clean()


@pytest.fixture(scope="package")
def module_platform_database(stack: Stack) -> str:
    """A platform database on that stack."""
    stack.create_platform(PLATFORM, indexes=True)
    stack.replica_wait()
    return PLATFORM


@pytest.fixture(scope="package")
def module_store_database(stack: Stack) -> str:
    """A reporting database on that stack."""
    stack.create_store(BOOKS)
    return BOOKS


@pytest.fixture(autouse=True)
def repaired(stack: Stack) -> Iterator[None]:
    """After a test all servers run again, whatever it did to them."""
    yield
    for name in list(stack.running):
        if stack.is_running(name):
            stack.thaw(name)
    stack.up()
