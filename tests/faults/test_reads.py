"""A replica or its pooler is lost in the midst of a close, which then ends on another one."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from typing import LiteralString

import psycopg
import pytest
from psycopg import sql

from closebook.closes.hour import close_hour
from closebook.closes.month import close_month
from closebook.closes.values import Close
from closebook.errors import NotReady
from closebook.periods import HOUR, hour_of, parse_month
from closebook.settings import Settings
from local.addresses import POOLERS, REPLICAS
from local.stack import Stack
from tests.books import Books
from tests.close_fixtures import ONE_REPLICA, eventually, hurried, store_held, waiting_to_write
from tests.faults.held_read import held_reads
from tests.faults.outcome import (
    assert_closed,
    assert_no_transaction_is_open,
    assert_nothing_is_left,
    assert_nothing_written,
)
from tests.faults.server_restart import start_again
from tests.platform_rows import Platform, utc

NINE = hour_of(utc("2026-10-15T09:00Z"))
OCTOBER = parse_month("2026-10", "America/New_York")
HOURLY_VOLUME = "copy%transaction_count%"
CONTROL_TOTALS = "%row_count%"
STATEMENT_LINES = "copy%left(counterparty,%"
POOLER_OF = {replica: pooler for pooler, replica in POOLERS.items()}
OTHER = dict(zip(REPLICAS, REPLICAS[::-1], strict=True))


def fill(platform: Platform) -> None:
    """Two currencies, and a row on each edge of the hour."""
    platform.settle(NINE.start, 1000, fee_minor=30)
    platform.settle(NINE.end - timedelta(microseconds=1), 250, "JPY")
    platform.settle(NINE.end, 99)


def assert_closed_on(books: Books, platform: Platform, replica: str) -> None:
    assert_closed(books, platform, NINE)
    assert books.versions(NINE)[-1]["replica_name"] == replica


# ---- killed, and shut down --------------------------------------------------------------


@pytest.mark.parametrize("statement", [HOURLY_VOLUME, CONTROL_TOTALS], ids=["copy", "query"])
@pytest.mark.parametrize("end", [Stack.kill, Stack.stop], ids=["killed", "shut down"])
def test_a_replica_that_stops_during_a_read(
    stack: Stack,
    settings: Settings,
    platform: Platform,
    books: Books,
    end: Callable[[Stack, str], None],
    statement: str,
) -> None:
    fill(platform)
    with (
        ThreadPoolExecutor() as pool,
        held_reads(stack, platform, "transactions", statement) as hold,
    ):
        closing = pool.submit(close_hour, settings, NINE, ONE_REPLICA)
        lost = hold.reached_on()
        end(stack, lost)
        hold.release()
        assert closing.result(timeout=120).outcome == "new"

    assert_closed_on(books, platform, OTHER[lost])
    assert_no_transaction_is_open(stack, settings)


def test_a_replica_that_is_killed_when_half_of_a_copy_is_there(
    stack: Stack, settings: Settings, platform: Platform, books: Books
) -> None:
    # Given a month whose lines are on their way into the store, some there and some not
    entries = 20_000
    platform.open_account(1)
    platform.connection.execute(
        "insert into platform.ledger_entries (entry_id, wallet_id, posted_at, amount_minor,"
        " currency, kind, description) select n, 1, %s, n, 'USD', 'payment', 'An entry'"
        " from generate_series(1, %s) as n",
        [OCTOBER.start + HOUR, entries],
    )
    with (
        ThreadPoolExecutor() as pool,
        held_reads(stack, platform, "ledger_entries", STATEMENT_LINES, past=entries // 2) as hold,
    ):
        closing = pool.submit(close_month, settings, OCTOBER, ONE_REPLICA)
        lost = hold.reached_on()
        eventually(lambda: copied_rows(settings) > 1000)
        # when the replica dies,
        stack.kill(lost)
        hold.release()
        close = closing.result(timeout=120)

    # then none of these lines is there twice.
    assert books.statements(close.close_id) == {1: (0, entries * (entries + 1) // 2, entries)}
    assert books.size()["statement_lines"] == entries
    [version] = books.versions(OCTOBER)
    assert (version["is_current"], version["replica_name"]) == (True, OTHER[lost])
    assert_nothing_is_left(books)


def copied_rows(settings: Settings) -> int:
    """How many rows the store has taken in from a COPY that goes on."""
    with psycopg.connect(settings.store) as store:
        row = store.execute(
            "select coalesce(max(tuples_processed), 0) from pg_stat_progress_copy"
            " where datname = current_database()"
        ).fetchone()
    assert row is not None
    return int(row[0])


def test_a_replica_that_is_lost_after_the_last_read_changes_nothing(
    stack: Stack, settings: Settings, platform: Platform, books: Books
) -> None:
    fill(platform)
    with ThreadPoolExecutor() as pool, store_held(settings, NINE):
        closing = pool.submit(close_hour, settings, NINE, ONE_REPLICA)
        eventually(lambda: waiting_to_write(settings) == 1)
        for replica in REPLICAS:
            stack.kill(replica)
    assert closing.result().outcome == "new"

    assert_closed(books, platform, NINE)


# ---- frozen -----------------------------------------------------------------------------


def test_a_replica_that_freezes_during_a_query(
    stack: Stack, settings: Settings, platform: Platform, books: Books
) -> None:
    fill(platform)
    impatient = replace(settings, statement_timeout_seconds=5)
    with (
        ThreadPoolExecutor() as pool,
        held_reads(stack, platform, "transactions", CONTROL_TOTALS) as hold,
    ):
        closing = pool.submit(close_hour, impatient, NINE, ONE_REPLICA)
        lost = hold.reached_on()
        stack.freeze(lost)
        hold.release()
        try:
            assert closing.result(timeout=120).outcome == "new"
        finally:
            stack.thaw(lost)

    assert_closed_on(books, platform, OTHER[lost])


# ---- conflicts with recovery ------------------------------------------------------------

BEFORE: LiteralString = """
create table platform.removed (id integer);
insert into platform.removed values (1);
create index dropped on platform.transactions (kind)
"""
AFTER: LiteralString = """
drop table platform.removed;
drop index if exists platform.dropped;
alter table platform.transactions drop column if exists note
"""
DELETE_AND_VACUUM: tuple[LiteralString, ...] = (
    "delete from platform.removed",
    "vacuum platform.removed",
)
LOCK: tuple[LiteralString, ...] = (
    "begin",
    "lock table platform.transactions in access exclusive mode",
    "commit",
)


@pytest.mark.parametrize(
    ("statements", "conflict"),
    [
        pytest.param(DELETE_AND_VACUUM, "confl_snapshot", id="vacuum"),
        pytest.param(("drop index platform.dropped",), "confl_lock", id="drop index"),
        pytest.param(
            ("alter table platform.transactions add column note text",),
            "confl_lock",
            id="alter table",
        ),
        pytest.param(LOCK, "confl_lock", id="lock"),
    ],
)
def test_a_read_that_conflicts_with_recovery(
    stack: Stack,
    settings: Settings,
    platform: Platform,
    books: Books,
    statements: tuple[LiteralString, ...],
    conflict: str,
) -> None:
    fill(platform)
    platform.connection.execute(BEFORE)
    try:
        with (
            replay_before_reads(stack),
            ThreadPoolExecutor() as pool,
            held_reads(stack, platform, "transactions", CONTROL_TOTALS) as hold,
        ):
            closing = pool.submit(close_hour, settings, NINE, ONE_REPLICA)
            disturbed = hold.reached_on()
            conflicts_before = conflicts(stack, disturbed, platform, conflict)
            for statement in statements:
                platform.connection.execute(statement)
            platform.open_account(1)  # a commit flushes the log, and a vacuum's records with it
            eventually(lambda: conflicts(stack, disturbed, platform, conflict) > conflicts_before)
            hold.release()
            assert closing.result(timeout=120).outcome == "new"
    finally:
        platform.connection.execute(AFTER)

    assert_closed_on(books, platform, OTHER[disturbed])


@contextmanager
def replay_before_reads(stack: Stack) -> Iterator[None]:
    """Let replicas cancel a read that is in the way of the replay at once."""
    set_standby_delay(stack, sql.SQL("0"))
    try:
        yield
    finally:
        set_standby_delay(stack, sql.SQL("default"))


def set_standby_delay(stack: Stack, value: sql.SQL) -> None:
    for replica in REPLICAS:
        with psycopg.connect(stack.replica_admin(replica), autocommit=True) as admin:
            admin.execute(
                sql.SQL("alter system set max_standby_streaming_delay = {}").format(value)
            )
            admin.execute("select pg_reload_conf()")


def conflicts(stack: Stack, replica: str, platform: Platform, kind: str) -> int:
    """How many reads of the platform a replica has cancelled for a kind of conflict."""
    counting = sql.SQL(
        "select {} from pg_stat_database_conflicts where datname = current_database()"
    ).format(sql.Identifier(kind))
    with psycopg.connect(stack.replica_admin(replica, platform.database)) as connection:
        # A session that stays in the pool would tell of its conflict ten seconds later.
        connection.execute(
            "select pg_terminate_backend(pid, 1000) from pg_stat_activity"
            " where usename = 'closebook_reader' and datname = current_database()"
            " and state = 'idle'"
        )
        row = connection.execute(counting).fetchone()
    assert row is not None
    return int(row[0])


# ---- far apart, and all gone ------------------------------------------------------------


def test_a_close_on_a_replica_far_behind_keeps_the_rows_of_an_earlier_close(
    stack: Stack, settings: Settings, platform: Platform, books: Books
) -> None:
    only_a = replace(settings, replicas=settings.replicas[:1])
    fill(platform)
    close_hour(settings, NINE, ONE_REPLICA)
    stack.pause_replay("replica_a")
    platform.settle(NINE.start, 70)
    write_log(platform, megabytes=8)

    # Closed again on the replica that is up to date, it has the late row;
    assert close_hour(settings, NINE, ONE_REPLICA).outcome == "changed"
    # the other one is not read, and the error says how far it is;
    with pytest.raises(NotReady, match=r"replica_a is \d{7,} bytes .*behind.*replay is paused"):
        close_hour(hurried(only_a), NINE, ONE_REPLICA)
    # and when it is there it agrees.
    stack.resume_replay("replica_a")
    stack.replica_wait("replica_a")
    assert close_hour(only_a, NINE, ONE_REPLICA).outcome == "confirmed"
    assert_closed(books, platform, NINE, versions=2)


def write_log(platform: Platform, *, megabytes: int) -> None:
    """Write that much to the primary's log."""
    platform.connection.execute(
        "select pg_logical_emit_message(true, 'fault', repeat('x', 1024 * 1024))"
        " from generate_series(1, %s)",
        [megabytes],
    )


