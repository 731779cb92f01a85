"""A day: every dimension equals a recount, and so do the hours that come from the same scan."""

from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any

import pytest

from closebook.closes.day import close_day
from closebook.closes.hour import close_hour
from closebook.errors import NotReady, Transient, WrongData
from closebook.periods import HOUR, day_of, hour_of
from closebook.settings import Settings
from tests.books import Books
from tests.close_fixtures import (
    RUN,
    eventually,
    store_held,
    transactions_with,
    waiting_to_write,
)
from tests.closes.business_day import DAY, NEW_YORK, contradicting, daily_volume, fill, recount
from tests.platform_rows import Platform, utc

# ---- what is written --------------------------------------------------------------------


def test_the_volume_of_a_day_equals_a_recount_by_every_dimension(
    settings: Settings, platform: Platform, books: Books
) -> None:
    fill(platform)

    closed = close_day(settings, DAY, RUN)

    assert (closed.outcome, closed.version) == ("new", 1)
    assert daily_volume(books, DAY) == recount(platform, DAY)
    assert len(recount(platform, DAY)) == 4


def test_a_merchant_that_the_platform_does_not_list_counts_as_unknown(
    settings: Settings, platform: Platform, books: Books
) -> None:
    platform.settle(DAY.start, 100, promotion_id=100)
    execute = platform.connection.execute
    execute("set session_replication_role = replica")  # lets the references dangle
    execute("delete from platform.merchants")
    execute("update platform.transactions set user_country = null")
    execute("delete from platform.promotions")

    close_day(settings, DAY, RUN)

    assert daily_volume(books, DAY) == {
        (10, "unknown", "unknown", "USD", "unknown", "payment"): (1, 100, 0, 0)
    }


def test_a_user_who_moves_changes_no_closed_day(
    settings: Settings, platform: Platform, books: Books
) -> None:
    fill(platform)
    close_day(settings, DAY, RUN)
    platform.connection.execute("update platform.users set country = 'FR'")

    again = close_day(settings, DAY, RUN)

    assert again.outcome == "confirmed"
    assert daily_volume(books, DAY) == recount(platform, DAY)


def test_a_day_closes_its_hours_too(settings: Settings, platform: Platform, books: Books) -> None:
    fill(platform)

    close_day(settings, DAY, RUN)

    hours = list(DAY.hours())
    assert books.corrected_hours() == []
    assert {h.label: books.hour(h) for h in hours} == {h.label: platform.volume(h) for h in hours}
    assert [len(books.versions(hour)) for hour in hours] == [1] * 24


def test_account_movement_equals_a_recount(
    settings: Settings, platform: Platform, books: Books
) -> None:
    for account_id in (1, 2, 3):
        platform.open_account(account_id)
    for account_id, amount_minor in [(1, 500), (1, -200), (1, -50), (2, 30), (2, 0)]:
        platform.post(account_id, DAY.start, amount_minor)
    platform.post(3, DAY.end, 77)
    platform.post(3, DAY.start - HOUR, 78)

    close_day(settings, DAY, RUN)

    rows = books.rows(
        "select account_id, currency, entry_count, credit_minor, debit_minor, business_day"
        " from reporting.current_daily_account_movement order by account_id"
    )
    assert [tuple(row.values()) for row in rows] == [
        (1, "USD", 3, 500, 250, date(2026, 10, 15)),
        (2, "USD", 2, 30, 0, date(2026, 10, 15)),
    ]


@pytest.mark.parametrize(
    ("day", "hours"), [(date(2026, 3, 8), 23), (date(2026, 11, 1), 25), (date(2026, 7, 4), 24)]
)
def test_a_day_has_the_hours_that_the_clocks_give_it(
    settings: Settings, platform: Platform, books: Books, day: date, hours: int
) -> None:
    period = day_of(day, NEW_YORK)
    fill(platform, period)

    close_day(settings, period, RUN)

    closed = books.rows("select * from reporting.closes where grain = 'hour'")
    assert len(closed) == hours
    assert daily_volume(books, period) == recount(platform, period)
    assert {h.label: books.hour(h) for h in period.hours()} == {
        h.label: platform.volume(h) for h in period.hours()
    }


