"""Hides the contract's indexes from the planner, and shows them again."""

import re
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg

from local.databases import sql_file
from local.stack import Stack

_DEFINITION = re.compile(r"create index if not exists (\w+) on [^;]+;")
# The catalogue says which indexes the planner may use, and is replicated. Writes still maintain a
# hidden index, so that it need not be built again.
_MARK_INDEXES = "update pg_index set indisvalid = %s where indexrelid = any(%s::regclass[])"
# A session plans a kept statement again when its table changes, not when an index does.
_TOUCH_TABLES = """
    update pg_class set relhasindex = relhasindex
    where oid in (select indrelid from pg_index where indexrelid = any(%s::regclass[]))
"""


def definitions() -> dict[str, str]:
    """The statements of sql/platform/indexes.sql that make indexes, by the index's name."""
    text = sql_file("platform", "indexes").decode()
    return {found[1]: found[0] for found in _DEFINITION.finditer(text)}


@contextmanager
def hidden(stack: Stack, database: str) -> Iterator[None]:
    """Hide the contract's indexes from the planner, on the primary and on the replicas.

    Only for databases of a benchmark: this writes to PostgreSQL's catalogue.
    """
    try:
        _mark(stack, database, is_valid=False)
        yield
    finally:
        show(stack, database)


def show(stack: Stack, database: str) -> None:
    """Show them again, in case a run ended while they were hidden."""
    _mark(stack, database, is_valid=True)


def _mark(stack: Stack, database: str, *, is_valid: bool) -> None:
    indexes = [f"platform.{name}" for name in definitions()]
    with psycopg.connect(stack.primary_admin(database)) as primary:
        primary.execute(_MARK_INDEXES, [is_valid, indexes])
        primary.execute(_TOUCH_TABLES, [indexes])
    stack.replica_wait()
