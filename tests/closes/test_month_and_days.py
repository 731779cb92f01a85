"""The month beside its days, the months next to it, and closes at the same time."""

from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from datetime import date
from typing import Any

import psycopg
import pytest

from closebook.closes.checks import TieOutFailed
from closebook.closes.day import close_day
from closebook.closes.hour import close_hour
from closebook.closes.month import close_month
from closebook.closes.values import Close
from closebook.errors import NotReady
from closebook.periods import HOUR, day_of
from closebook.settings import Run, Settings
from local.addresses import REPLICAS
from local.pgbouncer import POOL_SIZE
from local.stack import Stack
from tests.books import Books
from tests.close_fixtures import (
    ONE_REPLICA,
    RUN,
    eventually,
    open_transactions,
    view_of,
    waiting_on_the_store,
    with_session_setting,
)
from tests.closes.october import (
    EMPTY,
    HOLDER,
    LAST_DAY,
    NEW_YORK,
    OCTOBER,
    RESTING,
    SEPTEMBER,
    close_days,
    fill,
    recount,
)
from tests.platform_rows import Platform

# ---- its days ---------------------------------------------------------------------------


def test_a_day_that_entries_came_late_for_is_closed_again_with_its_month(
    settings: Settings, platform: Platform, books: Books
) -> None:
    fill(platform)
    close_days(settings, 2)
    platform.post(RESTING, LAST_DAY.start, -1, "EUR")
    platform.post(RESTING, LAST_DAY.start, -30, "EUR")

    close = close_month(settings, OCTOBER, RUN)

    assert close.outcome == "new"
    assert books.statements(close.close_id) == recount(platform, OCTOBER)
    first, second = books.versions(LAST_DAY)
    assert (first["is_current"], second["is_current"]) == (False, True)
    assert second["reason"] == f"closed again with {OCTOBER}"
    assert second["snapshot_text"] == books.versions(OCTOBER)[0]["snapshot_text"]
    assert books.corrections(LAST_DAY) == [
        {
            "close_version": 2,
            "measure": "ledger",
            "currency": "EUR",
            "late_row_count": 2,
            "late_amount_minor": -31,
        }
    ]
    assert books.late_rows() == [("day", LAST_DAY.start, "ledger", "EUR", 2)]
    [other] = books.versions(list(OCTOBER.days())[-2])
    assert other["confirmation_count"] == 0
    assert books.failed_tie_outs() == []


def test_a_day_that_transactions_came_late_for_is_closed_again_with_its_hours(
    settings: Settings, platform: Platform, books: Books
) -> None:
    fill(platform)
    close_days(settings, 2)
    hour = list(LAST_DAY.hours())[7]
    platform.settle(hour.start, 500)

    close_month(settings, OCTOBER, RUN)

    assert books.hour(hour) == platform.volume(hour) == {("USD", "payment"): (1, 500, 0, 0)}
    assert [len(books.versions(day)) for day in list(OCTOBER.days())[-2:]] == [1, 2]
    assert [row["is_current"] for row in books.versions(hour)] == [False, True]


def test_a_month_that_does_not_tie_out_closes_no_day_again(
    settings: Settings, platform: Platform, books: Books
) -> None:
    fill(platform)
    close_month(settings, SEPTEMBER, RUN)
    close_days(settings, 1)
    # Given an entry that came late for a day, and one of September that was closed without it
    platform.post(RESTING, LAST_DAY.start, -1, "EUR")
    platform.post(RESTING, SEPTEMBER.start, 5, "EUR")
    size_before = books.size()

    with pytest.raises(TieOutFailed, match="opening_equals_previous_closing"):
        close_month(settings, OCTOBER, RUN)

    assert books.size() == size_before


def test_a_month_waits_for_its_days_and_names_those_that_are_missing(
    settings: Settings, platform: Platform, books: Books
) -> None:
    fill(platform)
    *_, before_last, last = OCTOBER.days()
    close_day(settings, day_of(date(2026, 10, 29), NEW_YORK), RUN)

    with pytest.raises(NotReady, match="2 of its days are not closed, 2026-10-30, 2026-10-31: "):
        close_month(settings, OCTOBER, RUN)

    assert books.versions(OCTOBER) == []
    close_day(settings, before_last, RUN)
    close_day(settings, last, RUN)
    assert close_month(settings, OCTOBER, RUN).outcome == "new"


