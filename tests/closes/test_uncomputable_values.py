"""A value that a view of the platform cannot compute leaves out its currency or account only.

The views of these tests raise an error for chosen rows: a cast that fails, a division by zero.
"""

import logging
from collections.abc import Callable, Collection
from datetime import timedelta
from random import Random

import pytest

from closebook.closes import exceptions
from closebook.closes.day import close_day
from closebook.closes.hour import close_hour
from closebook.closes.month import close_month
from closebook.errors import WrongData
from closebook.periods import day_containing, hour_of
from closebook.platform import uncomputable_values
from closebook.settings import Run, Settings
from tests.books import Books
from tests.close_fixtures import ONE_REPLICA, RUN, transactions_with, view_of
from tests.closes.exception_rows import exceptions_of
from tests.closes.october import BUSY, LAST_DAY, NEW_YORK, OCTOBER, RESTING, SEPTEMBER
from tests.platform_rows import Platform, Transaction, utc, volume_of

NINE = hour_of(utc("2026-10-15T09:00Z"))
DAY = day_containing(NINE.start, NEW_YORK)
USD = {("USD", "payment"): (1, 1000, 0, 0)}
CURRENCIES = ("EUR", "USD", "SEK", "JPY", "KWD", "CHF")
# What a view computes of a column, and cannot.
FAILING = {
    "amount_minor": "('12,50 of ' || currency)::bigint",
    "fee_minor": "amount_minor / (amount_minor - amount_minor)",
    "discount_minor": "(amount_minor::numeric * 1e30)::bigint",
    "kind": "chr((transaction_id - transaction_id)::integer)",
    "status": "chr((transaction_id - transaction_id)::integer)",
    "user_country": "chr((transaction_id - transaction_id)::integer)",
    "merchant_id": "('merchant ' || merchant_id)::bigint",
    "promotion_id": "('promotion ' || transaction_id)::bigint",
}
OF_THE_DAY_ONLY = {"user_country", "merchant_id", "promotion_id"}
ENTRIES = (
    "select entry_id, {account_id} as account_id, {transaction_id} as transaction_id, posted_at,"
    " {amount_minor} as amount_minor, {currency} as currency, kind, {description} as description,"
    " {counterparty} as counterparty from platform.ledger_entries"
)


def failing_for(column: str, wrong: str, keys: Collection[int], key: str = "transaction_id") -> str:
    """The expression of a column that cannot be computed in these rows."""
    if not keys:
        return column
    return f"case when {key} in ({', '.join(map(str, keys))}) then {wrong} else {column} end"


def entries_with(**wrong: str) -> str:
    """The view of ledger entries with other expressions for these columns."""
    plain = {
        "account_id": "wallet_id",
        **{
            name: name
            for name in (
                "transaction_id",
                "amount_minor",
                "currency",
                "description",
                "counterparty",
            )
        },
    }
    return ENTRIES.format(**plain | wrong)


@pytest.mark.parametrize("run", [ONE_REPLICA, RUN], ids=["one replica", "cross-check"])
@pytest.mark.parametrize("column", FAILING)
def test_a_value_that_cannot_be_computed_leaves_its_currency_out_and_no_other(
    settings: Settings, platform: Platform, books: Books, column: str, run: Run
) -> None:
    platform.settle(NINE.start, 1000)
    platform.settle(NINE.start + timedelta(minutes=5), 300, "SEK")
    wrong = platform.settle(NINE.start + timedelta(minutes=5), 4, "SEK")
    expression = failing_for(column, FAILING[column], [wrong.transaction_id])
    with transactions_with(platform, **{column: expression}):
        hour = close_hour(settings, NINE, run)
        day = close_day(settings, DAY, run)

    if column in OF_THE_DAY_ONLY:  # an hour reads none of them
        assert books.hour(NINE) == {**USD, ("SEK", "payment"): (2, 304, 0, 0)}
        assert exceptions_of(books, hour.close_id) == []
    else:
        assert books.hour(NINE) == USD
        [(subject, _, reason, row_count, _)] = exceptions_of(books, hour.close_id)
        assert (subject, reason, row_count) == ("SEK", "not_computable", 2)
    [(subject, _, reason, row_count, _)] = exceptions_of(books, day.close_id)
    assert (subject, reason, row_count) == ("SEK", "not_computable", 2)
    in_day = books.rows("select distinct currency from reporting.current_daily_volume")
    assert [row["currency"] for row in in_day] == ["USD"]
    assert books.failed_tie_outs() == []


