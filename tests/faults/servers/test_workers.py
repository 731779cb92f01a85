"""Processes of the primary that are nobody's session: one that writes rows keeps a period open."""

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
import pytest
from psycopg import sql

from closebook.closes.hour import close_hour
from closebook.errors import NotReady
from closebook.settings import Settings
from local.addresses import STORE
from local.stack import Stack
from tests.close_fixtures import RUN, eventually, hour_ending
from tests.faults.server_restart import start_again
from tests.platform_rows import Platform

ORIGIN = "origin"
ARRIVALS = """
create schema if not exists platform;
create table platform.arrivals (arrival_id integer primary key)
"""
HOLD_ARRIVALS = """
create function platform.hold_arrival() returns trigger language plpgsql as $$
begin
    perform pg_advisory_xact_lock_shared(1);
    return new;
end
$$;
create trigger hold_arrival before insert on platform.arrivals
for each row execute function platform.hold_arrival();
alter table platform.arrivals enable always trigger hold_arrival
"""


@contextmanager
def origin_of_arrivals(stack: Stack) -> Iterator[psycopg.Connection[tuple[object, ...]]]:
    """A database on another server that publishes a table."""
    with psycopg.connect(stack.store_admin(), autocommit=True) as admin:
        admin.execute("alter system set wal_level = logical")
    stack.stop(STORE)
    start_again(stack, STORE)
    with psycopg.connect(stack.store_admin(), autocommit=True) as admin:
        admin.execute("alter system reset wal_level")
        admin.execute(sql.SQL("create database {}").format(sql.Identifier(ORIGIN)))
        try:
            with psycopg.connect(stack.store_admin(ORIGIN), autocommit=True) as origin:
                origin.execute(ARRIVALS)
                origin.execute("create publication arrivals for table platform.arrivals")
                yield origin
        finally:
            admin.execute(sql.SQL("drop database {} with (force)").format(sql.Identifier(ORIGIN)))


@contextmanager
def subscribed(stack: Stack, platform: Platform) -> Iterator[None]:
    """Let the platform take in what is published there; each row waits for an advisory lock."""
    execute = platform.connection.execute
    execute(ARRIVALS)
    execute(HOLD_ARRIVALS)
    try:
        execute(
            sql.SQL(
                "create subscription arrivals connection {} publication arrivals"
                " with (copy_data = false)"
            ).format(sql.Literal(stack.store_admin(ORIGIN)))
        )
        yield
        execute("drop subscription arrivals")
    finally:
        execute("drop table platform.arrivals")
        execute("drop function platform.hold_arrival")


def test_a_worker_of_logical_replication_keeps_the_period_open_until_it_commits(
    stack: Stack, settings: Settings, platform: Platform
) -> None:
    with (
        origin_of_arrivals(stack) as origin,
        subscribed(stack, platform),
        # A lock of the session: no transaction of the test's own is in the way.
        psycopg.connect(platform.conninfo, autocommit=True) as gate,
    ):
        gate.execute("select pg_advisory_lock(1)")
        # Given a worker in the midst of a transaction that came from elsewhere,
        origin.execute("insert into platform.arrivals values (1)")
        eventually(lambda: waiting_worker(gate))
        pid = waiting_worker(gate)
        hour = hour_ending(platform.now())
        # when an hour that ended since is closed, it is named and waited for,
        with pytest.raises(NotReady, match=f"pid {pid}, role postgres"):
            close_hour(settings, hour, RUN)
        # and once it has committed the hour closes.
        gate.execute("select pg_advisory_unlock(1)")
        eventually(lambda: gate.execute("select 1 from platform.arrivals").fetchone())
        assert close_hour(settings, hour, RUN).outcome == "new"


def waiting_worker(gate: psycopg.Connection[tuple[object, ...]]) -> object:
    """The pid of the worker that waits for the lock, if one does."""
    row = gate.execute(
        "select pid from pg_stat_activity where backend_type = 'logical replication worker'"
        " and datname = current_database() and wait_event = 'advisory'"
    ).fetchone()
    return None if row is None else row[0]