def test_many_missing_days_are_named_by_the_first_and_the_last(
    settings: Settings, platform: Platform
) -> None:
    close_day(settings, list(SEPTEMBER.days())[-1], RUN)

    with pytest.raises(NotReady, match=r"31 of its days .* 2026-10-05 … 2026-10-31: "):
        close_month(settings, OCTOBER, RUN)


def test_days_before_the_first_closed_day_are_logged_and_not_required(
    settings: Settings, platform: Platform, books: Books, caplog: pytest.LogCaptureFixture
) -> None:
    fill(platform)
    close_days(settings, 2)

    assert close_month(settings, OCTOBER, RUN).outcome == "new"

    assert "29 of its days are not compared" in caplog.text
    assert "2026-10-01, 2026-10-02" in caplog.text
    assert "… 2026-10-29" in caplog.text


# ---- what comes after it ----------------------------------------------------------------


def test_a_changed_month_reports_that_the_next_one_must_be_closed_again(
    settings: Settings, platform: Platform, books: Books, caplog: pytest.LogCaptureFixture
) -> None:
    fill(platform)
    close_month(settings, SEPTEMBER, RUN)
    october = close_month(settings, OCTOBER, RUN)
    platform.post(RESTING, SEPTEMBER.end - HOUR, 1, "EUR")

    assert close_month(settings, SEPTEMBER, RUN).outcome == "changed"

    [found] = books.failed_tie_outs()
    assert found["check_name"] == "opening_equals_previous_closing"
    assert (found["close_id"], found["period_start"]) == (october.close_id, OCTOBER.start)
    assert [row["account_id"] for row in found["offending_sample"]] == [RESTING]
    assert "month 2026-10" in caplog.text
    assert "has to be closed again: opening_equals_previous_closing finds 1 rows" in caplog.text
    assert HOLDER not in caplog.text
    assert close_month(settings, OCTOBER, RUN).outcome == "changed"
    assert close_month(settings, SEPTEMBER, RUN).outcome == "confirmed"
    assert books.failed_tie_outs() == [found]


def test_a_changed_day_reports_that_its_month_must_be_closed_again(
    settings: Settings, platform: Platform, books: Books
) -> None:
    fill(platform)
    close_days(settings, 1)
    october = close_month(settings, OCTOBER, RUN)
    platform.post(RESTING, LAST_DAY.start, 1, "EUR")

    assert close_day(settings, LAST_DAY, RUN).outcome == "changed"

    [found] = books.failed_tie_outs()
    assert found["check_name"] == "days_equal_statements"
    assert (found["close_id"], found["grain"]) == (october.close_id, "month")
    assert close_month(settings, OCTOBER, RUN).outcome == "changed"
    assert books.failed_tie_outs() == [found]


def test_a_changed_month_that_still_ties_out_with_the_next_one_is_not_reported(
    settings: Settings, platform: Platform, books: Books, caplog: pytest.LogCaptureFixture
) -> None:
    fill(platform)
    close_month(settings, SEPTEMBER, RUN)
    close_month(settings, OCTOBER, RUN)
    platform.post(EMPTY, SEPTEMBER.start, 9, "EUR")
    platform.post(EMPTY, SEPTEMBER.start, -9, "EUR")

    assert close_month(settings, SEPTEMBER, RUN).outcome == "changed"

    assert books.failed_tie_outs() == []
    assert "corrected: month 2026-09" in caplog.text
    assert "has to be closed again" not in caplog.text


# ---- side by side -----------------------------------------------------------------------

WAITS = "closebook_test.waits=on"
"""In a session with this setting the view of accounts waits for an advisory lock."""
ACCOUNTS_THAT_WAIT = """
    select wallet_id as account_id, account_number, currency, opened_at,
        'a holder'::text as holder_name, 'a street'::text as holder_address,
        'en_US'::text as locale_code
    from platform.wallets
    where case when current_setting('closebook_test.waits', true) = 'on'
        then pg_advisory_xact_lock_shared(1) is not null else true end
"""


