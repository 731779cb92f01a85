"""What a team gets wrong on its first day: each is made on the real stack, within a block.

A block yields the settings that it changes; ``api_server`` are the API server's connections. Names
are those of issue 17's table.
"""

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, LiteralString
from unittest.mock import patch

import psycopg
from psycopg import sql
from psycopg.conninfo import make_conninfo

from closebook.counter.publisher import COUNTER_KEY
from closebook.settings import Replica, Settings
from closebook.settings.airflow_connections import DECISIONS_CONNECTION
from closebook.settings.desk_settings import ApiServerConnections, api_server_connections
from local import postgres
from local.addresses import PRIMARY, REPLICAS
from local.pgbouncer import console
from local.ports import LOOPBACK
from local.postgres import PostgresServer
from local.stack import Stack
from tests.close_fixtures import eventually, retyped, view_of
from tests.faults.server_restart import start_again
from tests.platform_rows import Platform
from tests.redis_server import client, redis_cluster, redis_server, url
from tests.wrong_clock import clock_of

WRONG = "not-the-password"

Changed = dict[str, Any]


@dataclass(frozen=True)
class Site:
    """Where something is made wrong."""

    stack: Stack
    platform: Platform
    settings: Settings
    api_server: ApiServerConnections
    folder: Path


Wrong = Callable[[Site], AbstractContextManager[Changed]]


@dataclass(frozen=True)
class Misconfiguration:
    """A fault, how it is made, the code that must tell of it, and what the mend must name.

    ``beside`` are codes of what follows from it.
    """

    name: str
    make: Wrong
    code: str
    mend: str
    beside: Sequence[str] = ()


def executed(here: LiteralString, back: LiteralString) -> Wrong:
    """Run a statement on the platform's primary, and another one afterwards."""

    @contextmanager
    def make(site: Site) -> Iterator[Changed]:
        database = sql.Identifier(site.platform.database)
        execute = site.platform.connection.execute
        execute(sql.SQL(here).format(database=database))
        try:
            yield {}
        finally:
            execute(sql.SQL(back).format(database=database))

    return make


def column(view: str, name: str, expression: str | None) -> Wrong:
    """Let a view have another expression as a column, or lack it."""

    @contextmanager
    def make(site: Site) -> Iterator[Changed]:
        with retyped(site.platform, view, {name: expression}):
            yield {}

    return make


def rows(view: str, select: str) -> Wrong:
    """Let a view return other rows."""

    @contextmanager
    def make(site: Site) -> Iterator[Changed]:
        with view_of(site.platform, view, select):
            yield {}

    return make


def pooler(setting: LiteralString, value: str, usual: str) -> Wrong:
    """Let the poolers of both replicas have another setting."""

    def set_to(site: Site, wanted: str) -> None:
        for replica in REPLICAS:
            with console(site.stack.pool_admin(replica)) as admin:
                admin.execute(sql.SQL("set {} = {}").format(sql.SQL(setting), sql.Literal(wanted)))

    @contextmanager
    def make(site: Site) -> Iterator[Changed]:
        set_to(site, value)
        try:
            yield {}
        finally:
            set_to(site, usual)

    return make


def redis_with(*lines: str, log_in: str = "") -> Wrong:
    """Let the counter's Redis have these lines in its configuration."""

    @contextmanager
    def make(site: Site) -> Iterator[Changed]:
        with redis_server(site.folder / "redis", *lines) as port:
            yield {"redis_url": url(port, log_in)}

    return make


def changed(change: Callable[[Site], Changed]) -> Wrong:
    """Change settings only."""

    @contextmanager
    def make(site: Site) -> Iterator[Changed]:
        yield change(site)

    return make


def _wrong_password_of_a_replica(site: Site) -> Changed:
    first, second = site.settings.replicas
    wrong = replace(first, conninfo=make_conninfo(first.conninfo, password=WRONG))
    return {"replicas": (wrong, second)}


def _on_the_primary(site: Site) -> Changed:
    reader = site.stack.conninfo(PRIMARY, "closebook_reader", site.platform.database)
    return {"replicas": (Replica("replica_c", reader),)}


def _on_a_replica(site: Site) -> Changed:
    port = site.stack.ports[REPLICAS[0]]
    return {"primary": make_conninfo(site.settings.primary, port=port)}


@contextmanager
def _two_clusters(site: Site) -> Iterator[Changed]:
    """A database of the same name on another cluster, as the primary."""
    stack, name = site.stack, site.platform.database
    with psycopg.connect(stack.store_admin(), autocommit=True) as other:
        other.execute(sql.SQL("create database {}").format(sql.Identifier(name)))
    try:
        with psycopg.connect(stack.store_admin(name)) as other:
            other.execute(
                "create schema reporting_source;"
                " create function reporting_source.timeline_history(of_timeline integer)"
                " returns text language sql return ''"
            )
        yield {"primary": stack.store_admin(name)}
    finally:
        stack.drop_store(name)


