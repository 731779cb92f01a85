"""On the primary run the fence and the health collection only, and both are cheap."""

import re
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace

import psycopg
import pytest
from psycopg.conninfo import make_conninfo
from psycopg.rows import DictRow, dict_row

from closebook.closes.day import close_day
from closebook.closes.hour import close_hour
from closebook.closes.month import close_month
from closebook.errors import Misconfigured, Transient
from closebook.monitoring import collect
from closebook.periods import day_of, hour_of, parse_month
from closebook.platform import fence
from closebook.platform.fence import take_fence
from closebook.settings import Settings
from closebook.sql import SQL_FOLDER, query
from local.addresses import PRIMARY
from local.stack import Stack
from tests.books import Books
from tests.close_fixtures import RUN, eventually
from tests.faults.network_proxy import NetworkProxy
from tests.platform_rows import Platform, utc

NINE = hour_of(utc("2026-10-15T09:00Z"))
NOON = utc("2026-10-31T12:00Z")
NEW_YORK = "America/New_York"
FENCES = 50


@pytest.fixture
def counted(settings: Settings, platform: Platform) -> None:
    """A row of each kind, written before the statistics begin."""
    platform.open_account(1)
    platform.settle(NOON, 100)
    platform.post(1, NOON, 100)
    platform.connection.execute("select pg_stat_statements_reset()")


def close_all(settings: Settings) -> None:
    """Close an hour, a day and a month with a row each."""
    close_hour(settings, hour_of(NOON), RUN)
    close_day(settings, day_of(NOON.date(), NEW_YORK), RUN)
    close_month(settings, parse_month("2026-10", NEW_YORK), RUN)


@pytest.mark.usefixtures("counted")
def test_three_closes_run_the_statements_of_the_fence_on_the_primary_and_no_other(
    settings: Settings, platform: Platform
) -> None:
    close_all(settings)
    ran = statements(platform, "closebook%")

    assert {row["role"] for row in ran} == {"closebook_fence"}
    assert {row["queryid"] for row in ran} == fence_statements(platform)
    # Each as often as the others, at least once a close.
    assert len({row["calls"] for row in ran}) == 1
    assert ran[0]["calls"] >= 3


@pytest.mark.usefixtures("counted")
def test_a_collection_of_health_runs_its_three_files_on_the_primary_and_no_other(
    settings: Settings, platform: Platform
) -> None:
    collect.collect(settings)
    ran = statements(platform, "closebook%")

    assert {row["role"] for row in ran} == {"closebook_fence"}
    assert {row["queryid"] for row in ran} == health_statements(platform)
    assert {row["calls"] for row in ran} == {1}


@pytest.mark.usefixtures("counted")
def test_closes_and_a_health_collection_run_only_their_files_on_the_primary_and_scan_no_table(
    settings: Settings, platform: Platform
) -> None:
    scanned_before = scans_of_tables(platform)
    close_all(settings)
    collect.collect(settings)
    ran = statements(platform, "closebook%")

    assert scans_of_tables(platform) == scanned_before
    assert {row["role"] for row in ran} == {"closebook_fence"}
    assert {row["queryid"] for row in ran} == fence_statements(platform) | health_statements(
        platform
    )
    assert len(ran) == 4 + 3
    for row in ran:
        assert row["query"].lstrip().startswith(("--", "select", "with"))
        code = re.sub(r"--.*", "", row["query"])
        sources = re.findall(r"\b(?:from|join)\s+([a-z_.]+)", code)
        assert {name for name in sources if not name.startswith("pg_")} <= COMMON_TABLES
    # Who does read a table shows in what was compared.
    platform.connection.execute("select count(*) from platform.transactions")
    assert scans_of_tables(platform) != scanned_before


def scans_of_tables(platform: Platform) -> DictRow | None:
    """How often the platform's tables and their indexes have been scanned on the primary."""
    # A session tells of its reads when it is idle for a while, when it is asked to, or as it ends.
    platform.connection.execute("select pg_stat_force_next_flush()")
    eventually(lambda: not sessions_of_the_fence(platform))
    with psycopg.connect(platform.conninfo, row_factory=dict_row) as admin:
        return admin.execute(
            "select sum(seq_scan) as of_tables, sum(coalesce(idx_scan, 0)) as of_indexes"
            " from pg_stat_user_tables"
        ).fetchone()


def sessions_of_the_fence(platform: Platform) -> int:
    row = platform.connection.execute(
        "select count(*) from pg_stat_activity where usename = 'closebook_fence'"
    ).fetchone()
    assert row is not None
    return int(row[0])


