"""An hour: the same numbers as a recount, versions that stay, one of them current."""

import re
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from threading import Barrier

import psycopg
import pytest

from closebook.closes.day import close_day
from closebook.closes.hour import close_hour
from closebook.closes.values import Close, Correction
from closebook.errors import NotReady, Transient
from closebook.periods import HOUR, day_containing, hour_of
from closebook.settings import Settings
from closebook.settings.code_version import code_version
from local.stack import Stack
from tests.books import Books
from tests.close_fixtures import (
    ONE_REPLICA,
    RUN,
    asked_since,
    eventually,
    hour_ending,
)
from tests.platform_rows import Platform, utc

NINE = hour_of(utc("2026-10-15T09:00Z"))


def fill(platform: Platform) -> None:
    """Payments, refunds and a chargeback in three currencies, and rows that do not count."""
    platform.settle("2026-10-15T09:00:00Z", 1000, fee_minor=30, discount_minor=100)
    platform.settle("2026-10-15T09:10:00Z", 2500, fee_minor=75)
    platform.settle("2026-10-15T09:20:00Z", 500, kind="refund")
    platform.settle("2026-10-15T09:30:00Z", 1200, "JPY", user_id=2, merchant_id=11)
    platform.settle("2026-10-15T09:40:00Z", 700, "KWD", kind="chargeback", fee_minor=15)
    platform.settle("2026-10-15T09:59:59.999999Z", 1, "KWD")
    platform.settle("2026-10-15T08:59:59.999999Z", 40)
    platform.settle("2026-10-15T10:00:00Z", 50)
    for transaction_id, status in [(1, "pending"), (2, "failed")]:
        platform.connection.execute(
            "insert into platform.transactions (transaction_id, user_id, merchant_id, kind,"
            " currency, amount_minor, status, created_at) values"
            " (%s, 1, 10, 'payment', 'USD', 99, %s, '2026-10-15T09:15Z')",
            [transaction_id, status],
        )


# ---- what is written --------------------------------------------------------------------


def test_the_first_close_is_new_and_equals_a_recount(
    settings: Settings, platform: Platform, books: Books
) -> None:
    fill(platform)

    close = close_hour(settings, NINE, RUN)

    assert close == Close(close.close_id, NINE, 1, "new")
    assert books.hour(NINE) == platform.volume(NINE)
    assert books.hour(NINE)["USD", "payment"] == (2, 3500, 105, 100)


def test_the_register_says_how_the_hour_was_closed(
    settings: Settings, platform: Platform, books: Books
) -> None:
    fill(platform)
    began_at = platform.now()

    close = close_hour(settings, NINE, RUN)

    [record] = books.versions(NINE)
    assert record["close_id"] == close.close_id
    assert (record["period_start"], record["period_end"]) == (NINE.start, NINE.end)
    assert record["time_zone"] == "UTC"
    assert record["is_current"]
    assert began_at <= record["fenced_at"] <= platform.now()
    assert record["replica_name"] in {"replica_a", "replica_b"}
    assert record["snapshot_text"].count(":") == 2
    assert (record["run_id"], record["reason"]) == (RUN.run_id, RUN.reason)
    assert record["code_version"] == code_version()


def test_the_register_holds_the_control_totals_by_currency(
    settings: Settings, platform: Platform, books: Books
) -> None:
    fill(platform)

    close = close_hour(settings, NINE, RUN)

    totals = books.rows(
        "select measure, currency, row_count, amount_minor from reporting.close_totals"
        " where close_id = %s order by currency",
        close.close_id,
    )
    assert [tuple(row.values()) for row in totals] == [
        ("volume", "JPY", 1, 1200),
        ("volume", "KWD", 2, 701),
        ("volume", "USD", 3, 4000),
    ]


