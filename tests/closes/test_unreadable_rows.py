"""A close that a value which no view can compute stops: the error names view, column and row.

tests/closes/test_uncomputable_values.py has the values that a close leaves out instead.
"""

import time
from datetime import timedelta

import pytest

from closebook.closes.day import close_day
from closebook.closes.hour import close_hour
from closebook.closes.month import close_month
from closebook.errors import WrongData
from closebook.periods import Period, day_containing, hour_of, month_containing
from closebook.platform import uncomputable_values, unreadable_rows, view_probes
from closebook.settings import Run, Settings
from tests.books import Books
from tests.close_fixtures import ONE_REPLICA, RUN, transactions_with, view_of
from tests.closes.exception_rows import exceptions_of
from tests.closes.october import NEW_YORK
from tests.platform_rows import Platform, utc

NINE = hour_of(utc("2026-10-15T09:00Z"))
DAY = day_containing(NINE.start, NEW_YORK)
MONTH = month_containing(NINE.start, NEW_YORK)
ENTRIES = (
    "select entry_id, wallet_id as account_id, transaction_id, posted_at, {} as amount_minor,"
    " currency, kind, description, counterparty from platform.ledger_entries"
)


@pytest.fixture(autouse=True)
def nothing_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """A platform with more such values than a close leaves out: one is too many."""
    monkeypatch.setattr(uncomputable_values, "MOST_VALUES", 0)


def refusal(settings: Settings, period: Period, run: Run = ONE_REPLICA) -> WrongData:
    """The error of the close of a period."""
    close = {"hour": close_hour, "day": close_day, "month": close_month}[period.grain]
    with pytest.raises(WrongData) as refused:
        close(settings, period, run)
    assert refused.value.code == "CB-DATA-QUERY-REFUSED"
    return refused.value


@pytest.mark.parametrize("run", [ONE_REPLICA, RUN], ids=["one replica", "cross-check"])
@pytest.mark.parametrize(
    ("column", "wrong"),
    [
        ("amount_minor", "('12,50 of ' || currency)::bigint"),
        ("fee_minor", "(amount_minor::numeric * 1e18)::bigint"),
        ("amount_minor", "amount_minor / (amount_minor - amount_minor)"),
        ("merchant_id", "('merchant ' || merchant_id)::bigint"),
        ("kind", "chr((amount_minor - 123)::integer)"),
        (
            "currency",
            "convert_from(decode(to_hex(amount_minor + 132), 'hex'), 'UTF8') collate \"default\"",
        ),
    ],
)
def test_the_row_that_a_view_of_transactions_cannot_compute_is_named(
    settings: Settings, platform: Platform, books: Books, column: str, wrong: str, run: Run
) -> None:
    for number in range(40):
        platform.settle(NINE.start + timedelta(minutes=number), 100 + number)
    platform.settle(NINE.end, 123)
    with transactions_with(
        platform, **{column: f"case when amount_minor = 123 then {wrong} else {column} end"}
    ):
        # An hour reads no merchant.
        periods = [DAY] if column == "merchant_id" else [NINE, DAY]
        refused = [refusal(settings, period, run) for period in periods]

    place = f"it is the column {column} of the view transactions, in the row with transaction_id"
    assert all(each.text.endswith(f"{place} 1023") for each in refused), refused
    assert sum(books.size().values()) == 0


def test_no_value_of_a_row_is_in_the_error(settings: Settings, platform: Platform) -> None:
    platform.settle(NINE.start, 4711)
    with transactions_with(platform, amount_minor="('Ada ' || amount_minor)::bigint"):
        refused = refusal(settings, NINE)

    assert "Ada" not in refused.text
    assert "4711" not in refused.text


def test_an_entry_before_the_month_that_cannot_be_computed_is_named(
    settings: Settings, platform: Platform, books: Books
) -> None:
    platform.open_account(1)
    for number in range(20):
        platform.post(1, MONTH.start - timedelta(days=30 + number), 100 + number)
    platform.post(1, NINE.start, 5)
    wrong = "case amount_minor when 107 then ('7 of ' || currency)::bigint else amount_minor end"
    with view_of(platform, "ledger_entries", ENTRIES.format(wrong)):
        refused = refusal(settings, MONTH)

    assert refused.text.endswith(
        "it is the column amount_minor of the view ledger_entries, in the row with entry_id 8"
    )


