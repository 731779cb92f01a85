"""The contract's indexes, and a platform as it was without them."""

import re
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg

from local.databases import sql_file
from local.stack import Stack

_DEFINITION = re.compile(r"create index (\w+) on [^;]+;")
# Which of its indexes PostgreSQL plans with is in its catalogue, and so comes to the replicas too.
_MARK = """
    update pg_index set indisvalid = %s
    where indexrelid in (select oid from pg_class where relname = any(%s) and relkind = 'i')
"""


def definitions() -> dict[str, str]:
    """The statements of sql/platform/indexes.sql that make indexes, by the index's name."""
    text = sql_file("platform", "indexes").decode()
    return {found[1]: found[0] for found in _DEFINITION.finditer(text)}


@contextmanager
def hidden(stack: Stack, database: str) -> Iterator[None]:
    """Leave no plan, here and on the replicas, but the primary and foreign keys' indexes."""
    _mark(stack, database, is_valid=False)
    try:
        yield
    finally:
        show(stack, database)


def show(stack: Stack, database: str) -> None:
    """Let plans have them again, should a run have ended while they were hidden."""
    _mark(stack, database, is_valid=True)


def _mark(stack: Stack, database: str, *, is_valid: bool) -> None:
    with psycopg.connect(stack.primary_admin(database), autocommit=True) as primary:
        primary.execute(_MARK, [is_valid, [*definitions()]])
    stack.replica_wait()