def test_the_checks_that_passed_are_on_record(settings: Settings, books: Books) -> None:
    close = close_hour(settings, NINE, RUN)

    checks = books.rows(
        "select * from reporting.tie_outs where close_id = %s order by tie_out_id", close.close_id
    )
    assert [(c["check_name"], c["offending_count"]) for c in checks] == [
        ("rows_equal_source", 0),
        ("replicas_agree", 0),
    ]


def test_an_hour_without_rows_is_closed(settings: Settings, books: Books) -> None:
    close = close_hour(settings, NINE, RUN)

    assert close.outcome == "new"
    assert books.hour(NINE) == {}
    assert len(books.versions(NINE)) == 1


def test_a_row_on_the_boundary_belongs_to_the_later_hour(
    settings: Settings, platform: Platform, books: Books
) -> None:
    platform.settle(NINE.end, 100)
    ten = hour_of(NINE.end)

    close_hour(settings, NINE, RUN)
    close_hour(settings, ten, RUN)

    assert books.hour(NINE) == {}
    assert books.hour(ten) == {("USD", "payment"): (1, 100, 0, 0)}


# ---- closed again -----------------------------------------------------------------------


def test_an_hour_that_is_closed_again_without_changes_is_confirmed_and_adds_no_rows(
    settings: Settings, platform: Platform, books: Books
) -> None:
    fill(platform)
    first = close_hour(settings, NINE, RUN)
    size_before = books.size()

    again = close_hour(settings, NINE, RUN)

    assert again == Close(first.close_id, NINE, 1, "confirmed")
    assert books.size() == size_before
    [record] = books.versions(NINE)
    assert record["confirmation_count"] == 1
    assert record["confirmed_at"] > record["closed_at"]


def test_a_late_row_makes_a_new_version_and_the_old_one_stays(
    settings: Settings, platform: Platform, books: Books
) -> None:
    fill(platform)
    before = platform.volume(NINE)
    first = close_hour(settings, NINE, RUN)
    platform.settle("2026-10-15T09:45:00Z", 333)

    second = close_hour(settings, NINE, RUN)

    assert (second.version, second.outcome) == (2, "changed")
    assert Correction("volume", "USD", 3, 4, 4000, 4333) in second.corrections
    assert books.corrections(NINE) == [
        {
            "close_version": 2,
            "measure": "volume",
            "currency": "USD",
            "late_row_count": 1,
            "late_amount_minor": 333,
        }
    ]
    assert books.hour(NINE) == platform.volume(NINE)
    assert books.hour_version(first.close_id) == before != platform.volume(NINE)
    assert [row["is_current"] for row in books.versions(NINE)] == [False, True]