def test_the_run_names_the_currency_and_why_it_is_left_out(
    settings: Settings, platform: Platform, caplog: pytest.LogCaptureFixture
) -> None:
    wrong = platform.settle(NINE.start, 4, "SEK")
    expression = failing_for("kind", FAILING["kind"], [wrong.transaction_id])
    with transactions_with(platform, kind=expression):
        hour = close_hour(settings, NINE, RUN)

    assert (
        "is closed without volume of currency SEK, 1 rows (not_computable: the platform's view"
        in " ".join(r.getMessage() for r in caplog.records if r.levelno == logging.ERROR)
    )
    with pytest.raises(WrongData) as reported:
        exceptions.refuse_exceptions(settings, [hour.close_id])
    assert reported.value.code == "CB-DATA-CLOSED-WITH-EXCEPTIONS"


@pytest.mark.parametrize("seed", range(4))
def test_what_is_closed_equals_an_independent_count(
    settings: Settings, platform: Platform, books: Books, seed: int
) -> None:
    """Random rows, of which random ones fail in random columns; counted again in Python."""
    random = Random(seed)  # noqa: S311
    wrong: dict[str, list[int]] = {}
    wrong_rows: list[tuple[Transaction, str]] = []
    for _ in range(300):
        settled = platform.settle(
            DAY.start + timedelta(microseconds=random.randrange(24 * 3600 * 10**6)),
            random.randrange(10**6),
            random.choice(CURRENCIES),
            random.choice(["payment", "refund"]),
            fee_minor=random.randrange(100),
            discount_minor=random.randrange(100),
            merchant_id=random.choice([10, 11]),
            promotion_id=random.choice([None, 100]),
        )
        # Never in euros and dollars.
        if settled.currency not in CURRENCIES[:2] and random.random() < 0.1:
            column = random.choice(list(FAILING))
            wrong.setdefault(column, []).append(settled.transaction_id)
            wrong_rows.append((settled, column))
    expressions = {
        column: failing_for(column, FAILING[column], keys) for column, keys in wrong.items()
    }
    assert len(wrong_rows) > 5

    with transactions_with(platform, **expressions):
        day = close_day(settings, DAY, ONE_REPLICA)

    for hour in DAY.hours():
        left_out = {
            t.currency
            for t, column in wrong_rows
            if hour.start <= t.settled_at < hour.end and column not in OF_THE_DAY_ONLY
        }
        kept = [t for t in platform.settled_in(hour) if t.currency not in left_out]
        assert books.hour(hour) == volume_of(kept)
    left_out = {t.currency for t, _ in wrong_rows}
    kept = [t for t in platform.settled_in(DAY) if t.currency not in left_out]
    rows = books.rows(
        "select currency, kind, sum(transaction_count)::bigint as n, sum(amount_minor) as amount,"
        " sum(fee_minor) as fee, sum(discount_minor) as discount"
        " from reporting.current_daily_volume group by currency, kind"
    )
    in_day = {
        (r["currency"], r["kind"]): tuple(int(r[n]) for n in ("n", "amount", "fee", "discount"))
        for r in rows
    }
    assert in_day == volume_of(kept)
    found = exceptions_of(books, day.close_id)
    assert {(subject, reason) for subject, _, reason, _, _ in found} == {
        (currency, "not_computable") for currency in left_out
    }
    counted = {subject: row_count for subject, _, _, row_count, _ in found}
    assert counted == {
        currency: sum(t.currency == currency for t in platform.settled_in(DAY))
        for currency in left_out
    }


def test_a_transaction_whose_currency_cannot_be_computed_stops_the_close(
    settings: Settings, platform: Platform, books: Books
) -> None:
    """It may be a row of any currency, so the total of no currency is known."""
    platform.settle(NINE.start, 1000)
    wrong = platform.settle(NINE.start, 300, "SEK")
    currency = failing_for(
        "currency", 'chr(0 * amount_minor::integer) collate "default"', [wrong.transaction_id]
    )
    with transactions_with(platform, currency=currency), pytest.raises(WrongData) as stopped:
        close_hour(settings, NINE, ONE_REPLICA)

    assert stopped.value.text.endswith(
        f"the column currency of the view transactions, in the row with transaction_id"
        f" {wrong.transaction_id}"
    )
    assert sum(books.size().values()) == 0


