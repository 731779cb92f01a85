"""A stack that a test may start, break and remove."""

from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from local.stack import Stack
from tests.local.sample import Sample, load_small


@pytest.fixture
def small_stack(tmp_path: Path) -> Iterator[Stack]:
    """Another stack beside the session's, planned but not started."""
    stack = Stack.build(tmp_path / "stack", airflow=False, fast=True)
    yield stack
    stack.clean()


@pytest.fixture(scope="module")
def sample_database(stack: Stack, module_platform_database: str) -> str:
    return stack.primary_admin(module_platform_database)


@pytest.fixture(scope="module")
def sample(sample_database: str) -> Iterator[Sample]:
    steps: list[tuple[str, int, int]] = []
    facts = load_small(sample_database, progress=lambda *step: steps.append(step))
    with psycopg.connect(sample_database, autocommit=True) as connection:
        yield Sample(connection, facts, steps)
