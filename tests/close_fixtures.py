"""What tests of closes share: settings on the stack, views that give something else, waits."""

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from closebook.periods import Grain, Period, hour_of
from closebook.platform.contract import CONTRACT
from closebook.settings import Replica, Run, Settings
from closebook.sql import query
from local.addresses import REPLICAS
from local.stack import Stack
from tests.books import Books
from tests.platform_rows import Platform

RUN = Run("test run", "because the test says so", cross_check=True)
# For tests that look at which replica is read, or in which only one can be read.
ONE_REPLICA = replace(RUN, cross_check=False)
# What has to happen takes any time on a busy machine; only a test that fails waits so long.
PATIENCE_SECONDS = 60.0

_MOST_BYTES_TO_DELETE = 200_000
_SIZES = """
select tablename, pg_relation_size(format('%%I.%%I', schemaname, tablename)::regclass)
from pg_tables where schemaname = %s and tablename not in ('migrations', 'decision_key')
"""
_RESTART_IDENTITIES = """
select setval(format('%%I.%%I', schemaname, sequencename)::regclass, start_value, false)
from pg_sequences where schemaname = %s and last_value is not null
"""


def hour_ending(end: datetime) -> Period:
    """An hour that ends at any instant, so that a test need not wait for the end of a real one."""
    return Period(Grain.HOUR, hour_of(end).start, end, "UTC")


def settings_on(
    stack: Stack,
    platform_database: str,
    store_database: str,
    documents: Path,
    time_zone: str = "America/New_York",
) -> Settings:
    """Settings for these databases of the stack: patient, for a close that is to succeed.

    A fence that is refused is refused soon; `hurried` is for a close that no replica can serve.
    """
    return Settings(
        time_zone=time_zone,
        primary=make_conninfo(stack.fence(platform_database), application_name="closebook"),
        replicas=tuple(Replica(name, stack.reader(name, platform_database)) for name in REPLICAS),
        store=stack.store(store_database),
        redis_url=stack.redis_publisher,
        documents_url=documents.as_uri(),
        issuer_name="Northgate Payments",
        issuer_address="14 Harbour Row\nDublin 2",
        fence_grace_seconds=0.02,
        fence_wait_seconds=0.3,
        replica_wait_seconds=PATIENCE_SECONDS,
        statement_timeout_seconds=30,
    )


def hurried(settings: Settings, seconds: float = 0.3) -> Settings:
    """Settings of a close that has to be refused, since no replica can serve it: it waits briefly.

    Never of one that has to succeed: on a busy machine a replica may be seconds behind. A close
    that chooses one before it loses it needs some more ``seconds`` for the choice.
    """
    return replace(settings, replica_wait_seconds=seconds)


@contextmanager
def store_held(settings: Settings, period: Period) -> Iterator[None]:
    """Hold a period's lock on the store: a close of it reads, and then waits to write."""
    with psycopg.connect(settings.store) as store:
        wanted = {"grains": [str(period.grain)], "starts": [period.start]}
        store.execute(query("closes/lock_periods"), wanted)
        yield


def waiting_to_write(settings: Settings) -> int:
    """How many closes wait for a period's lock on the store."""
    with psycopg.connect(settings.store) as store:
        row = store.execute(
            "select count(*) from pg_locks where locktype = 'advisory' and not granted and"
            " database = (select oid from pg_database where datname = current_database())"
        ).fetchone()
    assert row is not None
    return int(row[0])


def waiting_on_the_store(owner: str) -> int:
    """How many sessions wait for a lock in the store, of whichever kind."""
    with psycopg.connect(owner) as connection:
        row = connection.execute(
            "select count(*) from pg_locks where not granted and pid in"
            " (select pid from pg_stat_activity where datname = current_database())"
        ).fetchone()
    assert row is not None
    return int(row[0])


def with_session_setting(stack: Stack, settings: Settings, replica: str, setting: str) -> Replica:
    """Return the replica, with a setting for its sessions that a test's view may read.

    It is connected to directly, since PgBouncer refuses settings.
    """
    behind = conninfo_to_dict(next(r.conninfo for r in settings.replicas if r.name == replica))
    direct = stack.conninfo(replica, str(behind["user"]), str(behind["dbname"]))
    return Replica(replica, make_conninfo(direct, options=f"-c {setting}"))


@contextmanager
def view_of(platform: Platform, view: str, select: str) -> Iterator[None]:
    """Let a view of the contract return other rows within the block."""
    name = sql.Identifier("reporting_source", view)
    [(before,)] = platform.connection.execute(
        "select pg_get_viewdef(%s::regclass)", [name.as_string()]
    )
    replacing = sql.SQL("create or replace view {} as ").format(name)
    platform.connection.execute(replacing + sql.SQL(select))
    try:
        yield
    finally:
        platform.connection.execute(replacing + sql.SQL(before))