def test_more_values_than_the_limit_stop_the_close(
    settings: Settings, platform: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(uncomputable_values, "MOST_VALUES", 3)
    keys = [platform.settle(NINE.start, 10 + n, "SEK").transaction_id for n in range(4)]

    def closed_with(wrong: Collection[int]) -> None:
        with transactions_with(platform, kind=failing_for("kind", FAILING["kind"], wrong)):
            close_hour(settings, NINE, ONE_REPLICA)

    closed_with(keys[:3])
    with pytest.raises(WrongData) as stopped:
        closed_with(keys)

    assert stopped.value.code == "CB-DATA-QUERY-REFUSED"
    assert stopped.value.text.endswith("in the row with transaction_id 1000")


def test_rows_of_one_key_and_one_instant_are_all_found(
    settings: Settings, platform: Platform, books: Books
) -> None:
    """All have the same time and the same key, so neither can be halved."""
    platform.settle(NINE.start, 1000)
    keys = [platform.settle(NINE.start, 10 + n, "SEK").transaction_id for n in range(9)]
    kind = failing_for("kind", "chr((id - id)::integer)", keys[3:6], "id")
    ids = f"case when id between {keys[4]} and {keys[8]} then {keys[4]} else id end"
    names = "user_country, merchant_id, promotion_id, currency, amount_minor, fee_minor"
    names += ", discount_minor, status, created_at, settled_at"
    select = (
        f"select {ids} as transaction_id, user_country, merchant_id, promotion_id, {kind} as kind,"  # noqa: S608
        " currency, amount_minor, fee_minor, discount_minor, status, created_at, settled_at from"
        f" (select transaction_id as id, kind, {names} from platform.transactions) as given"
    )
    with view_of(platform, "transactions", select):
        hour = close_hour(settings, NINE, ONE_REPLICA)

    assert books.hour(NINE) == USD
    assert [found[:3] for found in exceptions_of(books, hour.close_id)] == [
        ("SEK", "SEK", "not_computable")
    ]


@pytest.mark.parametrize(
    ("view", "kind", "column"),
    [("merchants", "merchant", "category"), ("promotions", "promotion", "funding")],
)
def test_a_merchant_or_promotion_that_cannot_be_computed_counts_as_unknown_and_is_named(
    settings: Settings, platform: Platform, books: Books, view: str, kind: str, column: str
) -> None:
    platform.settle(NINE.start, 1000, merchant_id=11, promotion_id=100)
    platform.settle(NINE.start, 7, merchant_id=10)
    key = f"{kind}_id"
    wrong = f"case when {key} in (11, 100) then chr(({key} - {key})::integer) else {column} end"
    with view_of(platform, view, f"select {key}, {wrong} as {column} from platform.{view}"):  # noqa: S608
        day = close_day(settings, DAY, RUN)

    rows = books.rows(
        "select merchant_category, promotion_funding, amount_minor"
        " from reporting.current_daily_volume order by amount_minor"
    )
    texts = [(r["merchant_category"], r["promotion_funding"], r["amount_minor"]) for r in rows]
    unknown = ("unknown", "merchant") if kind == "merchant" else ("travel", "unknown")
    assert texts == [("books", "none", 7), (*unknown, 1000)]
    subject = {"merchant": "11", "promotion": "100"}[kind]
    assert exceptions_of(books, day.close_id) == [(subject, "none", "not_computable", 0, 0)]


def post(platform: Platform) -> dict[str, int]:
    """Two accounts with entries in October and before; the entries of the busy one, by time."""
    entries = {}
    for account_id, currency in ((BUSY, "EUR"), (RESTING, "USD")):
        platform.open_account(account_id, currency)
        before = platform.post(account_id, SEPTEMBER.start, 50, currency)
        of_day = platform.post(account_id, LAST_DAY.start, 100, currency)
        if account_id == BUSY:
            entries = {"before": before.entry_id, "in": of_day.entry_id}
    return entries


@pytest.mark.parametrize(
    ("column", "wrong", "at"),
    [
        ("amount_minor", "('1 of ' || currency)::bigint", "in"),
        ("amount_minor", "('1 of ' || currency)::bigint", "before"),
        ("currency", 'chr((entry_id - entry_id)::integer) collate "default"', "in"),
        ("description", "chr((entry_id - entry_id)::integer)", "in"),
        ("counterparty", "chr((entry_id - entry_id)::integer)", "in"),
        ("transaction_id", "('1 of ' || currency)::bigint", "in"),
    ],
)
def test_an_entry_that_cannot_be_computed_leaves_its_account_out_of_the_month_and_no_other(
    settings: Settings, platform: Platform, books: Books, column: str, wrong: str, at: str
) -> None:
    entry_id = post(platform)[at]
    expression = failing_for(column, wrong, [entry_id], "entry_id")
    with view_of(platform, "ledger_entries", entries_with(**{column: expression})):
        month = close_month(settings, OCTOBER, RUN)

    assert books.statements(month.close_id) == {RESTING: (50, 150, 1)}
    found = exceptions_of(books, month.close_id)
    assert {(subject, reason) for subject, _, reason, _, _ in found} == {
        (str(BUSY), "not_computable")
    }
    assert books.failed_tie_outs() == []


def test_a_description_before_the_month_is_not_read_and_leaves_nobody_out(
    settings: Settings, platform: Platform, books: Books
) -> None:
    entries = post(platform)
    in_both = [entries["before"]]
    wrong = "chr((entry_id - entry_id)::integer)"
    columns = {
        "description": failing_for("description", wrong, in_both, "entry_id"),
        # Of another account, so that there is a search.
        "counterparty": failing_for("counterparty", wrong, [entries["in"] + 2], "entry_id"),
    }
    with view_of(platform, "ledger_entries", entries_with(**columns)):
        month = close_month(settings, OCTOBER, RUN)

    assert books.statements(month.close_id).keys() == {BUSY}


def test_an_entry_that_cannot_be_computed_leaves_its_account_out_of_the_day_and_no_other(
    settings: Settings, platform: Platform, books: Books
) -> None:
    entry_id = post(platform)["in"]
    amount = failing_for("amount_minor", "('1 of ' || currency)::bigint", [entry_id], "entry_id")
    with view_of(platform, "ledger_entries", entries_with(amount_minor=amount)):
        day = close_day(settings, LAST_DAY, RUN)

    moved = books.rows("select account_id, credit_minor from reporting.daily_account_movement")
    assert [(r["account_id"], r["credit_minor"]) for r in moved] == [(RESTING, 100)]
    assert exceptions_of(books, day.close_id) == [(str(BUSY), "EUR", "not_computable", 1, 0)]


def test_an_entry_whose_account_cannot_be_computed_stops_the_month(
    settings: Settings, platform: Platform, books: Books
) -> None:
    entry_id = post(platform)["in"]
    account = failing_for("wallet_id", "('1 of ' || currency)::bigint", [entry_id], "entry_id")
    with (
        view_of(platform, "ledger_entries", entries_with(account_id=account)),
        pytest.raises(WrongData) as stopped,
    ):
        close_month(settings, OCTOBER, RUN)

    assert (
        f"the column account_id of the view ledger_entries, in the row with entry_id {entry_id}"
        in (stopped.value.text)
    )
    assert sum(books.size().values()) == 0


@pytest.mark.parametrize("column", ["holder_name", "opened_at", "account_number", "currency"])
def test_an_account_that_cannot_be_computed_is_left_out_of_the_month(
    settings: Settings, platform: Platform, books: Books, column: str
) -> None:
    post(platform)
    names = ["account_id", "account_number", "currency", "opened_at", "holder_name"]
    names += ["holder_address", "locale_code"]
    [(view,)] = platform.connection.execute(
        "select pg_get_viewdef('reporting_source.accounts'::regclass)"
    )
    wrong = {
        "opened_at": "('at ' || currency)::timestamptz",
        "currency": 'chr((account_id - account_id)::integer) collate "default"',
    }.get(column, "chr((account_id - account_id)::integer)")
    chosen = ", ".join(
        f"{failing_for(n, wrong, [BUSY], 'account_id')} as {n}" if n == column else n for n in names
    )
    with view_of(platform, "accounts", f"select {chosen} from ({view.rstrip(';')}) as accounts"):  # noqa: S608
        month = close_month(settings, OCTOBER, RUN)

    assert books.statements(month.close_id) == {RESTING: (50, 150, 1)}
    assert [found[:3] for found in exceptions_of(books, month.close_id)] == [
        (str(BUSY), "EUR", "not_computable")
    ]


def test_a_period_without_such_a_value_is_read_once_and_nothing_is_looked_for(
    settings: Settings, platform: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise AssertionError("the views were searched")

    platform.settle(NINE.start, 1000)
    search: Callable[..., object] = fail
    monkeypatch.setattr("closebook.platform.source.found_in", search)
    monkeypatch.setattr("closebook.platform.source.without", search)

    close_hour(settings, NINE, RUN)
    close_day(settings, DAY, RUN)


def test_a_value_that_was_mended_is_counted_when_the_period_closes_again(
    settings: Settings, platform: Platform, books: Books
) -> None:
    platform.settle(NINE.start, 1000)
    wrong = platform.settle(NINE.start, 300, "SEK")
    kind = failing_for("kind", FAILING["kind"], [wrong.transaction_id])
    with transactions_with(platform, kind=kind):
        close_hour(settings, NINE, RUN)

    again = close_hour(settings, NINE, RUN)

    assert again.outcome == "changed"
    assert books.hour(NINE) == platform.volume(NINE)
