"""The fence: a transaction that may still commit into a period keeps it open, and no other does."""

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import make_conninfo

from closebook.closes.hour import close_hour
from closebook.errors import NotReady
from closebook.periods import HOUR, hour_of
from closebook.platform import fence
from closebook.settings import Settings
from local.stack import Stack
from tests.books import Books
from tests.close_fixtures import RUN, eventually, hour_ending
from tests.platform_rows import Platform, utc

PAST = hour_of(utc("2026-10-15T09:00Z"))


@pytest.fixture(autouse=True)
def within_one_hour() -> None:
    """Wait for the next hour if it begins in a moment, so that the test stays within one hour."""
    seconds_left = (hour_of(datetime.now(UTC)).end - datetime.now(UTC)).total_seconds()
    if seconds_left < 20:
        time.sleep(seconds_left + 1)


@contextmanager
def application(platform: Platform, name: str = "checkout") -> Iterator[psycopg.Connection[Any]]:
    """A connection of the platform's own application."""
    conninfo = make_conninfo(platform.conninfo, application_name=name)
    with psycopg.connect(conninfo) as connection:
        yield connection


def begin(connection: psycopg.Connection[Any]) -> None:
    """Open a transaction that has done nothing yet: no row, no lock, no transaction id."""
    connection.execute("select 1")


# ---- the clock -------------------------------------------------------------------------


def test_a_period_of_the_future_is_refused_at_once(settings: Settings, platform: Platform) -> None:
    started = time.monotonic()

    with pytest.raises(NotReady, match="has not ended"):
        close_hour(settings, hour_of(platform.now() + HOUR), RUN)

    # Not at its end, and not after a wait: an hour is far longer than any busy machine needs.
    assert time.monotonic() - started < 60


def test_the_fence_waits_out_the_grace_on_the_clock_of_the_primary(
    settings: Settings, platform: Platform
) -> None:
    """A backend may report its transaction late, by less than the grace."""
    hour = hour_ending(platform.now())

    raised = fence.take_fence(replace(settings, fence_grace_seconds=0.4), hour)

    assert raised.observed_at >= hour.end + timedelta(seconds=0.4)


# ---- open transactions ------------------------------------------------------------------


def test_a_transaction_open_since_before_the_end_keeps_the_period_open(
    settings: Settings, platform: Platform, books: Books
) -> None:
    with application(platform) as checkout:
        begin(checkout)
        hour = hour_ending(platform.now())

        with pytest.raises(NotReady) as refused:
            close_hour(settings, hour, RUN)

        assert f"pid {checkout.info.backend_pid}" in str(refused.value)
        assert "application 'checkout'" in str(refused.value)
        assert books.versions(hour) == []


def test_a_period_closes_with_the_row_of_an_open_transaction_once_it_has_committed(
    settings: Settings, platform: Platform, books: Books
) -> None:
    with application(platform) as checkout:
        begin(checkout)
        row = checkout.execute("select now()").fetchone()
        assert row is not None
        stamped_at = row[0]
        hour = hour_ending(platform.now())
        with pytest.raises(NotReady):
            close_hour(settings, hour, RUN)
        platform.settle(stamped_at, 4200, within=checkout)

    close_hour(settings, hour, RUN)

    assert books.hour(hour) == platform.volume(hour) == {("USD", "payment"): (1, 4200, 0, 0)}


def test_a_transaction_that_began_after_the_end_is_no_obstacle(
    settings: Settings, platform: Platform
) -> None:
    hour = hour_ending(platform.now())
    with application(platform) as checkout:
        begin(checkout)
        platform.settle(platform.now(), 4200, within=checkout)
        platform.open_account(1)  # a commit, which sends the open transaction's rows along

        assert close_hour(settings, hour, RUN).outcome == "new"


def test_a_grace_covers_rows_that_were_stamped_before_their_transaction_began(
    settings: Settings, platform: Platform, books: Books
) -> None:
    covering = replace(settings, fence_grace_seconds=2.5)
    stamped_at = platform.now()
    hour = hour_ending(platform.now())
    with application(platform) as checkout:
        begin(checkout)
        platform.settle(stamped_at, 4200, within=checkout)

        with pytest.raises(NotReady, match="may still commit into it"):
            close_hour(covering, hour, RUN)

    close_hour(covering, hour, RUN)

    assert books.hour(hour) == platform.volume(hour) == {("USD", "payment"): (1, 4200, 0, 0)}


def test_a_transaction_that_began_later_than_the_grace_covers_is_no_obstacle(
    settings: Settings, platform: Platform
) -> None:
    hour = hour_ending(platform.now())
    time.sleep(0.3)
    with application(platform) as checkout:
        begin(checkout)

        # Half a second of the grace is for backends that show their transaction late.
        assert close_hour(replace(settings, fence_grace_seconds=0.7), hour, RUN).outcome == "new"


