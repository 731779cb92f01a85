"""The contract's indexes, and a platform as it was without them."""

import re
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg

from local.databases import sql_file
from local.stack import Stack

_DEFINITION = re.compile(r"create index (\w+) on [^;]+;")
# Which indexes PostgreSQL plans with is in its catalogue, and so comes to the replicas with
# everything else. Writes go on keeping such an index, so nothing has to be built when it is shown.
_MARK_INDEXES = "update pg_index set indisvalid = %s where indexrelid = any(%s::regclass[])"
# Plans that a session keeps are made anew when their table changes, not when an index does.
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
    """Leave to plans, here and on the replicas, the primary and foreign keys' indexes alone.

    For databases that are made to be measured: a catalogue is not written to where others work.
    """
    try:
        _mark(stack, database, is_valid=False)
        yield
    finally:
        show(stack, database)


def show(stack: Stack, database: str) -> None:
    """Let plans have them again, should a run have ended while they were hidden."""
    _mark(stack, database, is_valid=True)


def _mark(stack: Stack, database: str, *, is_valid: bool) -> None:
    indexes = [f"platform.{name}" for name in definitions()]
    with psycopg.connect(stack.primary_admin(database)) as primary:
        primary.execute(_MARK_INDEXES, [is_valid, indexes])
        primary.execute(_TOUCH_TABLES, [indexes])
    stack.replica_wait()