@pytest.mark.parametrize(
    ("zone", "first_date"),
    [
        pytest.param("Asia/Kolkata", date(2026, 10, 15), id="half an hour from UTC"),
        pytest.param("Australia/Lord_Howe", date(2026, 10, 4), id="clocks go on half an hour"),
        pytest.param("Australia/Lord_Howe", date(2026, 4, 5), id="clocks go back half an hour"),
    ],
)
def test_a_day_that_begins_or_ends_within_an_hour_closes_with_its_whole_hours(
    settings: Settings, platform: Platform, books: Books, zone: str, first_date: date
) -> None:
    day = day_of(first_date, zone)
    fill(platform, day)
    platform.settle(day.end - timedelta(microseconds=1), 60)
    # Of the day before, and of the same hour where the day begins within one.
    platform.settle(day.start - timedelta(microseconds=1), 61)

    closed = close_day(replace(settings, time_zone=zone), day, RUN)

    assert closed.outcome == "new"
    assert daily_volume(books, day) == recount(platform, day)
    hours = books.rows("select period_start from reporting.closes where grain = 'hour'")
    assert len(hours) == len(list(day.hours())) in {23, 24}
    assert {h.label: books.hour(h) for h in day.hours()} == {
        h.label: platform.volume(h) for h in day.hours()
    }


# ---- closed again -----------------------------------------------------------------------


def test_a_day_that_is_closed_again_without_changes_is_confirmed_with_its_hours(
    settings: Settings, platform: Platform, books: Books
) -> None:
    fill(platform)
    platform.open_account(1)
    platform.post(1, DAY.start, 100)
    close_day(settings, DAY, RUN)
    size_before = books.size()

    again = close_day(settings, DAY, RUN)

    assert again.outcome == "confirmed"
    assert books.corrected_hours() == []
    assert books.size() == size_before


def test_a_day_adds_a_late_row_to_its_hour(
    settings: Settings, platform: Platform, books: Books
) -> None:
    fill(platform)
    ten = hour_of(utc("2026-10-15T10:00Z"))
    eleven = hour_of(ten.end)
    stale = close_hour(settings, ten, RUN)
    close_hour(settings, eleven, RUN)
    stale_volume = books.hour(ten)
    platform.settle("2026-10-15T10:59:59Z", 12345)

    close_day(settings, DAY, RUN)

    assert books.corrected_hours() == [ten]
    assert books.hour(ten) == platform.volume(ten) != stale_volume
    assert books.hour_version(stale.close_id) == stale_volume
    assert [row["is_current"] for row in books.versions(ten)] == [False, True]
    assert [row["is_current"] for row in books.versions(eleven)] == [True]
    assert books.late_rows() == [("hour", ten.start, "volume", "USD", 1)]


def test_a_late_row_that_its_own_hour_found_is_none_that_the_day_found(
    settings: Settings, platform: Platform, books: Books
) -> None:
    ten = hour_of(utc("2026-10-15T10:00Z"))
    close_hour(settings, ten, RUN)
    platform.settle("2026-10-15T10:59:59Z", 12345)
    close_hour(settings, ten, replace(RUN, run_id="an hourly run"))

    close_day(settings, DAY, RUN)

    assert books.corrected_hours() == [ten]
    assert books.late_rows() == []


def test_a_row_that_is_gone_from_a_closed_hour_hides_no_late_row(
    settings: Settings, platform: Platform, books: Books
) -> None:
    ten = hour_of(utc("2026-10-15T10:00Z"))
    platform.settle("2026-10-15T10:10:00Z", 100)
    platform.settle("2026-10-15T10:20:00Z", 100)
    close_hour(settings, ten, RUN)
    platform.settle("2026-10-15T10:59:59Z", 5, "KWD")
    with transactions_with(platform, settled_at="case when amount_minor < 100 then settled_at end"):
        close_day(settings, DAY, RUN)

    assert books.late_rows() == [("hour", ten.start, "volume", "KWD", 1)]


def test_a_late_row_makes_a_new_version_of_a_closed_day_and_of_its_hour(
    settings: Settings, platform: Platform, books: Books
) -> None:
    fill(platform)
    before = recount(platform, DAY)
    first = close_day(settings, DAY, RUN)
    platform.settle("2026-10-15T10:30:00Z", 12345)

    second = close_day(settings, DAY, RUN)

    assert (second.outcome, second.version) == ("changed", 2)
    [corrected] = books.corrected_hours()
    assert corrected.label == "2026-10-15T10Z"
    late = {"measure": "volume", "currency": "USD", "late_row_count": 1}
    correction = {"close_version": 2, **late, "late_amount_minor": 12345}
    assert books.corrections(DAY) == [correction]
    assert books.corrections(corrected) == [correction]
    assert books.versions(corrected)[-1]["reason"] == (f"closed again with {DAY}")
    assert daily_volume(books, DAY) == recount(platform, DAY)
    old = books.rows(
        "select sum(amount_minor)::bigint as total from reporting.daily_volume where close_id = %s",
        first.close_id,
    )
    assert old == [{"total": sum(amount for _, amount, _, _ in before.values())}]


