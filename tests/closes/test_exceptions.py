"""What is wrong with one currency stops that one: its volume is left out, by name."""

import logging
from datetime import timedelta

import pytest

from closebook.closes.day import close_day
from closebook.closes.exceptions import refuse_exceptions
from closebook.closes.hour import close_hour
from closebook.errors import WrongData
from closebook.periods import day_containing, hour_of
from closebook.settings import Settings
from tests.books import Books
from tests.close_fixtures import RUN, transactions_with, view_of
from tests.closes.exception_rows import NINE_QUINTILLION, exceptions_of
from tests.closes.october import NEW_YORK
from tests.platform_rows import Platform, utc

NINE = hour_of(utc("2026-10-15T09:00Z"))
DAY = day_containing(NINE.start, NEW_YORK)
USD = {("USD", "payment"): (1, 1000, 0, 0)}


def settle_in(platform: Platform, currency: str, *amounts_minor: int) -> None:
    """A dollar payment at nine o'clock, and payments in another currency beside it."""
    platform.settle(NINE.start, 1000)
    for amount_minor in amounts_minor:
        platform.settle(NINE.start + timedelta(minutes=5), amount_minor, currency)


@pytest.mark.parametrize(
    ("currency", "label"),
    [("BTC", "BTC"), ("XTS", "XTS"), ("XAU", "XAU"), ("eur", "eur"), ("EUR ", "EUR?")],
)
def test_a_code_that_is_no_currency_is_left_out_of_hour_and_day(
    settings: Settings, platform: Platform, books: Books, currency: str, label: str
) -> None:
    settle_in(platform, "SEK", 300, 4)
    columns = {"currency": f"case currency when 'SEK' then '{currency}' else currency end"}
    with transactions_with(platform, **columns):
        hour = close_hour(settings, NINE, RUN)
        day = close_day(settings, DAY, RUN)

    expected = [(label, label, "unknown_currency", 2, 304)]
    assert books.hour(NINE) == USD
    assert exceptions_of(books, hour.close_id) == expected
    assert exceptions_of(books, day.close_id) == expected
    assert books.failed_tie_outs() == []


def test_rows_without_a_currency_are_left_out_of_hour_and_day(
    settings: Settings, platform: Platform, books: Books
) -> None:
    settle_in(platform, "SEK", 300)
    with transactions_with(platform, currency="nullif(currency, 'SEK')"):
        hour = close_hour(settings, NINE, RUN)
        close_day(settings, DAY, RUN)

    assert books.hour(NINE) == USD
    assert exceptions_of(books, hour.close_id) == [("none", "none", "unknown_currency", 1, 300)]


def test_sums_beyond_bigint_leave_their_currency_out_and_the_others_are_closed(
    settings: Settings, platform: Platform, books: Books
) -> None:
    settle_in(platform, "IRR", NINE_QUINTILLION, NINE_QUINTILLION)

    hour = close_hour(settings, NINE, RUN)
    day = close_day(settings, DAY, RUN)

    expected = [("IRR", "IRR", "beyond_bigint", 2, 2 * NINE_QUINTILLION)]
    assert books.hour(NINE) == USD
    assert exceptions_of(books, hour.close_id) == expected
    assert exceptions_of(books, day.close_id) == expected


def test_a_currency_that_only_the_day_cannot_hold_is_in_its_hours_and_not_in_the_day(
    settings: Settings, platform: Platform, books: Books
) -> None:
    settle_in(platform, "IRR", NINE_QUINTILLION)
    platform.settle(NINE.end, NINE_QUINTILLION, "IRR")

    day = close_day(settings, DAY, RUN)

    assert books.hour(NINE)["IRR", "payment"] == (1, NINE_QUINTILLION, 0, 0)
    assert exceptions_of(books, day.close_id) == [
        ("IRR", "IRR", "beyond_bigint", 2, 2 * NINE_QUINTILLION)
    ]
    in_day = books.rows("select distinct currency from reporting.daily_volume")
    assert [row["currency"] for row in in_day] == ["USD"]