def test_both_replicas_down_and_then_one_back(
    stack: Stack, settings: Settings, platform: Platform, books: Books
) -> None:
    fill(platform)
    stack.replica_wait()
    for replica in REPLICAS:
        stack.kill(replica)

    # While both are down nothing is written, and the error names each and says why;
    with pytest.raises(NotReady) as refused:
        close_hour(hurried(settings), NINE, ONE_REPLICA)
    for replica in REPLICAS:
        assert f"{replica} failed: " in str(refused.value)
    assert_nothing_written(books)

    # a close that still waits when one comes back ends there.
    def close() -> Close:
        return close_hour(replace(settings, replica_wait_seconds=60), NINE, ONE_REPLICA)

    with ThreadPoolExecutor() as pool:
        closing = pool.submit(close)
        start_again(stack, "replica_b")
        closing.result(timeout=120)
    assert_closed_on(books, platform, "replica_b")


# ---- the pooler -------------------------------------------------------------------------


@pytest.mark.parametrize("end", [Stack.stop, Stack.kill], ids=["stopped", "killed"])
def test_a_pooler_that_is_restarted_during_a_query(
    stack: Stack,
    settings: Settings,
    platform: Platform,
    books: Books,
    end: Callable[[Stack, str], None],
) -> None:
    fill(platform)
    with (
        ThreadPoolExecutor() as pool,
        held_reads(stack, platform, "transactions", CONTROL_TOTALS) as hold,
    ):
        closing = pool.submit(close_hour, settings, NINE, ONE_REPLICA)
        pooler = POOLER_OF[hold.reached_on()]
        try:
            end(stack, pooler)
        finally:
            start_again(stack, pooler)
        hold.release()
        assert closing.result(timeout=120).outcome == "new"
    assert_closed(books, platform, NINE)

    # The restarted one serves the next close as before.
    restarted = [r for r in settings.replicas if POOLER_OF[r.name] == pooler]
    again = close_hour(replace(settings, replicas=tuple(restarted)), NINE, ONE_REPLICA)
    assert again.outcome == "confirmed"