def test_the_folder_of_the_primary_holds_only_the_files_that_run_there() -> None:
    there = {path.stem for path in (SQL_FOLDER / "primary").glob("*.sql")}
    assert there == {"fence", "pg_stat_activity", "pg_stat_statements"}


# The names that the files of sql/primary/ and sql/health/ give to their own subqueries.
COMMON_TABLES = {
    *("index_blocks", "counters", "control", "timelines", "statements", "ranked"),
    "clock_timestamp",
}


def fence_statements(platform: Platform) -> set[int]:
    """The query ids of the statements of fence.sql, which are the same for every role."""
    with statistics_reset(platform) as admin:
        admin.execute(query("primary/fence"), {"read_only_roles": ["analyst"]})
    ran = statements(platform, "postgres")
    return {row["queryid"] for row in ran if "pg_stat_statements_reset" not in row["query"]}


def health_statements(platform: Platform) -> set[int]:
    """The query ids of the three files that a health collection runs on the primary."""
    with statistics_reset(platform) as admin:
        admin.execute(query("health/read_server"))
        admin.execute(query("primary/pg_stat_activity"), {"long_query_seconds": 1.0})
        admin.execute(query("primary/pg_stat_statements"), {"slow_statement_ms": 1.0})
    ran = statements(platform, "postgres")
    return {row["queryid"] for row in ran if "pg_stat_statements_reset" not in row["query"]}


@contextmanager
def statistics_reset(platform: Platform) -> Iterator[psycopg.Connection[tuple[object, ...]]]:
    """Reset the statistics; yield the superuser's connection, with parameters in the text."""
    with psycopg.connect(
        platform.conninfo, autocommit=True, cursor_factory=psycopg.ClientCursor
    ) as admin:
        admin.execute("select pg_stat_statements_reset()")
        yield admin


def statements(platform: Platform, roles: str) -> list[DictRow]:
    """What roles have run in the platform's database since the statistics began."""
    with psycopg.connect(platform.conninfo, autocommit=True, row_factory=dict_row) as admin:
        return admin.execute(
            "select rolname as role, queryid, query, calls, mean_exec_time as mean_ms"
            " from pg_stat_statements inner join pg_roles on pg_roles.oid = userid"
            " inner join pg_database on pg_database.oid = dbid"
            " where datname = current_database() and rolname like %s",
            [roles],
        ).fetchall()


def test_each_statement_of_the_fence_takes_less_than_a_millisecond_beside_closes_and_health(
    settings: Settings, platform: Platform
) -> None:
    # On a machine that is busy otherwise, not at the first try.
    eventually(lambda: slowest_mean_ms(settings, platform) < 1.0, seconds=60)


def slowest_mean_ms(settings: Settings, platform: Platform) -> float:
    """The mean of the slowest of the fence's statements in the closes, and in some more fences."""
    of_fence = fence_statements(platform)
    platform.connection.execute("select pg_stat_statements_reset()")
    close_all(settings)
    collect.collect(settings)
    for _ in range(FENCES):
        take_fence(settings, NINE)
    ran = statements(platform, "closebook%")
    took_ms = [row["mean_ms"] for row in ran if row["queryid"] in of_fence]
    assert len(took_ms) == 4
    return float(max(took_ms))


def test_the_fence_role_could_read_no_table_of_the_platform(platform: Platform) -> None:
    assert (
        platform.connection.execute(
            "select relname from pg_class inner join pg_namespace n on n.oid = relnamespace"
            " where nspname not in ('pg_catalog', 'information_schema', 'pg_toast')"
            " and nspname !~ '^pg_temp' and relkind in ('r', 'v', 'm', 'p', 'S')"
            " and relname not like 'pg_stat_statements%'"
            " and has_table_privilege('closebook_fence', pg_class.oid,"
            " 'select, insert, update, delete, truncate')"
        ).fetchall()
        == []
    )


# ---- a primary that is out of reach, or the wrong one ------------------------------------


def test_without_the_primary_nothing_is_closed_and_a_retry_is_asked_for(
    settings: Settings, books: Books
) -> None:
    unreachable = replace(settings, primary=make_conninfo(settings.primary, port=1))

    with pytest.raises(Transient, match="the primary"):
        close_hour(unreachable, NINE, RUN)

    assert books.versions(NINE) == []