def test_a_session_that_is_merely_idle_is_no_obstacle(
    settings: Settings, platform: Platform
) -> None:
    with application(platform) as checkout:
        begin(checkout)
        checkout.commit()

        assert close_hour(settings, hour_ending(platform.now()), RUN).outcome == "new"


def test_a_transaction_in_another_database_is_no_obstacle(
    stack: Stack, settings: Settings, platform: Platform
) -> None:
    with psycopg.connect(stack.primary_admin("postgres")) as elsewhere:
        begin(elsewhere)

        assert close_hour(settings, hour_ending(platform.now()), RUN).outcome == "new"


def test_autovacuum_at_work_is_no_obstacle(
    stack: Stack, settings: Settings, platform: Platform
) -> None:
    """Its transaction lasts as long as the table is large, and writes none of the rows."""
    with vacuumed_slowly(stack, platform):
        eventually(lambda: vacuuming_workers(platform), seconds=60)
        working = vacuuming_workers(platform)
        hour = hour_ending(platform.now())

        assert close_hour(settings, hour, RUN).outcome == "new"
        assert vacuuming_workers(platform) == working


@contextmanager
def vacuumed_slowly(stack: Stack, platform: Platform) -> Iterator[None]:
    """A table that autovacuum will come to within seconds, and work on for minutes."""
    execute = platform.connection.execute
    execute(
        "create table platform.swept with (autovacuum_vacuum_cost_delay = 100,"
        " autovacuum_vacuum_cost_limit = 1, autovacuum_vacuum_threshold = 0,"
        " autovacuum_vacuum_scale_factor = 0) as select generate_series(1, 500000) as row_id"
    )
    execute("delete from platform.swept")
    with psycopg.connect(stack.primary_admin(), autocommit=True) as admin:
        admin.execute("alter system set autovacuum_naptime = '1s'")
        admin.execute("select pg_reload_conf()")
        try:
            yield
        finally:
            admin.execute("alter system reset autovacuum_naptime")
            admin.execute("select pg_reload_conf()")
            execute("drop table platform.swept")  # which autovacuum gives way to


def vacuuming_workers(platform: Platform) -> list[tuple[Any, ...]]:
    """The workers of autovacuum at the table, with the start of their transactions."""
    return platform.connection.execute(
        "select pid, xact_start from pg_stat_activity where backend_type = 'autovacuum worker'"
        " and datname = current_database() and query like '%VACUUM%platform.swept'"
    ).fetchall()


def test_a_session_that_hides_its_transactions_keeps_the_period_open(
    settings: Settings, platform: Platform
) -> None:
    with application(platform, "secretive") as hiding:
        hiding.execute("set track_activities = off")
        hiding.commit()
        begin(hiding)

        with pytest.raises(NotReady, match=r"'secretive'.*track_activities"):
            close_hour(settings, hour_ending(platform.now()), RUN)


# ---- prepared transactions --------------------------------------------------------------


@pytest.fixture
def prepared(stack: Stack, platform: Platform) -> Iterator[str]:
    """The name for a prepared transaction, which is rolled back if the test leaves it."""
    name = f"transfer of {platform.database}"
    yield name
    with psycopg.connect(platform.conninfo, autocommit=True) as connection:
        left = connection.execute("select 1 from pg_prepared_xacts where gid = %s", [name])
        if left.fetchone() is not None:
            finish_prepared(connection, "rollback", name)


def finish_prepared(connection: psycopg.Connection[Any], how: str, name: str) -> None:
    statement = sql.SQL("{} prepared {}").format(
        sql.SQL({"commit": "commit", "rollback": "rollback"}[how]), sql.Literal(name)
    )
    connection.execute(statement)


def prepare(connection: psycopg.Connection[Any], name: str) -> None:
    connection.execute(sql.SQL("prepare transaction {}").format(sql.Literal(name)))


def test_a_transaction_prepared_before_the_end_keeps_the_period_open_until_it_commits(
    settings: Settings, platform: Platform, books: Books, prepared: str
) -> None:
    with psycopg.connect(platform.conninfo, autocommit=True) as transfer:
        transfer.execute("begin")
        platform.settle(platform.now(), 4200, within=transfer)
        prepare(transfer, prepared)
        hour = hour_ending(platform.now())

        with pytest.raises(NotReady, match=prepared):
            close_hour(settings, hour, RUN)

        finish_prepared(transfer, "commit", prepared)
    close_hour(settings, hour, RUN)
    assert books.hour(hour) == platform.volume(hour) == {("USD", "payment"): (1, 4200, 0, 0)}


