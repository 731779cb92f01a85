"""A day: every dimension equals a recount, and so do the hours that come from the same scan."""

from collections import defaultdict
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any, LiteralString

import psycopg
import pytest

from closebook.closes.checks import TieOutFailed
from closebook.closes.day import close_day
from closebook.closes.hour import close_hour
from closebook.errors import NotReady, Transient, WrongData
from closebook.periods import HOUR, Period, day_of, hour_of
from closebook.settings import Settings
from local.stack import Stack
from tests.books import Books
from tests.close_fixtures import RUN, eventually, store_held, transactions_with, waiting_to_write
from tests.platform_rows import Platform, utc, volume_of

NEW_YORK = "America/New_York"
DAY = day_of(date(2026, 10, 15), NEW_YORK)
Cell = tuple[int, str, str, str, str, str]


def fill(platform: Platform, day: Period = DAY) -> None:
    """A payment in each hour and on both edges of the day, in several dimensions."""
    for number, hour in enumerate(day.hours()):
        platform.settle(hour.start, 100 + number, fee_minor=number)
    platform.settle(day.start, 11, "JPY", user_id=2, merchant_id=11)
    platform.settle(day.start + HOUR, 7, discount_minor=3, promotion_id=100)
    platform.settle(day.start + HOUR, 8, discount_minor=2, promotion_id=100)
    platform.settle(day.start + 2 * HOUR, 5, kind="refund", user_id=2)
    platform.settle(day.end, 999)


def recount(platform: Platform, day: Period) -> dict[Cell, tuple[int, int, int, int]]:
    cells = defaultdict(list)
    for t in platform.settled_in(day):
        cell = (
            t.merchant_id,
            platform.CATEGORIES[t.merchant_id],
            platform.COUNTRIES[t.user_id],
            t.currency,
            platform.FUNDING[t.promotion_id],
            t.kind,
        )
        cells[cell].append(t)
    return {cell: volume_of(found)[cell[3], cell[5]] for cell, found in cells.items()}


def daily_volume(books: Books, day: Period) -> dict[Cell, tuple[int, int, int, int]]:
    rows = books.rows(
        "select merchant_id, merchant_category, user_country, currency, promotion_funding, kind,"
        " transaction_count, amount_minor, fee_minor, discount_minor"
        " from reporting.current_daily_volume where business_day = %s",
        day.first_date,
    )
    values = [tuple(row.values()) for row in rows]
    return {v[:6]: v[6:] for v in values}


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
    with doubled(platform, "merchants", "merchant_id, category"), pytest.raises(WrongData):
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


# ---- what stops it ----------------------------------------------------------------------


def test_a_dimension_that_lists_a_merchant_twice_stops_the_close(
    settings: Settings, platform: Platform, books: Books
) -> None:
    platform.settle(DAY.start, 100)
    with (
        doubled(platform, "merchants", "merchant_id, category"),
        pytest.raises(WrongData, match="daily_volume_pkey"),
    ):
        close_day(settings, DAY, RUN)

    assert sum(books.size().values()) == 0


def test_a_join_that_doubles_rows_stops_the_close(
    settings: Settings, platform: Platform, books: Books
) -> None:
    platform.settle(DAY.start, 100, promotion_id=100)
    with (
        doubled(platform, "promotions", "promotion_id, funding"),
        pytest.raises(TieOutFailed) as failed,
    ):
        close_day(settings, DAY, RUN)

    # The hours come out of the same scan: they are wrong first.
    assert failed.value.tie_out.check_name == "rows_equal_source"
    assert sum(books.size().values()) == 0
    [record] = books.failed_tie_outs()
    assert record["close_id"] is None
    assert record["offending_sample"][0]["currency"] == "USD"


def test_a_check_that_failed_is_the_error_even_if_the_store_cannot_record_it(
    stack: Stack,
    settings: Settings,
    platform: Platform,
    books: Books,
    caplog: pytest.LogCaptureFixture,
) -> None:
    platform.settle(DAY.start, 100, promotion_id=100)
    owner = psycopg.connect(stack.store_owner(books.connection.info.dbname), autocommit=True)
    with owner, doubled(platform, "promotions", "promotion_id, funding"):
        owner.execute("revoke insert on reporting.tie_outs from closebook_store")
        try:
            with pytest.raises(TieOutFailed, match="rows_equal_source"):
                close_day(settings, DAY, RUN)
        finally:
            owner.execute("grant insert on reporting.tie_outs to closebook_store")

    assert "the failed check is not in reporting.tie_outs: InsufficientPrivilege" in caplog.text
    assert books.failed_tie_outs() == []