def test_a_frozen_primary_does_not_hold_the_close_up(
    stack: Stack, settings: Settings, platform: Platform, books: Books
) -> None:
    hurried = replace(settings, primary=make_conninfo(settings.primary, connect_timeout=2))
    with ThreadPoolExecutor() as pool:
        stack.freeze(PRIMARY)
        try:
            closing = pool.submit(close_hour, hurried, NINE, RUN)
            with pytest.raises(Transient, match="the primary cannot be asked for a fence"):
                closing.result(timeout=120)
        finally:
            stack.thaw(PRIMARY)

    assert books.versions(NINE) == []


def test_a_primary_that_freezes_during_the_fence_query_does_not_hold_the_close_up(
    stack: Stack,
    monkeypatch: pytest.MonkeyPatch,
    settings: Settings,
    platform: Platform,
    books: Books,
) -> None:
    monkeypatch.setattr(fence, "ANSWER_SECONDS", 0.5)
    with (
        ThreadPoolExecutor() as pool,
        NetworkProxy(stack.ports[PRIMARY], b"pg_stat_activity") as proxy,
    ):
        through = replace(settings, primary=make_conninfo(settings.primary, port=proxy.port))
        closing = pool.submit(close_hour, through, NINE, RUN)
        proxy.wait_until_reached()

        with pytest.raises(Transient, match=r"the fence failed .*: no answer within 0\.5 s"):
            closing.result(timeout=120)

    assert books.versions(NINE) == []


def test_a_primary_whose_connections_are_all_taken_is_asked_again_in_whatever_language_it_refuses(
    stack: Stack, settings: Settings, platform: Platform
) -> None:
    both = [psycopg.connect(settings.primary) for _ in range(2)]
    with pytest.raises(psycopg.OperationalError):
        psycopg.connect(settings.primary)
    with ThreadPoolExecutor() as pool:
        closing = pool.submit(close_hour, settings, NINE, RUN)
        time.sleep(0.5)
        assert not closing.done()
        both[0].close()

        assert closing.result(timeout=120).outcome == "new"
    both[1].close()


def test_a_fence_role_without_a_privilege_that_it_needs_is_misconfigured(
    settings: Settings, platform: Platform, books: Books
) -> None:
    execute = platform.connection.execute
    execute("revoke execute on function pg_control_system() from public")
    try:
        with pytest.raises(Misconfigured, match=r"refuses the fence: permission .*roles\.sql"):
            close_hour(settings, NINE, RUN)
    finally:
        execute("grant execute on function pg_control_system() to public")

    assert books.versions(NINE) == []


def test_a_fence_role_that_cannot_see_other_sessions_is_misconfigured(
    stack: Stack, settings: Settings, platform: Platform, books: Books
) -> None:
    """Without pg_monitor every other session looks as if it had no transaction."""
    with psycopg.connect(stack.primary_admin(), autocommit=True) as admin:
        admin.execute("revoke pg_monitor from closebook_fence")
        try:
            with pytest.raises(Misconfigured, match="grant pg_monitor"):
                close_hour(settings, NINE, RUN)
        finally:
            admin.execute("grant pg_monitor to closebook_fence")

    assert sum(books.size().values()) == 0


def test_a_fence_on_another_database_than_the_replicas_is_refused(
    stack: Stack, settings: Settings, books: Books
) -> None:
    elsewhere = replace(settings, primary=stack.fence("postgres"))

    with pytest.raises(Misconfigured, match=r"refuses the fence: .*grants\.sql"):
        close_hour(elsewhere, NINE, RUN)

    assert sum(books.size().values()) == 0


TIMELINE_HISTORY = """
create schema reporting_source;
create function reporting_source.timeline_history(of_timeline integer) returns text
language sql return '';
"""


def test_a_fence_on_another_cluster_than_the_replicas_is_refused(
    stack: Stack, settings: Settings, platform: Platform, books: Books
) -> None:
    """The log positions of two clusters cannot be compared."""
    with psycopg.connect(stack.store_admin(), autocommit=True) as other:
        other.execute(f"create database {platform.database}")  # the same name, elsewhere
    try:
        with psycopg.connect(stack.store_admin(platform.database)) as other_platform:
            other_platform.execute(TIMELINE_HISTORY)
        elsewhere = replace(settings, primary=stack.store_admin(platform.database))
        with pytest.raises(Misconfigured, match="point the connections of both at one platform"):
            close_hour(elsewhere, NINE, RUN)
    finally:
        with psycopg.connect(stack.store_admin(), autocommit=True) as other:
            other.execute(f"drop database {platform.database} with (force)")

    assert sum(books.size().values()) == 0