def test_the_log_of_a_day_says_of_each_hour_and_of_the_day_what_late_rows_changed(
    settings: Settings, platform: Platform, caplog: pytest.LogCaptureFixture
) -> None:
    platform.settle("2026-10-15T10:00:00Z", 100)
    platform.open_account(1)
    close_day(settings, DAY, RUN)
    platform.settle("2026-10-15T10:30:00Z", 45)
    platform.settle("2026-10-15T11:30:00Z", 6, "KWD")
    platform.post(1, "2026-10-15T11:30:00Z", -6)

    close_day(settings, DAY, RUN)

    told = [r.getMessage().split(": ", 1) for r in caplog.records if r.levelname == "WARNING"]
    assert [(head, text.partition("is ")[2]) for head, text in told] == [
        ("corrected", "version 2 now: volume USD 1 -> 2 rows, 100 -> 145 minor units"),
        ("corrected", "version 2 now: volume KWD 0 -> 1 rows, 0 -> 6 minor units"),
        (
            "corrected",
            "version 2 now: ledger USD 0 -> 1 rows, 0 -> -6 minor units; "
            "volume KWD 0 -> 1 rows, 0 -> 6 minor units; "
            "volume USD 1 -> 2 rows, 100 -> 145 minor units",
        ),
    ]
    for label, (_, text) in zip(("2026-10-15T10Z", "2026-10-15T11Z", "day"), told, strict=True):
        assert label in text


def test_a_close_that_is_rolled_back_reports_nothing(
    settings: Settings, platform: Platform, books: Books, caplog: pytest.LogCaptureFixture
) -> None:
    fill(platform)
    close_day(settings, DAY, RUN)
    caplog.clear()
    platform.settle(DAY.start, 5)
    with contradicting(platform, amount_minor="99"), pytest.raises(WrongData):
        close_day(settings, DAY, RUN)

    assert "corrected" not in caplog.text


def test_days_can_close_in_any_order(settings: Settings, platform: Platform, books: Books) -> None:
    before = day_of(date(2026, 10, 14), NEW_YORK)
    fill(platform)
    fill(platform, before)

    close_day(settings, DAY, RUN)
    close_day(settings, before, RUN)

    assert daily_volume(books, DAY) == recount(platform, DAY)
    assert daily_volume(books, before) == recount(platform, before)


def test_a_day_that_has_not_ended_is_not_ready(settings: Settings, platform: Platform) -> None:
    today = platform.now().date()
    with pytest.raises(NotReady, match="has not ended"):
        close_day(settings, day_of(date(today.year + 1, 1, 1), NEW_YORK), RUN)


def test_a_day_reads_again_when_one_of_its_hours_was_closed_after_its_snapshot(
    settings: Settings, platform: Platform, books: Books
) -> None:
    fill(platform)
    hours = list(DAY.hours())
    # Given a register that has the platform's history from an earlier close
    close_hour(settings, hour_of(DAY.start - HOUR), RUN)
    with ThreadPoolExecutor() as pool:
        # and a day that has read its rows and waits to write,
        with store_held(settings, hours[0]):
            closing = pool.submit(close_day, settings, DAY, RUN)
            eventually(lambda: waiting_to_write(settings) == 1)
            # when a row comes late, and its hour is closed with it meanwhile,
            platform.settle(hours[5].start, 5000)
            close_hour(settings, hours[5], RUN)
        # then the day either sees the row or asks to be run again.
        with suppress(NotReady, Transient):
            closing.result(timeout=120)

    assert books.hour(hours[5]) == platform.volume(hours[5])
    close_day(settings, DAY, RUN)
    assert daily_volume(books, DAY) == recount(platform, DAY)


# ---- side by side -----------------------------------------------------------------------


def test_days_and_hours_that_close_at_the_same_time_have_the_right_numbers(
    settings: Settings, platform: Platform, books: Books
) -> None:
    days = [day_of(date(2026, 10, 14 + n), NEW_YORK) for n in range(3)]
    for day in days:
        fill(platform, day)
    hours = [hour for day in days for hour in list(day.hours())[::8]]

    with ThreadPoolExecutor(6) as pool:
        closing: list[Future[Any]] = [
            *(pool.submit(close_day, settings, day, RUN) for day in days),
            *(pool.submit(close_hour, settings, hour, RUN) for hour in hours),
        ]
        for close in closing:
            close.result(timeout=120)

    assert [daily_volume(books, day) for day in days] == [recount(platform, day) for day in days]
    assert [books.hour(hour) for hour in hours] == [platform.volume(hour) for hour in hours]
    assert len(books.rows("select 1 from reporting.closes where close_version > 1")) == 0


def test_rows_are_counted_by_their_instant_in_any_time_zone_of_a_session(
    settings: Settings, platform: Platform, books: Books
) -> None:
    platform.connection.execute("set timezone = 'Asia/Tokyo'")
    platform.settle(datetime.fromisoformat("2026-10-15T23:30:00-04:00"), 100)

    close_day(settings, DAY, RUN)

    assert daily_volume(books, DAY) == recount(platform, DAY) != {}