@pytest.mark.parametrize(
    ("column", "value", "reason"),
    [
        ("status", "'pending'", "unsettled_status"),
        ("status", "null", "unsettled_status"),
        ("kind", "'tip'", "row_impossible"),
        ("kind", "null", "row_impossible"),
        ("amount_minor", "-300", "row_impossible"),
        ("amount_minor", "null", "row_impossible"),
        ("fee_minor", "null", "row_impossible"),
        ("discount_minor", "null", "row_impossible"),
    ],
)
def test_a_row_that_cannot_be_counted_leaves_its_currency_out_and_no_other(
    settings: Settings,
    platform: Platform,
    books: Books,
    column: str,
    value: str,
    reason: str,
) -> None:
    settle_in(platform, "SEK", 300, 4)
    wrong = f"case amount_minor when 300 then {value} else {column} end"
    with transactions_with(platform, **{column: wrong}):
        hour = close_hour(settings, NINE, RUN)
        day = close_day(settings, DAY, RUN)

    assert books.hour(NINE) == USD
    for close in (hour, day):
        [(subject, _, found, row_count, _)] = exceptions_of(books, close.close_id)
        assert (subject, found, row_count) == ("SEK", reason, 2)


def test_the_run_names_the_transactions_whose_status_is_wrong(
    settings: Settings, platform: Platform, caplog: pytest.LogCaptureFixture
) -> None:
    settle_in(platform, "SEK", 300)
    status = "case currency when 'SEK' then 'failed' else status end"
    with transactions_with(platform, status=status):
        close_hour(settings, NINE, RUN)

    errors = [r.getMessage() for r in caplog.records if r.levelno == logging.ERROR]
    assert any("1 transactions have settled_at" in e and ": 1001 (failed)" in e for e in errors)
    assert any(
        "is closed without volume of currency SEK, 1 rows (unsettled_status: a row" in e
        for e in errors
    )


def test_a_transaction_without_a_merchant_leaves_its_currency_out_of_the_day(
    settings: Settings, platform: Platform, books: Books
) -> None:
    settle_in(platform, "SEK", 300)
    merchant = "case currency when 'SEK' then null else merchant_id end"
    with transactions_with(platform, merchant_id=merchant):
        day = close_day(settings, DAY, RUN)

    assert exceptions_of(books, day.close_id) == [("SEK", "SEK", "row_incomplete", 1, 300)]


def test_a_payment_of_nothing_is_counted(
    settings: Settings, platform: Platform, books: Books
) -> None:
    settle_in(platform, "SEK", 300)
    nothing = "case currency when 'SEK' then 0 else amount_minor end"
    with transactions_with(platform, amount_minor=nothing):
        hour = close_hour(settings, NINE, RUN)
        close_day(settings, DAY, RUN)

    assert books.hour(NINE) == USD | {("SEK", "payment"): (1, 0, 0, 0)}
    assert exceptions_of(books, hour.close_id) == []


def test_a_period_that_is_closed_again_after_it_was_corrected_has_no_exceptions(
    settings: Settings, platform: Platform, books: Books
) -> None:
    settle_in(platform, "SEK", 300)
    status = "case currency when 'SEK' then 'failed' else status end"
    with transactions_with(platform, status=status):
        close_hour(settings, NINE, RUN)
        close_day(settings, DAY, RUN)

    hour, day = close_hour(settings, NINE, RUN), close_day(settings, DAY, RUN)

    assert (hour.outcome, day.outcome) == ("changed", "changed")
    assert books.hour(NINE) == platform.volume(NINE)
    assert exceptions_of(books, hour.close_id) == exceptions_of(books, day.close_id) == []
    assert books.failed_tie_outs() == []


def test_another_reason_for_the_same_rows_is_a_new_version(
    settings: Settings, platform: Platform, books: Books
) -> None:
    settle_in(platform, "SEK", 300)
    with transactions_with(
        platform, status="case currency when 'SEK' then 'failed' else status end"
    ):
        close_hour(settings, NINE, RUN)
        again = close_hour(settings, NINE, RUN)
    with transactions_with(platform, kind="case currency when 'SEK' then 'tip' else kind end"):
        changed = close_hour(settings, NINE, RUN)

    assert (again.outcome, changed.outcome) == ("confirmed", "changed")
    assert exceptions_of(books, changed.close_id) == [("SEK", "SEK", "row_impossible", 1, 300)]


