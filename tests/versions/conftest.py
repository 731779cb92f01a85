"""One stack for each major version of PostgreSQL, and an installation without fault on it."""

from collections.abc import Iterator

import pytest

from local.stack import Stack
from tests.close_fixtures import books, platform, settings
from tests.decisions import DECISION_KEY
from tests.doctor.conftest import diagnosis, healthy, redis_url, renderer
from tests.versions.stack_of_version import VERSIONS, StackOfVersion

__all__ = ["books", "diagnosis", "healthy", "platform", "redis_url", "renderer", "settings"]

PLATFORM = "platform_versions"
BOOKS = "closebook_versions"


@pytest.fixture(scope="module", params=VERSIONS)
def version(request: pytest.FixtureRequest) -> int:
    """The major version of all PostgreSQL servers of a test."""
    number: int = request.param
    return number


@pytest.fixture(scope="module")
def stack(version: int, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """All servers of that version, poolers included. What it makes is removed with it."""
    folder = tmp_path_factory.mktemp(f"version_{version}")
    stack = StackOfVersion.of(version, folder / "stack")
    stack.secrets["decisions"] = DECISION_KEY
    try:
        stack.up()
        yield stack
    finally:
        stack.clean()


@pytest.fixture(scope="module")
def module_platform_database(stack: Stack) -> str:
    """A platform database on that stack."""
    stack.create_platform(PLATFORM, indexes=True)
    stack.replica_wait()
    return PLATFORM


@pytest.fixture(scope="module")
def module_store_database(stack: Stack) -> str:
    """A reporting database on that stack."""
    stack.create_store(BOOKS)
    return BOOKS