@contextmanager
def _hot_standby_off(site: Site) -> Iterator[Changed]:
    stack, name = site.stack, REPLICAS[0]
    reader = stack.conninfo(name, "closebook_reader", site.platform.database)
    stack.stop(name)
    try:
        with (
            patch.dict(postgres._SETTINGS, {"hot_standby": "off"}),
            patch.object(PostgresServer, "is_ready", lambda *_: True),
        ):
            start_again(stack, name)
        eventually(lambda: "not accepting connections" in _refusal(reader), seconds=30)
        yield {"replicas": (Replica(name, reader),)}
    finally:
        stack.stop(name)
        start_again(stack, name)
        # The pooler has to see that it is back.
        eventually(lambda: not _refusal(site.settings.replicas[0].conninfo), seconds=60)


def _refusal(conninfo: str) -> str:
    """What a server says to a log-in, empty if it lets it in."""
    try:
        with psycopg.connect(conninfo, autocommit=True, prepare_threshold=None) as connection:
            connection.execute("select 1")
    except psycopg.Error as error:
        return str(error)
    return ""


@contextmanager
def _slow_clock(site: Site) -> Iterator[Changed]:
    with clock_of(site.stack, PRIMARY, "-55m"):
        yield {}


@contextmanager
def _cluster(site: Site) -> Iterator[Changed]:
    with redis_cluster(site.folder / "cluster") as port:
        yield {"redis_url": url(port)}


@contextmanager
def _another_kind(site: Site) -> Iterator[Changed]:
    with redis_server(site.folder / "redis") as port, client(port) as other:
        other.rpush(COUNTER_KEY, "an element")
        yield {"redis_url": url(port)}


@contextmanager
def _store_without_tables(site: Site) -> Iterator[Changed]:
    name = f"{site.platform.database}_store"
    with psycopg.connect(site.stack.store_admin(), autocommit=True) as admin:
        admin.execute(
            sql.SQL("create database {} owner closebook_owner").format(sql.Identifier(name))
        )
    try:
        yield {"store": site.stack.store(name)}
    finally:
        site.stack.drop_store(name)


@contextmanager
def _a_store_that_lacks_the_last_migration(site: Site) -> Iterator[Changed]:
    store = psycopg.connect(_as_administrator(site), autocommit=True)
    last = "select max(migration) from reporting.migrations"
    with store:
        [row] = store.execute(last).fetchall()
        store.execute("delete from reporting.migrations where migration = %s", row)
        try:
            yield {}
        finally:
            store.execute("insert into reporting.migrations (migration) values (%s)", row)


@contextmanager
def _status_as_an_enum(site: Site) -> Iterator[Changed]:
    execute = site.platform.connection.execute
    execute("create type platform.state as enum ('pending', 'settled', 'failed')")
    try:
        with retyped(site.platform, "transactions", {"status": "status::platform.state"}):
            yield {}
    finally:
        execute("drop type platform.state")


@contextmanager
def _bitcoin(site: Site) -> Iterator[Changed]:
    site.platform.settle(site.platform.now(), 9, "BTC")
    yield {}


def _desk_with(**how: Any) -> Wrong:
    """Let the desk log in to the store in another way."""

    def change(site: Site) -> Changed:
        desk = site.api_server.desk
        wrong = replace(desk, store=make_conninfo(desk.store, **how))
        return {"api_server": replace(site.api_server, desk=wrong)}

    return changed(change)


def _desk_as_the_closes(site: Site) -> Changed:
    desk = replace(site.api_server.desk, store=site.settings.store)
    return {"api_server": replace(site.api_server, desk=desk)}


def _redis_of_the_app(*lines: str, log_in: str = "") -> Wrong:
    """Let the app's Redis have these lines in its configuration."""

    @contextmanager
    def make(site: Site) -> Iterator[Changed]:
        with redis_server(site.folder / "redis", *lines) as port:
            desk = replace(site.api_server.desk, redis_url=url(port, log_in))
            yield {"api_server": replace(site.api_server, desk=desk)}

    return make


def _no_password_of_the_key(site: Site) -> Changed:
    """Airflow's connection of the key, made as step 4 of docs/adopt.md, without its password."""
    with patch.dict(os.environ, {"AIRFLOW_CONN_CLOSEBOOK_DECISIONS": "generic://"}):
        read = api_server_connections()
    kept = {DECISIONS_CONNECTION: read.unread[DECISIONS_CONNECTION]}
    return {"api_server": replace(read, desk=site.api_server.desk, unread=kept)}