def test_the_log_says_the_outcome_with_totals_replica_and_time(
    settings: Settings, platform: Platform, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", "closebook.closes.execute")
    fill(platform)
    close_hour(replace(settings, replicas=settings.replicas[:1]), NINE, ONE_REPLICA)
    close_hour(settings, NINE, RUN)

    first, again = [r.getMessage() for r in caplog.records if "version" in r.getMessage()]
    totals = (
        "volume JPY 1 row, 1,200 minor units; volume KWD 2 rows, 701 minor units;"
        " volume USD 3 rows, 4,000 minor units"
    )
    read = rf"read from {settings.replicas[0].name}; took \d+\.\d s"
    assert re.fullmatch(rf"hour 2026-10-15T09Z \[.*\): new, version 1: {totals}; {read}", first)
    assert f": confirmed, version 1: {totals}; read from " in again


def test_the_log_says_what_a_late_row_changed(
    settings: Settings, platform: Platform, caplog: pytest.LogCaptureFixture
) -> None:
    fill(platform)
    close_hour(settings, NINE, RUN)
    platform.settle("2026-10-15T09:45:00Z", 333, "KWD")

    close_hour(settings, NINE, RUN)

    [warning] = [r.getMessage() for r in caplog.records if r.levelname == "WARNING"]
    assert "hour 2026-10-15T09Z" in warning
    assert warning.endswith("is version 2 now: volume KWD 2 -> 3 rows, 701 -> 1034 minor units")


def test_a_row_that_only_changed_its_fee_makes_a_new_version(
    settings: Settings, platform: Platform, books: Books
) -> None:
    payment = platform.settle("2026-10-15T09:45:00Z", 333)
    close_hour(settings, NINE, RUN)
    platform.connection.execute(
        "update platform.transactions set fee_minor = 7 where transaction_id = %s",
        [payment.transaction_id],
    )

    assert close_hour(settings, NINE, RUN).outcome == "changed"
    assert books.hour(NINE) == {("USD", "payment"): (1, 333, 7, 0)}
    assert books.corrections(NINE) == []


def test_an_hour_that_a_day_has_closed_can_be_closed_by_itself(
    settings: Settings, platform: Platform, books: Books
) -> None:
    fill(platform)
    close_day(settings, day_containing(NINE.start, settings.time_zone), RUN)

    again = close_hour(settings, NINE, RUN)

    assert again.outcome == "confirmed"
    assert books.hour(NINE) == platform.volume(NINE)


def test_a_changed_hour_reports_that_its_day_must_be_closed_again(
    settings: Settings, platform: Platform, books: Books, caplog: pytest.LogCaptureFixture
) -> None:
    fill(platform)
    day = day_containing(NINE.start, settings.time_zone)
    closed_day = close_day(settings, day, RUN)
    platform.settle("2026-10-15T09:45:00Z", 333)

    assert close_hour(settings, NINE, RUN).outcome == "changed"

    [found] = books.failed_tie_outs()
    assert (found["check_name"], found["close_id"]) == ("hours_equal_day", closed_day.close_id)
    assert (found["grain"], found["period_start"]) == ("day", day.start)
    assert "day 2026-10-15" in caplog.text
    assert "has to be closed again: hours_equal_day finds 1 rows" in caplog.text
    assert close_day(settings, day, RUN).outcome == "changed"
    assert close_hour(settings, NINE, RUN).outcome == "confirmed"
    assert books.failed_tie_outs() == [found]


# ---- too early --------------------------------------------------------------------------


def test_an_hour_that_has_not_ended_is_not_ready(
    settings: Settings, platform: Platform, books: Books
) -> None:
    size_before = books.size()

    with pytest.raises(NotReady, match="has not ended"):
        close_hour(settings, hour_of(platform.now()), RUN)

    assert books.size() == size_before


def test_an_hour_that_has_just_ended_is_closed_once_the_grace_is_over(
    settings: Settings, platform: Platform, books: Books
) -> None:
    patient = replace(settings, fence_grace_seconds=0.5)
    just_ended = hour_ending(platform.now())

    close_hour(patient, just_ended, RUN)

    [record] = books.versions(just_ended)
    assert (record["fenced_at"] - just_ended.end).total_seconds() >= 0.5


# ---- side by side -----------------------------------------------------------------------


def test_two_closes_at_once_leave_one_version_with_the_same_numbers(
    settings: Settings, platform: Platform, books: Books
) -> None:
    fill(platform)
    barrier = Barrier(2)

    def close() -> Close:
        barrier.wait()
        return close_hour(settings, NINE, RUN)

    with ThreadPoolExecutor() as pool:
        one, other = pool.submit(close), pool.submit(close)
        outcomes = {one.result().outcome, other.result().outcome}

    assert "new" in outcomes
    assert outcomes == {"new", "confirmed"}
    assert len(books.versions(NINE)) == 1
    assert books.hour(NINE) == platform.volume(NINE)


def test_more_closes_at_the_same_time_than_the_fence_has_connections_all_succeed(
    settings: Settings, platform: Platform, books: Books
) -> None:
    fill(platform)
    hours = [hour_of(NINE.start + n * HOUR) for n in range(-3, 5)]

    with ThreadPoolExecutor(len(hours)) as pool:
        closed = list(pool.map(lambda hour: close_hour(settings, hour, RUN), hours))

    assert [close.outcome for close in closed] == ["new"] * 8
    assert {h.label: books.hour(h) for h in hours} == {h.label: platform.volume(h) for h in hours}


def test_a_close_that_was_slower_than_a_later_one_reads_again_and_only_confirms_it(
    stack: Stack, settings: Settings, platform: Platform, books: Books
) -> None:
    fill(platform)
    with ThreadPoolExecutor() as pool:
        slow = close_on_paused_replica(stack, settings, platform, pool)
        platform.settle("2026-10-15T09:50:00Z", 5000)
        only_b = replace(settings, replicas=settings.replicas[1:])
        fast = close_hour(only_b, NINE, ONE_REPLICA)
        stack.resume_replay("replica_a")
        confirmed = slow.result(timeout=120)

    assert fast.outcome == "new"
    assert confirmed == Close(fast.close_id, NINE, 1, "confirmed")
    assert books.hour(NINE) == platform.volume(NINE)
    assert len(books.versions(NINE)) == 1


def close_on_paused_replica(
    stack: Stack, settings: Settings, platform: Platform, pool: ThreadPoolExecutor
) -> Future[Close]:
    """Start a close that has its fence, and waits for replica_a until that replays again."""
    stack.pause_replay("replica_a")
    platform.open_account(999)  # any row will do: it moves the fence past what replica_a has
    only_a = replace(settings, replicas=settings.replicas[:1])
    asked_at = platform.now()
    closing = pool.submit(close_hour, only_a, NINE, ONE_REPLICA)
    eventually(lambda: asked_since(stack, "replica_a", platform.database, asked_at))
    return closing


def test_a_later_fence_with_an_older_snapshot_does_not_undo_what_another_close_saw(
    stack: Stack, settings: Settings, platform: Platform, books: Books
) -> None:
    """Replicas are not equally far: the order of fences is not the order of snapshots."""
    fill(platform)
    only_b = replace(settings, replicas=settings.replicas[1:])
    # Given a register that has the platform's history from an earlier close
    close_hour(settings, hour_of(NINE.start - HOUR), RUN)
    with ThreadPoolExecutor() as pool, psycopg.connect(platform.conninfo) as late:
        # and one close with the earlier fence, waiting for replica_a,
        earlier_fence = close_on_paused_replica(stack, settings, platform, pool)
        # one with the later fence, delayed in its read on replica_b by a lock that was replayed
        late.execute("lock table platform.transactions in access exclusive mode")
        platform.open_account(998)  # a commit flushes the log, and the lock's record with it
        eventually(lambda: table_locks(stack, "replica_b", platform.database, granted=True))
        later_fence = pool.submit(close_hour, only_b, NINE, ONE_REPLICA)
        eventually(lambda: table_locks(stack, "replica_b", platform.database, granted=False))
        stack.pause_replay("replica_b")

        # when a late row is committed, which only the first of them sees, and that writes first,
        platform.settle("2026-10-15T09:55:00Z", 5000, within=late)
        late.commit()
        stack.resume_replay("replica_a")
        assert earlier_fence.result(timeout=120).outcome == "new"
        assert books.hour(NINE) == platform.volume(NINE)
        stack.resume_replay("replica_b")
        with suppress(NotReady, Transient):
            later_fence.result(timeout=120)

    # then the late row is still there.
    assert books.hour(NINE) == platform.volume(NINE)


def table_locks(stack: Stack, replica: str, database: str, *, granted: bool) -> int:
    """How many locks on platform.transactions a replica has given, or keeps waiting."""
    with psycopg.connect(stack.replica_admin(replica, database)) as connection:
        row = connection.execute(
            "select count(*) from pg_locks where granted = %s and"
            " relation = 'platform.transactions'::regclass"
            " and (mode = 'AccessExclusiveLock') = %s",
            [granted, granted],
        ).fetchone()
    assert row is not None
    return int(row[0])
