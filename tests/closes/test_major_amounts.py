"""Amounts in major units: taken to the last digit, or refused with their row; never rounded."""

from dataclasses import replace
from datetime import timedelta

import pytest

from closebook.closes.day import close_day
from closebook.closes.hour import close_hour
from closebook.closes.month import close_month
from closebook.errors import Misconfigured
from closebook.periods import HOUR, day_of, hour_of
from closebook.settings import Settings
from tests.books import Books
from tests.close_fixtures import ONE_REPLICA, RUN, retyped
from tests.closes.exception_rows import exceptions_of
from tests.closes.october import BUSY, LAST_DAY, OCTOBER, RESTING, SEPTEMBER
from tests.major_amounts import ENTRIES, MAJOR, TRANSACTIONS, major, platform_in_major
from tests.platform_rows import Platform, utc

NINE = hour_of(utc("2026-10-15T09:00Z"))
DAY = day_of(utc("2026-10-15T09:00Z").date(), "America/New_York")


@pytest.fixture
def in_major(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """Settings of a platform whose views have major units, and which has bitcoins too."""
    monkeypatch.setenv("CLOSEBOOK_CURRENCIES", "BTC=8")
    return replace(settings, major_amounts=frozenset({TRANSACTIONS, ENTRIES}))


def post(platform: Platform) -> None:
    """Two accounts with entries before and in October."""
    for account_id, currency in ((BUSY, "EUR"), (RESTING, "KWD")):
        platform.open_account(account_id, currency)
        platform.post(account_id, SEPTEMBER.start, 50, currency)
        platform.post(account_id, LAST_DAY.start, 12345, currency)


# ---- exact -----------------------------------------------------------------------------


def test_hours_and_days_have_the_minor_units_of_each_currency(
    in_major: Settings, platform: Platform, books: Books
) -> None:
    for amount_minor, currency in (
        (12345, "EUR"),
        (12345, "JPY"),
        (12345, "KWD"),
        (1, "BTC"),
        (9 * 10**18 + 1, "USD"),
    ):
        platform.settle(NINE.start, amount_minor, currency, fee_minor=3, discount_minor=1)
    with platform_in_major(platform):
        hour = close_hour(in_major, NINE, RUN)
        day = close_day(in_major, DAY, RUN)

    assert books.hour(NINE) == platform.volume(NINE)
    assert books.hour(NINE)["USD", "payment"] == (1, 9 * 10**18 + 1, 3, 1)
    assert (hour.exceptions, day.exceptions) == ((), ())
    assert books.failed_tie_outs() == []


def test_a_month_in_major_units_changes_nothing_of_one_that_was_closed_in_minor_units(
    settings: Settings, in_major: Settings, platform: Platform, books: Books
) -> None:
    post(platform)
    first = close_month(settings, OCTOBER, RUN)
    with platform_in_major(platform):
        again = close_month(in_major, OCTOBER, RUN)

    assert (first.outcome, again.outcome) == ("new", "confirmed")
    assert books.statements(again.close_id).keys() == {BUSY, RESTING}


def test_one_view_may_have_major_units_and_the_other_minor_units(
    in_major: Settings, platform: Platform, books: Books
) -> None:
    post(platform)
    platform.settle(LAST_DAY.start, 12345, "EUR")
    settings = replace(in_major, major_amounts=frozenset({ENTRIES}))
    with retyped(platform, ENTRIES, major("amount_minor")):
        day = close_day(settings, LAST_DAY, RUN)

    assert day.exceptions == ()
    totals = books.rows(
        "select measure, currency, amount_minor::bigint from reporting.close_totals"
        " where close_id = %s order by measure, currency",
        day.close_id,
    )
    assert [tuple(row.values()) for row in totals] == [
        ("ledger", "EUR", 12345),
        ("ledger", "KWD", 12345),
        ("volume", "EUR", 12345),
    ]


# ---- refused with the row ----------------------------------------------------------------


@pytest.mark.parametrize("column", ["amount_minor", "fee_minor", "discount_minor"])
def test_an_amount_with_too_many_decimals_leaves_its_currency_out_of_hour_and_day(
    in_major: Settings,
    platform: Platform,
    books: Books,
    caplog: pytest.LogCaptureFixture,
    column: str,
) -> None:
    platform.settle(NINE.start, 1000)
    for minute, amount_minor in enumerate((300, 777)):
        at = NINE.start + timedelta(minutes=minute)
        refused = platform.settle(
            at, amount_minor, "SEK", fee_minor=amount_minor, discount_minor=amount_minor
        )
    later = platform.settle(NINE.end, 300, "SEK")
    tenth = f"case when {{column}} = 777 then 7.775 else {MAJOR} end"
    with platform_in_major(platform, **{column: tenth}):
        hour = close_hour(in_major, NINE, RUN)
        day = close_day(in_major, DAY, RUN)

    counted = 300 if column == "amount_minor" else 300 + 777
    assert books.hour(NINE) == {("USD", "payment"): (1, 1000, 0, 0)}
    assert books.hour(hour_of(later.settled_at)) == {("SEK", "payment"): (1, 300, 0, 0)}
    assert exceptions_of(books, hour.close_id) == [("SEK", "SEK", "amount_inexact", 2, counted)]
    assert exceptions_of(books, day.close_id) == [
        ("SEK", "SEK", "amount_inexact", 3, counted + 300)
    ]
    first = f"transactions of SEK, the first is transaction {refused.transaction_id} "
    assert first in caplog.text
    assert books.failed_tie_outs() == []


@pytest.mark.parametrize(
    ("found", "reason"),
    [
        ("1e30", "beyond_bigint"),
        ("'NaN'::numeric", "amount_inexact"),
        ("'Infinity'::numeric", "beyond_bigint"),
        ("null::numeric", "row_impossible"),
        ("-0.01", "row_impossible"),
        ("-0.001", "amount_inexact"),
    ],
)
def test_what_is_no_amount_leaves_its_currency_out_with_its_own_reason(
    in_major: Settings, platform: Platform, books: Books, found: str, reason: str
) -> None:
    platform.settle(NINE.start, 1000)
    platform.settle(NINE.start, 777, "SEK")
    with platform_in_major(
        platform, amount_minor=f"case when {{column}} = 777 then {found} else {MAJOR} end"
    ):
        close = close_hour(in_major, NINE, RUN)

    assert books.hour(NINE) == {("USD", "payment"): (1, 1000, 0, 0)}
    assert [each.reason for each in close.exceptions] == [reason]


@pytest.mark.parametrize(
    ("found", "reason"),
    [
        ("7.775", "amount_inexact"),
        ("-1e30", "beyond_bigint"),
        ("'NaN'::numeric", "amount_inexact"),
        ("null::numeric", "row_incomplete"),
    ],
)
def test_an_entry_that_is_no_amount_leaves_its_account_out_of_day_and_month(
    in_major: Settings,
    platform: Platform,
    books: Books,
    caplog: pytest.LogCaptureFixture,
    found: str,
    reason: str,
) -> None:
    post(platform)
    wrong = platform.post(BUSY, LAST_DAY.start + HOUR, 777, "EUR")
    with platform_in_major(
        platform, entry_amount=f"case when {{column}} = 777 then {found} else {MAJOR} end"
    ):
        day = close_day(in_major, LAST_DAY, RUN)
        month = close_month(in_major, OCTOBER, RUN)

    expected = [(str(BUSY), "EUR", reason, 2, 12345)]
    assert exceptions_of(books, day.close_id) == expected
    assert exceptions_of(books, month.close_id) == expected
    assert books.statements(month.close_id).keys() == {RESTING}
    assert (f"the first is entry {wrong.entry_id}" in caplog.text) == (reason != "row_incomplete")
    assert books.failed_tie_outs() == []

    with platform_in_major(platform):
        mended = close_month(in_major, OCTOBER, replace(RUN, reason="the amount is mended"))

    assert mended.exceptions == ()
    assert books.statements(mended.close_id).keys() == {BUSY, RESTING}


def test_an_older_entry_that_is_no_amount_leaves_its_account_out_of_the_month(
    in_major: Settings, platform: Platform, books: Books
) -> None:
    post(platform)
    with platform_in_major(
        platform,
        entry_amount=f"case when {{column}} = 50 and currency = 'EUR' then 0.505 else {MAJOR} end",
    ):
        month = close_month(in_major, OCTOBER, RUN)

    assert exceptions_of(books, month.close_id) == [(str(BUSY), "EUR", "amount_inexact", 1, 12345)]
    assert books.statements(month.close_id).keys() == {RESTING}


def test_an_amount_of_a_currency_that_is_not_known_is_an_unknown_currency(
    in_major: Settings, platform: Platform, books: Books, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("CLOSEBOOK_CURRENCIES")
    post(platform)
    platform.settle(LAST_DAY.start, 1000)
    platform.settle(LAST_DAY.start, 7, "BTC")
    platform.open_account(7, "BTC")
    platform.post(7, LAST_DAY.start, 30, "BTC")
    with platform_in_major(platform):
        day = close_day(in_major, LAST_DAY, RUN)
        month = close_month(in_major, OCTOBER, RUN)

    assert {(each.subject, each.reason) for each in day.exceptions} == {("BTC", "unknown_currency")}
    assert exceptions_of(books, month.close_id) == [("7", "BTC", "unknown_currency", 1, 0)]


# ---- the contract ------------------------------------------------------------------------


def test_a_view_in_minor_units_is_refused_if_the_setting_says_major_units(
    in_major: Settings, platform: Platform, books: Books
) -> None:
    platform.settle(NINE.start, 1000)

    with pytest.raises(
        Misconfigured, match=r"transactions\.fee_major \(numeric\) is missing"
    ) as no:
        close_hour(in_major, NINE, ONE_REPLICA)

    assert no.value.code == "CB-CONFIG-CONTRACT-DIFFERS"
    assert sum(books.size().values()) == 0


def test_a_view_in_major_units_is_refused_if_the_setting_does_not_name_it(
    settings: Settings, platform: Platform, books: Books
) -> None:
    platform.settle(NINE.start, 1000)

    with (
        platform_in_major(platform),
        pytest.raises(Misconfigured, match="name transactions in CLOSEBOOK_MAJOR_AMOUNTS"),
    ):
        close_hour(settings, NINE, ONE_REPLICA)

    assert sum(books.size().values()) == 0


@pytest.mark.parametrize(
    ("cast", "said"),
    [
        ("float8", "amount_major is double precision and must be numeric: a float does not hold"),
        ("bigint", "amount_major is bigint and must be numeric: if it holds major units, write"),
        ("money", "amount_major is money and must be numeric: if it holds major units, write"),
    ],
)
def test_an_amount_in_major_units_of_another_type_is_refused(
    in_major: Settings, platform: Platform, cast: str, said: str
) -> None:
    with (
        platform_in_major(platform, amount_minor=f"({MAJOR})::{cast}"),
        pytest.raises(Misconfigured) as refused,
    ):
        close_hour(in_major, NINE, ONE_REPLICA)

    assert said in refused.value.text