def test_the_last_task_fails_and_names_what_is_left_out(
    settings: Settings, platform: Platform
) -> None:
    settle_in(platform, "BTC", 300)
    close = close_hour(settings, NINE, RUN)

    with pytest.raises(WrongData, match=r"hour 2026-10-15T09Z .* is closed without .* BTC, 1 rows"):
        refuse_exceptions(settings, [close.close_id])


def test_the_last_task_succeeds_if_nothing_is_left_out(
    settings: Settings, platform: Platform
) -> None:
    settle_in(platform, "SEK", 300)

    refuse_exceptions(settings, [close_hour(settings, NINE, RUN).close_id])


# ---- a merchant or promotion that is listed more than once ----------------------------------

VOLUME_BY_TEXT = (
    "select merchant_id, merchant_category, promotion_funding, transaction_count, amount_minor"
    " from reporting.current_daily_volume order by amount_minor desc"
)


@pytest.mark.parametrize(
    ("again", "category"), [("books", "books"), ("bars", "unknown"), ("", "unknown")]
)
def test_a_merchant_that_is_listed_twice_is_counted_once_and_named(
    settings: Settings, platform: Platform, books: Books, again: str, category: str
) -> None:
    platform.settle(NINE.start, 1000, merchant_id=10)
    platform.settle(NINE.start, 30, merchant_id=11)
    once = "select merchant_id, category from platform.merchants"
    with view_of(platform, "merchants", f"{once} union all select 10, '{again}'"):
        day = close_day(settings, DAY, RUN)

    assert [tuple(row.values()) for row in books.rows(VOLUME_BY_TEXT)] == [
        (10, category, "none", 1, 1000),
        (11, "travel", "none", 1, 30),
    ]
    assert exceptions_of(books, day.close_id) == [("10", "none", "merchant_repeated", 0, 0)]
    assert books.failed_tie_outs() == []


@pytest.mark.parametrize(("again", "funding"), [("merchant", "merchant"), ("shared", "unknown")])
def test_a_promotion_that_is_listed_twice_doubles_no_transaction_and_is_named(
    settings: Settings, platform: Platform, books: Books, again: str, funding: str
) -> None:
    platform.settle(NINE.start, 1000, promotion_id=100)
    platform.settle(NINE.start, 30)
    once = "select promotion_id, funding from platform.promotions"
    with view_of(platform, "promotions", f"{once} union all select 100, '{again}'"):
        day = close_day(settings, DAY, RUN)

    assert [tuple(row.values()) for row in books.rows(VOLUME_BY_TEXT)] == [
        (10, "books", funding, 1, 1000),
        (10, "books", "none", 1, 30),
    ]
    assert books.hour(NINE) == {("USD", "payment"): (2, 1030, 0, 0)}
    assert exceptions_of(books, day.close_id) == [("100", "none", "promotion_repeated", 0, 0)]


def test_the_run_says_what_is_missing_of_a_merchant_that_is_listed_twice(
    settings: Settings, platform: Platform
) -> None:
    platform.settle(NINE.start, 1000)
    twice = "select merchant_id, category from platform.merchants union all select 10, 'bars'"
    with view_of(platform, "merchants", twice):
        day = close_day(settings, DAY, RUN)

    with pytest.raises(WrongData, match="is closed without the category of merchant 10 \\(merch"):
        refuse_exceptions(settings, [day.close_id])


def test_a_merchant_that_is_listed_twice_and_has_no_transaction_that_day_is_no_exception(
    settings: Settings, platform: Platform, books: Books
) -> None:
    platform.settle(NINE.start, 1000, merchant_id=11)
    twice = "select merchant_id, category from platform.merchants union all select 10, 'bars'"
    with view_of(platform, "merchants", twice):
        day = close_day(settings, DAY, RUN)

    assert exceptions_of(books, day.close_id) == []
