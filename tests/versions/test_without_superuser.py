"""The scripts of docs/adopt.md for an administrator who is no superuser, on each version.

PostgreSQL 16 changed what a role with createrole may do.
"""

from collections.abc import Iterator

import pytest

from local.stack import Stack
from tests.adoption.test_administrator import (
    administrator,
    test_no_superuser_is_needed_and_each_script_may_be_run_again,
)
from tests.versions.stack_of_version import IS_MADE_FOR_THIS_MACHINE, StackOfVersion

__all__ = ["administrator", "test_no_superuser_is_needed_and_each_script_may_be_run_again"]

pytestmark = [
    pytest.mark.servers,
    pytest.mark.skipif(not IS_MADE_FOR_THIS_MACHINE, reason="no programs for this machine"),
]


@pytest.fixture(scope="module")
def servers_of_closebook(version: int, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A primary and a store of that version, with the roles of Closebook."""
    folder = tmp_path_factory.mktemp(f"primary_{version}")
    stack = StackOfVersion.of(version, folder / "stack")
    try:
        stack.start_primary_and_store()
        yield stack
    finally:
        stack.clean()