def test_a_transaction_that_began_before_the_end_counts_even_when_it_is_prepared_after_it(
    settings: Settings, platform: Platform, prepared: str
) -> None:
    """Its rows carry the start of the transaction, not the time of its preparation."""
    with psycopg.connect(platform.conninfo, autocommit=True) as transfer:
        transfer.execute("begin")
        row = transfer.execute("select now()").fetchone()
        assert row is not None
        platform.settle(row[0], 4200, within=transfer)
        hour = hour_ending(platform.now())
        prepare(transfer, prepared)

        with pytest.raises(NotReady, match=prepared):
            close_hour(settings, hour, RUN)


def test_the_fence_goes_on_waiting_for_a_transaction_that_is_prepared_meanwhile(
    settings: Settings, platform: Platform, books: Books, prepared: str
) -> None:
    patient = replace(settings, fence_wait_seconds=20.0)
    with (
        psycopg.connect(platform.conninfo, autocommit=True) as transfer,
        ThreadPoolExecutor() as pool,
    ):
        transfer.execute("begin")
        row = transfer.execute("select now()").fetchone()
        assert row is not None
        platform.settle(row[0], 4200, within=transfer)
        hour = hour_ending(platform.now())
        platform.connection.execute("select pg_stat_statements_reset()")
        closing = pool.submit(close_hour, patient, hour, RUN)
        eventually(lambda: fence_has_looked_twice(platform))
        prepare(transfer, prepared)
        time.sleep(0.5)
        assert not closing.done()

        finish_prepared(transfer, "commit", prepared)
        closing.result(timeout=120)

    assert books.hour(hour) == platform.volume(hour) == {("USD", "payment"): (1, 4200, 0, 0)}


def fence_has_looked_twice(platform: Platform) -> bool:
    """Whether the fence has found an obstacle and asked again since the statistics began."""
    row = platform.connection.execute(
        "select coalesce(max(calls), 0) >= 2 from pg_stat_statements"
        " inner join pg_roles on pg_roles.oid = userid where rolname = 'closebook_fence'"
    ).fetchone()
    return row == (True,)


# ---- where the log stands ---------------------------------------------------------------


def log_position(platform: Platform) -> int:
    row = platform.connection.execute(
        "select (pg_current_wal_insert_lsn() - '0/0')::bigint"
    ).fetchone()
    assert row is not None
    return int(row[0])


def fill_page(platform: Platform, page_bytes: int) -> None:
    """Write one record to the log that ends exactly where the page does."""
    overhead_bytes = 24 + 5 + 24 + 2  # the record's head, its data's head, the message's, "x\0"
    while True:
        room_bytes = -log_position(platform) % page_bytes
        wanted = room_bytes - overhead_bytes
        platform.connection.execute(
            "select pg_logical_emit_message(false, 'x', repeat('x', %s))",
            [wanted if wanted > 256 else 1000],
        )
        if log_position(platform) % page_bytes == 24:
            return


def test_an_idle_primary_whose_log_stands_at_the_start_of_a_segment_is_ready(
    settings: Settings, platform: Platform, books: Books
) -> None:
    segment_bytes = 16 * 1024**2
    for _ in range(10):
        platform.open_account(int(time.monotonic() * 1e6))
        platform.connection.execute("select pg_switch_wal()")
        started = time.monotonic()
        close = close_hour(settings, PAST, RUN)
        seconds = time.monotonic() - started
        if fence.take_fence(settings, PAST).position % segment_bytes == 0:
            break
    else:
        pytest.fail("something else kept writing to the primary's log")

    assert close.outcome in {"new", "confirmed"}
    assert seconds < settings.replica_wait_seconds / 2
    assert log_position(platform) % segment_bytes == 40
    assert books.versions(PAST)


def test_an_idle_primary_whose_log_stands_at_the_start_of_a_page_is_ready(
    settings: Settings, platform: Platform
) -> None:
    for _ in range(10):
        fill_page(platform, 8192)
        position = log_position(platform)
        started = time.monotonic()
        close = close_hour(settings, PAST, RUN)
        seconds = time.monotonic() - started
        if log_position(platform) == position:
            break
    else:
        pytest.fail("something else kept writing to the primary's log")

    assert close.outcome in {"new", "confirmed"}
    assert position % 8192 == 24
    assert seconds < settings.replica_wait_seconds / 2


def test_the_fence_lies_after_the_commit_of_every_row_of_the_period(
    settings: Settings, platform: Platform
) -> None:
    platform.settle(PAST.start, 100)
    after_the_commit = log_position(platform)

    assert fence.take_fence(settings, PAST).position >= after_the_commit - 40


def test_the_fence_is_written_as_postgresql_writes_positions(
    settings: Settings, platform: Platform
) -> None:
    raised = fence.take_fence(settings, PAST)

    row = platform.connection.execute(
        "select ('0/0'::pg_lsn + %s::numeric)::text", [raised.position]
    ).fetchone()
    assert row == (raised.lsn,)
