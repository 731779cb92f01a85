"""A stack that a test may start, break and remove."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from local.stack import Stack


@pytest.fixture
def small_stack(tmp_path: Path) -> Iterator[Stack]:
    """Another stack beside the session's, planned but not started."""
    stack = Stack.build(tmp_path / "stack", airflow=False, fast=True)
    yield stack
    stack.clean()
