"""No text of the platform is too long for a close: keys are shortened, texts are cut."""

import logging
import re
from time import perf_counter

import pytest

from closebook.closes.day import close_day
from closebook.closes.hour import close_hour
from closebook.closes.month import close_month
from closebook.periods import day_of, hour_of, parse_month
from closebook.settings import Settings
from tests.books import Books
from tests.close_fixtures import ONE_REPLICA, RUN, transactions_with, view_of
from tests.closes.business_day import daily_volume
from tests.platform_rows import Platform, utc

NINE = hour_of(utc("2026-10-31T13:00Z"))
NEW_YORK = "America/New_York"
DAY = day_of(NINE.start.date(), NEW_YORK)
OCTOBER = parse_month("2026-10", NEW_YORK)
# PostgreSQL compresses a letter that is repeated; hashes do not compress.
LONG = (
    "(select string_agg(sha256((({seed})::text || n)::bytea)::text, '')"
    " from generate_series(1, 200) as n)"
)
SHORTENED = r"(too long, sha256 "


def long_text(seed: str) -> str:
    """An expression of 13,200 characters that differ from those of another seed."""
    return LONG.format(seed=seed)


def test_a_category_of_many_kilobytes_is_counted_under_a_short_key_and_told(
    settings: Settings, platform: Platform, books: Books, caplog: pytest.LogCaptureFixture
) -> None:
    platform.settle(NINE.start, 100, merchant_id=10)
    platform.settle(NINE.start, 20, merchant_id=11)
    platform.connection.execute(
        f"update platform.merchants set category = {long_text('10')} where merchant_id = 10"  # noqa: S608  # texts of this file
    )
    with caplog.at_level(logging.WARNING):
        close_day(settings, DAY, RUN)

    volume = {(cell[0], cell[1]): found[:2] for cell, found in daily_volume(books, DAY).items()}
    [category] = [category for merchant, category in volume if merchant == 10]
    assert SHORTENED in category
    assert len(category) < 100
    assert volume == {(10, category): (1, 100), (11, "travel"): (1, 20)}
    assert "1 cells have a merchant category" in caplog.text


def test_long_countries_and_fundings_stay_apart_and_no_number_is_lost(
    settings: Settings, platform: Platform, books: Books
) -> None:
    platform.settle(NINE.start, 100, promotion_id=100)
    platform.settle(NINE.start, 20)
    platform.settle(NINE.start, 3)
    funding = f"select promotion_id, {long_text('4')} as funding from platform.promotions"  # noqa: S608  # texts of this file
    country = "case amount_minor when 3 then 'DE' else 'X' || repeat('a', 300) || amount_minor end"
    with (
        view_of(platform, "promotions", funding),
        transactions_with(platform, user_country=country),
    ):
        close_day(settings, DAY, RUN)

    found = daily_volume(books, DAY)
    assert sum(cell[1] for cell in found.values()) == 123
    countries = {cell[2] for cell in found}
    assert len(countries) == 3
    assert sum(SHORTENED in country for country in countries) == 2
    assert {SHORTENED in cell[4] for cell in found} == {True, False}
    assert books.hour(NINE)["USD", "payment"][:2] == (3, 123)


def test_a_text_of_exactly_the_limit_is_kept(
    settings: Settings, platform: Platform, books: Books
) -> None:
    platform.settle(NINE.start, 100)
    platform.connection.execute("update platform.merchants set category = repeat('b', 200)")
    close_day(settings, DAY, RUN)

    assert {cell[1] for cell in daily_volume(books, DAY)} == {"b" * 200}


def test_texts_of_statements_are_cut_at_the_documented_limits(
    settings: Settings, platform: Platform, books: Books
) -> None:
    platform.open_account(1, "EUR")
    platform.open_account(2, "EUR")
    for account_id in (1, 2):
        platform.post(account_id, NINE.start, 77, "EUR")
    platform.connection.execute(
        "update platform.users set full_name = repeat('ü', 201), address = repeat('é', 1001),"
        " locale_code = repeat('d', 5000) where user_id = 1000001"
    )
    platform.connection.execute(
        "update platform.ledger_entries set description = repeat('я', 1001),"
        " counterparty = repeat('漢', 201), kind = repeat('k', 51) where wallet_id = 1"
    )
    platform.connection.execute(
        "update platform.ledger_entries set description = repeat('я', 1000),"
        " counterparty = repeat('漢', 200), kind = repeat('k', 50) where wallet_id = 2"
    )
    close_day(settings, DAY, RUN)
    month = close_month(settings, OCTOBER, RUN)

    first, second = books.rows(
        "select * from reporting.statements where close_id = %s order by account_id", month.close_id
    )
    assert first["holder_name"] == "ü" * 197 + "..."
    assert first["holder_address"] == "é" * 997 + "..."
    assert first["locale_code"] == "d" * 47 + "..."
    assert second["holder_name"] == "Ada Lovelace"
    cut, kept = books.rows(
        "select * from reporting.statement_lines where close_id = %s order by account_id",
        month.close_id,
    )
    assert (cut["description"], cut["counterparty"], cut["kind"]) == (
        "я" * 997 + "...",
        "漢" * 197 + "...",
        "k" * 47 + "...",
    )
    assert (kept["description"], kept["counterparty"], kept["kind"]) == (
        "я" * 1000,
        "漢" * 200,
        "k" * 50,
    )


