"""A read that stops half-way and waits there, so that a fault can strike in its midst.

Rows of a view of the contract pass through a function that takes a lock. The test has that lock
on the replicas, where no other statement wants it.
"""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg import sql

from local.addresses import REPLICAS
from local.stack import Stack
from tests.close_fixtures import eventually
from tests.platform_rows import Platform

# current_query() is what the client sent; the row's id keeps the planner from asking beforehand.
_WAIT = """
create schema if not exists fault;

create or replace function fault.wait(statement text, row_id bigint) returns boolean
language plpgsql stable as $$
begin
    if current_query() like statement then
        perform pg_advisory_xact_lock_shared(hashtextextended('fault', 0));
    end if;
    return row_id is not null;
end
$$
"""


@dataclass(frozen=True)
class Hold:
    """A hold on the reads of a platform, by the test's own connections to the replicas."""

    stack: Stack
    database: str
    locks: Sequence[psycopg.Connection[Any]]
    replicas: Sequence[str]

    def reached_on(self) -> str:
        """Wait until a read is held, and return the replica on which it is."""
        held: list[str] = []

        def found() -> list[str]:
            held[:] = [replica for replica in self.replicas if self._is_held_on(replica)]
            return held

        eventually(found)
        return held[0]

    def release(self) -> None:
        """Let the reads go on."""
        for lock in self.locks:
            lock.close()

    def _is_held_on(self, replica: str) -> bool:
        with psycopg.connect(self.stack.replica_admin(replica, self.database)) as connection:
            row = connection.execute(
                "select count(*) from pg_stat_activity where usename = 'closebook_reader'"
                " and datname = current_database() and wait_event = 'advisory'"
            ).fetchone()
        assert row is not None
        return bool(row[0])


@contextmanager
def held_reads(
    stack: Stack,
    platform: Platform,
    view: str,
    statement: str,
    *,
    past: int = 0,
    replicas: Sequence[str] = REPLICAS,
) -> Iterator[Hold]:
    """Hold reads of reporting_source.<view> in statements that are like a pattern.

    They come as far as the first row whose id is higher than ``past``. Where a replica is lost
    its hold is lost too.
    """
    name = sql.Identifier("reporting_source", view)
    row_id = sql.Identifier({"transactions": "transaction_id", "ledger_entries": "entry_id"}[view])
    platform.connection.execute(_WAIT)
    definition = _definition(platform, view)
    platform.connection.execute(
        sql.SQL("create or replace view {} as {} where {} <= {} or fault.wait({}, {})").format(
            name, definition, row_id, sql.Literal(past), sql.Literal(statement), row_id
        )
    )
    try:
        stack.replica_wait(*replicas)
        with ExitStack() as opened:
            locks = [
                opened.enter_context(_lock(stack.replica_admin(replica, platform.database)))
                for replica in replicas
            ]
            yield Hold(stack, platform.database, locks, replicas)
    finally:
        with psycopg.connect(platform.conninfo) as connection:
            connection.execute(sql.SQL("create or replace view {} as {}").format(name, definition))


def _definition(platform: Platform, view: str) -> sql.SQL:
    row = platform.connection.execute(
        "select rtrim(pg_get_viewdef(%s::regclass), ';')", [f"reporting_source.{view}"]
    ).fetchone()
    assert row is not None
    return sql.SQL(row[0])


@contextmanager
def _lock(conninfo: str) -> Iterator[psycopg.Connection[Any]]:
    # No transaction stays open: it would make the replica look busy.
    connection = psycopg.connect(conninfo, autocommit=True)
    try:
        connection.execute("select pg_advisory_lock(hashtextextended('fault', 0))")
        yield connection
    finally:
        connection.close()