@contextmanager
def month_that_is_reading(
    stack: Stack, settings: Settings, platform: Platform
) -> Iterator[Future[Close]]:
    """A close of October that has its snapshot and reads until the block is left."""
    slow = replace(settings, replicas=(with_session_setting(stack, settings, "replica_a", WAITS),))
    with (
        ThreadPoolExecutor() as pool,
        view_of(platform, "accounts", ACCOUNTS_THAT_WAIT),
        psycopg.connect(stack.replica_admin("replica_a", platform.database)) as gate,
    ):
        gate.execute("select pg_advisory_lock(1)")
        closing = pool.submit(close_month, slow, OCTOBER, ONE_REPLICA)
        eventually(lambda: waiters(gate))
        yield closing
        gate.execute("select pg_advisory_unlock(1)")
        closing.exception(timeout=120)


def waiters(gate: psycopg.Connection[tuple[Any, ...]]) -> int:
    row = gate.execute(
        "select count(*) from pg_locks where locktype = 'advisory' and not granted"
    ).fetchone()
    assert row is not None
    return int(row[0])


def test_a_day_that_is_closed_while_its_month_reads_makes_the_month_read_again(
    stack: Stack, settings: Settings, platform: Platform, books: Books
) -> None:
    fill(platform)
    close_days(settings, 1)
    with month_that_is_reading(stack, settings, platform) as closing:
        platform.post(RESTING, LAST_DAY.start, -1, "EUR")
        assert close_day(settings, LAST_DAY, RUN).outcome == "changed"

    close = closing.result()
    assert books.statements(close.close_id) == recount(platform, OCTOBER)
    assert books.failed_tie_outs() == []


def test_a_month_before_that_is_closed_again_meanwhile_makes_the_month_read_again(
    stack: Stack, settings: Settings, platform: Platform, books: Books
) -> None:
    fill(platform)
    close_month(settings, SEPTEMBER, RUN)
    with month_that_is_reading(stack, settings, platform) as closing:
        platform.post(RESTING, SEPTEMBER.end - HOUR, 1, "EUR")
        assert close_month(settings, SEPTEMBER, RUN).outcome == "changed"

    close = closing.result()
    assert books.statements(close.close_id)[RESTING] == (801, 801, 0)
    assert books.failed_tie_outs() == []


@pytest.mark.parametrize("run", [ONE_REPLICA, RUN], ids=["one replica", "cross-check"])
def test_a_month_that_is_being_written_holds_no_snapshot_on_a_replica(
    stack: Stack, settings: Settings, platform: Platform, module_store_database: str, run: Run
) -> None:
    """Such a snapshot would delay the replica's replay or the primary's vacuum."""
    fill(platform)
    store = stack.store_admin(module_store_database)
    with ThreadPoolExecutor() as pool:
        with psycopg.connect(store) as other:
            other.execute("lock table reporting.statements in share mode")
            closing = pool.submit(close_month, settings, OCTOBER, run)
            eventually(lambda: waiting_on_the_store(store))
            open_on = {name: open_transactions(stack, name, platform) for name in REPLICAS}
        assert closing.result(timeout=120).outcome == "new"

    assert list(open_on.values()) == [[], []]


def test_months_days_and_hours_that_close_at_the_same_time_have_the_right_numbers(
    settings: Settings, platform: Platform, books: Books
) -> None:
    fill(platform)
    close_days(settings, 4)
    days = list(OCTOBER.days())[-4:]
    for number, day in enumerate(days):
        platform.post(RESTING, day.start, 1 + number, "EUR")
        platform.settle(day.start, 100 + number)
    platform.post(RESTING, SEPTEMBER.start, 10_000, "EUR")

    # Fewer at once than a pooler has connections, as docs/settings.md says (Pools).
    with ThreadPoolExecutor(POOL_SIZE - 1) as pool:
        closing: list[Future[Any]] = [
            *(pool.submit(close_month, settings, month, RUN) for month in (SEPTEMBER, OCTOBER) * 2),
            *(pool.submit(close_day, settings, day, RUN) for day in days[::-1]),
            *(pool.submit(close_hour, settings, next(day.hours()), RUN) for day in days),
        ]
        for close in closing:
            close.result(timeout=120)

    for month in (SEPTEMBER, OCTOBER):
        [current] = [row for row in books.versions(month) if row["is_current"]]
        assert books.statements(current["close_id"]) == recount(platform, month)
    for day in days:
        assert [row["is_current"] for row in books.versions(day)] == [False, True]
        hour = next(day.hours())
        assert books.hour(hour) == platform.volume(hour)