def test_account_numbers_of_many_kilobytes_stay_apart_and_stop_no_month(
    settings: Settings, platform: Platform, books: Books
) -> None:
    for account_id in (1, 2):
        platform.open_account(account_id, "EUR")
        platform.post(account_id, NINE.start, 77, "EUR")
    close_day(settings, DAY, RUN)
    number = f"'DE' || wallet_id || {long_text('wallet_id')}"
    accounts = (
        f"select wallet_id as account_id, {number} as account_number, currency, opened_at,"  # noqa: S608  # texts of this file
        " 'Ada'::text as holder_name, 'a street'::text as holder_address,"
        " 'en_US'::text as locale_code from platform.wallets"
    )
    with view_of(platform, "accounts", accounts):
        month = close_month(settings, OCTOBER, RUN)

    numbers = [
        row["account_number"]
        for row in books.rows(
            "select account_number from reporting.statements where close_id = %s"
            " order by account_id",
            month.close_id,
        )
    ]
    assert len(set(numbers)) == 2
    assert [number[:3] for number in numbers] == ["DE1", "DE2"]
    assert all(SHORTENED in number and len(number) < 100 for number in numbers)


@pytest.mark.parametrize(
    ("column", "subject", "reason"),
    [("kind", "USD", "row_impossible"), ("currency", r"\?x[0-9a-f]{10}", "unknown_currency")],
)
def test_a_kind_or_currency_of_many_kilobytes_is_left_out_under_a_short_name(
    settings: Settings,
    platform: Platform,
    books: Books,
    caplog: pytest.LogCaptureFixture,
    column: str,
    subject: str,
    reason: str,
) -> None:
    platform.settle(NINE.start, 100)
    platform.settle(NINE.start, 20, "EUR")
    long = f"case currency when 'USD' then {long_text('1')} else {column} end"
    with transactions_with(platform, **{column: long}):
        close = close_hour(settings, NINE, ONE_REPLICA)

    [left_out] = close.exceptions
    assert (left_out.reason, left_out.row_count, left_out.amount_minor) == (reason, 1, 100)
    assert re.fullmatch(subject, left_out.subject)
    [said] = [text for text in caplog.messages if "is closed without" in text]
    assert len(said) < 400
    assert books.hour(NINE) == {("EUR", "payment"): (1, 20, 0, 0)}


def test_a_status_of_many_kilobytes_is_shown_by_its_start(
    settings: Settings, platform: Platform, caplog: pytest.LogCaptureFixture
) -> None:
    platform.settle(NINE.start, 100)
    with transactions_with(platform, status=long_text("1")):
        close = close_hour(settings, NINE, ONE_REPLICA)

    assert [each.reason for each in close.exceptions] == ["unsettled_status"]
    [shown] = [text for text in caplog.messages if "have settled_at and a status" in text]
    assert len(shown) < 400


def test_reading_a_long_description_takes_time_in_proportion_to_the_limit_and_not_to_its_length(
    settings: Settings, platform: Platform, books: Books
) -> None:
    platform.open_account(1, "EUR")
    for _ in range(20):
        platform.post(1, NINE.start, 77, "EUR")
    close_day(settings, DAY, RUN)
    platform.connection.execute(
        "update platform.ledger_entries set description = repeat('unbroken', 1000000)"
    )
    began = perf_counter()
    month = close_month(settings, OCTOBER, ONE_REPLICA)

    assert perf_counter() - began < 10
    [longest] = books.rows(
        "select max(length(description)) as n from reporting.statement_lines where close_id = %s",
        month.close_id,
    )
    assert longest["n"] == 1000