@contextmanager
def retyped(platform: Platform, view: str, columns: Mapping[str, str | None]) -> Iterator[None]:
    """Let a view have other columns within the block: by name another expression, or None for none.

    A view cannot change the type of a column, so it is created again, and the reader may read it.
    """
    name = sql.Identifier("reporting_source", view)
    [(before,)] = platform.connection.execute(
        "select pg_get_viewdef(%s::regclass)", [name.as_string()]
    )
    expressions = {column: column for column in CONTRACT[view]} | dict(columns)
    selected = ", ".join(
        f"{expression} as {column}" for column, expression in expressions.items() if expression
    )
    _make_view(platform, name, f"select {selected} from ({before.rstrip().rstrip(';')}) as kept")  # noqa: S608  # texts of tests
    try:
        yield
    finally:
        _make_view(platform, name, before)


def _make_view(platform: Platform, name: sql.Identifier, select: str) -> None:
    statements = "drop view if exists {view}; create view {view} as {select};"
    granted = " grant select on {view} to closebook_reader"
    made = sql.SQL(statements + granted).format(view=name, select=sql.SQL(select))
    platform.connection.execute(made)


def transactions_with(platform: Platform, **columns: str) -> AbstractContextManager[None]:
    """Let the contract's view of transactions return other values within the block."""
    names = [
        *("transaction_id", "user_country", "merchant_id", "promotion_id", "kind", "currency"),
        *("amount_minor", "fee_minor", "discount_minor", "status", "created_at", "settled_at"),
    ]
    selected = ", ".join(f"{columns.get(name, name)} as {name}" for name in names)
    return view_of(platform, "transactions", f"select {selected} from platform.transactions")  # noqa: S608  # names of this file


def open_transactions(stack: Stack, replica: str, platform: Platform) -> list[str]:
    """Who has a transaction open on a replica."""
    with psycopg.connect(stack.replica_admin(replica)) as connection:
        rows = connection.execute(
            "select usename from pg_stat_activity where xact_start is not null and datname = %s",
            [platform.database],
        ).fetchall()
    return [name for (name,) in rows]


def asked_since(stack: Stack, replica: str, database: str, instant: datetime) -> bool:
    """Whether the reader has run a query on a replica after an instant."""
    with psycopg.connect(stack.replica_admin(replica)) as connection:
        row = connection.execute(
            "select coalesce(max(query_start) > %s, false) from pg_stat_activity"
            " where usename = 'closebook_reader' and datname = %s",
            [instant, database],
        ).fetchone()
    assert row is not None
    return bool(row[0])


def eventually(condition: Callable[[], object], seconds: float = PATIENCE_SECONDS) -> None:
    """Wait until a condition holds. Fails when it does not for long."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "what the test waits for did not happen"
        time.sleep(0.02)


@pytest.fixture
def settings(
    stack: Stack, module_platform_database: str, module_store_database: str, tmp_path: Path
) -> Settings:
    """Settings on databases that the tests of a module share, each test with empty ones."""
    empty(stack.primary_admin(module_platform_database), "platform")
    empty(stack.store_admin(module_store_database), "reporting")
    return settings_on(
        stack, module_platform_database, module_store_database, tmp_path / "documents"
    )


@pytest.fixture
def platform(stack: Stack, settings: Settings, module_platform_database: str) -> Iterator[Platform]:
    """The platform behind the settings. Its replicas run and replay again after the test."""
    platform = Platform(stack.primary_admin(module_platform_database))
    yield platform
    platform.connection.close()
    for replica in REPLICAS:
        if not stack.is_running(replica):
            stack.start(replica)
        stack.resume_replay(replica)


@pytest.fixture
def books(stack: Stack, settings: Settings, module_store_database: str) -> Iterator[Books]:
    """The reporting store behind the settings."""
    books = Books(stack.store(module_store_database))
    yield books
    books.connection.close()


def empty(conninfo: str, schema: str) -> None:
    """Empty all tables of a schema but what an operator sets up: migrations and the key.

    Most tests write into few tables, and few rows: these are deleted. To truncate all tables, as is
    done after many rows, takes PostgreSQL a file for each of their indexes.
    """
    with psycopg.connect(conninfo) as connection:
        tables = connection.execute(_SIZES, [schema]).fetchall()
        assert tables
        names = [sql.Identifier(schema, table) for table, _ in tables]
        if any(size > _MOST_BYTES_TO_DELETE for _, size in tables):
            every = sql.SQL(", ").join(names)
            connection.execute(sql.SQL("truncate {} restart identity").format(every))
            return
        # Without triggers and foreign keys, some of which refuse to delete a row.
        connection.execute("set local session_replication_role = replica")
        for name, (_, size) in zip(names, tables, strict=True):
            if size:
                connection.execute(sql.SQL("delete from {}").format(name))
        connection.execute(_RESTART_IDENTITIES, [schema])