def test_a_transaction_without_a_merchant_stops_the_close_and_names_the_column(
    settings: Settings, platform: Platform, books: Books
) -> None:
    platform.settle(DAY.start, 100)
    with (
        transactions_with(platform, merchant_id="null::bigint"),
        pytest.raises(WrongData, match="NotNullViolation at merchant_id"),
    ):
        close_day(settings, DAY, RUN)

    assert sum(books.size().values()) == 0


def test_an_adopter_counts_transactions_without_a_merchant_under_one_of_their_own(
    settings: Settings, platform: Platform, books: Books
) -> None:
    platform.settle(DAY.start, 100)
    with transactions_with(platform, merchant_id="coalesce(null::bigint, 0)"):
        close_day(settings, DAY, RUN)

    assert daily_volume(books, DAY) == {
        (0, "unknown", "US", "USD", "none", "payment"): (1, 100, 0, 0)
    }


@contextmanager
def doubled(platform: Platform, view: LiteralString, columns: LiteralString) -> Iterator[None]:
    """Let a view of the contract return each row twice, as a wrong join would."""
    rows = f"select {columns} from platform.{view}"  # noqa: S608  # names of this file
    once = f"create or replace view reporting_source.{view} as {rows}"
    platform.connection.execute(f"{once} union all {rows}")
    try:
        yield
    finally:
        platform.connection.execute(once)


def test_the_business_time_zone_must_not_change_under_closed_days(
    settings: Settings, platform: Platform, books: Books
) -> None:
    fill(platform)
    close_day(settings, DAY, RUN)
    chicago = "America/Chicago"

    with pytest.raises(WrongData, match="time zone"):
        close_day(replace(settings, time_zone=chicago), day_of(DAY.first_date, chicago), RUN)

    assert len(books.rows("select 1 from reporting.closes where grain = 'day'")) == 1


def test_a_day_reads_again_when_one_of_its_hours_was_closed_after_its_snapshot(
    settings: Settings, platform: Platform, books: Books
) -> None:
    fill(platform)
    hours = list(DAY.hours())
    with ThreadPoolExecutor() as pool:
        # Given a day that has read its rows and waits to write,
        with store_held(settings, hours[0]):
            closing = pool.submit(close_day, settings, DAY, RUN)
            eventually(lambda: waiting_to_write(settings) == 1)
            # when a row comes late, and its hour is closed with it meanwhile,
            platform.settle(hours[5].start, 5000)
            close_hour(settings, hours[5], RUN)
        # then the day either sees the row or asks to be run again.
        with suppress(NotReady, Transient):
            closing.result(timeout=30)

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
            close.result(timeout=60)

    assert [daily_volume(books, day) for day in days] == [recount(platform, day) for day in days]
    assert [books.hour(hour) for hour in hours] == [platform.volume(hour) for hour in hours]
    assert len(books.rows("select 1 from reporting.closes where close_version > 1")) == 0


def test_a_store_that_cannot_be_reached_is_a_transient_error_and_leaves_no_rows(
    settings: Settings, platform: Platform, books: Books
) -> None:
    fill(platform)
    nowhere = psycopg.conninfo.make_conninfo(settings.store, port=1)

    with pytest.raises(Transient, match="reporting store"):
        close_day(replace(settings, store=nowhere), DAY, RUN)

    assert sum(books.size().values()) == 0


def test_rows_are_counted_by_their_instant_in_any_time_zone_of_a_session(
    settings: Settings, platform: Platform, books: Books
) -> None:
    platform.connection.execute("set timezone = 'Asia/Tokyo'")
    platform.settle(datetime.fromisoformat("2026-10-15T23:30:00-04:00"), 100)

    close_day(settings, DAY, RUN)

    assert daily_volume(books, DAY) == recount(platform, DAY) != {}