@contextmanager
def _store_without_key(site: Site) -> Iterator[Changed]:
    with psycopg.connect(_as_administrator(site), autocommit=True) as store:
        kept = store.execute("delete from reporting.decision_key returning *").fetchall()
        try:
            yield {}
        finally:
            store.cursor().executemany(
                "insert into reporting.decision_key values (%s, %s, %s, %s)", kept
            )


def _as_administrator(site: Site) -> str:
    password = site.stack.secrets["postgres"]
    return make_conninfo(site.settings.store, user="postgres", password=password)


FOLDER_IN_A_FILE = "file:///proc/version/documents"
UUID = "('00000000-0000-0000-0000-' || lpad({}::text, 12, '0'))::uuid"
LEDGER = (
    "entry_id, wallet_id as account_id, transaction_id, posted_at, amount_minor, currency, kind,"
    " description, counterparty from platform.ledger_entries"
)

FIRST_DAY: tuple[Misconfiguration, ...] = (
    Misconfiguration(
        "fence role without pg_monitor",
        executed("revoke pg_monitor from closebook_fence", "grant pg_monitor to closebook_fence"),
        "fence-sees-nobody",
        "grant pg_monitor to closebook_fence",
    ),
    Misconfiguration(
        "reader without usage on the schema",
        executed(
            "revoke usage on schema reporting_source from closebook_reader",
            "grant usage on schema reporting_source to closebook_reader",
        ),
        "schema-not-granted",
        "grant usage on schema reporting_source to closebook_reader",
    ),
    Misconfiguration(
        "reader without execute on a function",
        executed(
            "revoke execute on function reporting_source.wal_receiver() from closebook_reader",
            "grant execute on function reporting_source.wal_receiver() to closebook_reader",
        ),
        "function-not-granted",
        "grants.sql",
    ),
    Misconfiguration(
        "reader without select on one view",
        executed(
            "revoke select on reporting_source.merchants from closebook_reader",
            "grant select on reporting_source.merchants to closebook_reader",
        ),
        "view-not-granted",
        "grant select on reporting_source.merchants to closebook_reader",
    ),
    Misconfiguration(
        "wrong password, primary",
        changed(lambda site: {"primary": make_conninfo(site.settings.primary, password=WRONG)}),
        "primary-login-refused",
        "closebook_primary",
    ),
    Misconfiguration(
        "wrong password, replica",
        changed(_wrong_password_of_a_replica),
        "replica-login-refused",
        "replica_a",
    ),
    Misconfiguration(
        "connections of two clusters",
        _two_clusters,
        "two-clusters",
        "at one platform",
        # The test asks the other cluster as its superuser.
        ["role-too-strong"],
    ),
    Misconfiguration(
        "reader's connection leads to the primary",
        changed(_on_the_primary),
        "replica-is-primary",
        "at a replica",
    ),
    Misconfiguration(
        "fence's connection leads to a replica",
        changed(_on_a_replica),
        "primary-is-replica",
        "at the primary",
    ),
    Misconfiguration("hot_standby off", _hot_standby_off, "hot-standby-off", "hot_standby = on"),
    Misconfiguration(
        "PgBouncer in session mode",
        pooler("pool_mode", "session", "transaction"),
        "pooler-session-mode",
        "Nothing",
    ),
    Misconfiguration(
        "PgBouncer in statement mode",
        pooler("pool_mode", "statement", "transaction"),
        "pooler-statement-mode",
        "pool_mode = transaction",
    ),
    Misconfiguration(
        "PgBouncer pool of one",
        pooler("default_pool_size", "1", "8"),
        "pooler-too-small",
        "default_pool_size",
    ),
    Misconfiguration(
        "track_activities off",
        executed(
            "alter database {database} set track_activities = off",
            "alter database {database} reset track_activities",
        ),
        "untracked-activities",
        "reset track_activities",
    ),
    Misconfiguration(
        "track_activities off for a role",
        executed(
            "alter role closebook_reader set track_activities = off",
            "alter role closebook_reader reset track_activities",
        ),
        "untracked-activities",
        "alter role closebook_reader reset track_activities",
    ),
    Misconfiguration("primary's clock 55 minutes behind", _slow_clock, "clock-wrong", "chrony"),
    Misconfiguration(
        "Redis is down",
        changed(lambda _: {"redis_url": url(1)}),
        "redis-unreachable",
        "closebook_redis",
    ),
    Misconfiguration(
        "Redis, wrong password",
        redis_with("requirepass secret", log_in=":wrong@"),
        "redis-login-refused",
        "closebook_redis",
    ),
    Misconfiguration(
        "Redis, ACL",
        redis_with(
            f"user narrow on >secret resetkeys ~{COUNTER_KEY} -@all +get",
            log_in="narrow:secret@",
        ),
        "redis-not-granted",
        "+evalsha +script|load +get +set",
    ),
    Misconfiguration(
        "Redis is a replica",
        redis_with(f"replicaof {LOOPBACK} 1"),
        "redis-is-replica",
        "can be written",
    ),
    Misconfiguration("Redis is a cluster", _cluster, "redis-is-cluster", "cluster-enabled no"),
    Misconfiguration("Redis, WRONGTYPE", _another_kind, "redis-key-taken", f"del {COUNTER_KEY}"),
    Misconfiguration(
        "Redis with allkeys-lru",
        redis_with("maxmemory 100mb", "maxmemory-policy allkeys-lru"),
        "redis-evicts",
        "noeviction",
    ),
    Misconfiguration(
        "documents folder not writable",
        changed(lambda _: {"documents_url": FOLDER_IN_A_FILE}),
        "documents-not-writable",
        "CLOSEBOOK_DOCUMENTS_URL",
    ),
    Misconfiguration(
        "store not migrated", _store_without_tables, "store-not-migrated", "closebook migrate"
    ),
    Misconfiguration(
        "store lacks the last migration",
        _a_store_that_lacks_the_last_migration,
        "store-not-migrated",
        "closebook migrate",
    ),
    Misconfiguration(
        "view lacks a column",
        column("transactions", "user_country", None),
        "column-missing",
        "null::text as user_country",
    ),
    Misconfiguration(
        "amount as numeric of major units",
        column("transactions", "amount_minor", "(amount_minor / 100.0)::numeric(30, 5)"),
        "amount-type",
        "major units",
    ),
    Misconfiguration(
        "settled_at without time zone",
        column("transactions", "settled_at", "settled_at at time zone 'UTC'"),
        "instant-type",
        "at time zone",
    ),
    Misconfiguration(
        "value date with a time",
        column("ledger_entries", "value_date", "posted_at"),
        "date-type",
        "::date",
    ),
    *(
        Misconfiguration(
            f"ledger amount {kind}",
            column("ledger_entries", "amount_minor", f"amount_minor::{kind}"),
            "amount-type",
            "amount_minor::bigint",
        )
        for kind in ("numeric", "int4", "float8")
    ),
    Misconfiguration("status as an enum", _status_as_an_enum, "text-type", "status::text"),
    *(
        Misconfiguration(
            f"{key} as {kind}",
            column(view, key, expression.format(key)),
            "key-type",
            "in CLOSEBOOK_KEYS and run closebook migrate",
        )
        for view, key in (
            ("ledger_entries", "entry_id"),
            ("accounts", "account_id"),
            ("transactions", "merchant_id"),
        )
        for kind, expression in (("uuid", UUID), ("text", "{}::text"))
    ),
    Misconfiguration("currency BTC", _bitcoin, "currency-unknown", "ISO 4217"),
    Misconfiguration(
        "no ledger",
        rows("ledger_entries", f"select {LEDGER} where false"),
        "no-ledger",
        "Nothing",
    ),
    Misconfiguration(
        "wrong password, desk",
        _desk_with(password=WRONG),
        "desk-login-refused",
        "closebook_desk",
    ),
    Misconfiguration("desk's server is down", _desk_with(port=1), "desk-unreachable", "Start it"),
    Misconfiguration(
        "desk logs in as the closes do",
        changed(_desk_as_the_closes),
        "desk-not-granted",
        "as closebook_desk",
    ),
    Misconfiguration(
        "no key of decisions in Airflow",
        changed(_no_password_of_the_key),
        "decision-key-missing",
        DECISIONS_CONNECTION,
    ),
    Misconfiguration(
        "another key of decisions in Airflow",
        changed(lambda site: {"api_server": replace(site.api_server, decision_key=WRONG)}),
        "decision-key-differs",
        "closebook decision-key",
    ),
    Misconfiguration(
        "no key of decisions in the store",
        _store_without_key,
        "decision-key-differs",
        "closebook decision-key",
    ),
    Misconfiguration(
        "app's Redis, wrong password",
        _redis_of_the_app("requirepass secret", log_in=":wrong@"),
        "redis-login-refused",
        "closebook_redis_app",
    ),
    Misconfiguration(
        "app's Redis, ACL",
        _redis_of_the_app(
            "user narrow on >secret resetkeys ~another:key -@all +get", log_in="narrow:secret@"
        ),
        "redis-not-granted",
        f"%R~{COUNTER_KEY} +get",
    ),
)