def test_an_account_or_a_merchant_that_cannot_be_computed_is_named(
    settings: Settings, platform: Platform
) -> None:
    platform.settle(NINE.start, 100)
    category = "case merchant_id when 11 then chr((merchant_id - 11)::integer) else category end"
    wrong = f"select merchant_id, {category} as category"
    with view_of(platform, "merchants", f"{wrong} from platform.merchants"):
        refused = refusal(settings, DAY)

    assert refused.text.endswith(
        "it is the column category of the view merchants, in the row with merchant_id 11"
    )


def test_a_time_that_cannot_be_computed_is_known_by_its_view_only(
    settings: Settings, platform: Platform
) -> None:
    platform.settle(NINE.start, 100)
    platform.settle(NINE.start, 200)
    times = "case amount_minor when 200 then ('at ' || currency)::timestamptz else settled_at end"
    with transactions_with(platform, settled_at=times):
        refused = refusal(settings, NINE)

    assert refused.text.endswith("it is the view transactions, already for its rows to be found")


def test_a_value_that_is_the_same_for_all_rows_is_named_without_a_row(
    settings: Settings, platform: Platform
) -> None:
    """PostgreSQL computes it once, when it plans the query: also where no row is asked for."""
    platform.settle(NINE.start, 100)
    platform.settle(NINE.start, 200)
    with transactions_with(platform, kind="chr(0)"):
        refused = refusal(settings, NINE)

    assert refused.text.endswith("it is the column kind of the view transactions")


def test_a_view_that_computes_all_of_its_rows_at_once_is_named_without_a_row(
    settings: Settings, platform: Platform
) -> None:
    """An order that is not the key's needs all rows, whichever range of keys is asked for."""
    platform.settle(NINE.start, 100)
    platform.settle(NINE.start, 200)
    numbered = (
        "select transaction_id, user_country, merchant_id, promotion_id, kind, currency,"
        " case amount_minor when 200 then (currency || '!')::bigint else amount_minor end"
        " + 0 * row_number() over (order by 1 / (amount_minor - 200)) as amount_minor,"
        " fee_minor, discount_minor, status, created_at, settled_at from platform.transactions"
    )
    with view_of(platform, "transactions", numbered):
        refused = refusal(settings, NINE)

    assert "the view transactions" in refused.text
    assert "transaction_id" not in refused.text


def test_the_search_ends_when_its_time_is_over(
    settings: Settings, platform: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (uncomputable_values, unreadable_rows):
        monkeypatch.setattr(module, "SEARCH_SECONDS", 1.0)
    monkeypatch.setattr(view_probes, "ANSWER_SECONDS", 30.0)
    platform.settle(NINE.start, 100)
    # No query of a close begins like this.
    asleep = "current_query() like 'select count(*),%' and pg_sleep(60) is not null"
    begun = time.monotonic()
    with transactions_with(
        platform, amount_minor=f"case when {asleep} then 1 else (currency || '!')::bigint end"
    ):
        refused = refusal(settings, NINE)

    assert refused.text.endswith("#values-that-cannot-be-computed shows")
    # Less than the answer that is waited for otherwise
    assert time.monotonic() - begun < 25


@pytest.mark.parametrize(
    "guarded",
    [
        r"case when raw ~ '^-?[0-9]{1,18}$' then raw::bigint end",
        "case when length(raw) < 18 and raw !~ '[^0-9]' then raw::bigint end",
    ],
)
def test_a_view_that_gives_null_there_leaves_only_the_rows_currency_out(
    settings: Settings, platform: Platform, books: Books, guarded: str
) -> None:
    """As docs/contract.md shows: the rest is closed."""
    platform.settle(NINE.start, 100)
    platform.settle(NINE.start, 300, "SEK")
    raw = "(case currency when 'SEK' then '3,00' else amount_minor::text end)"
    with transactions_with(platform, amount_minor=guarded.replace("raw", raw)):
        hour = close_hour(settings, NINE, RUN)

    assert books.hour(NINE) == {("USD", "payment"): (1, 100, 0, 0)}
    assert exceptions_of(books, hour.close_id) == [("SEK", "SEK", "row_impossible", 1, 0)]
