"""What is wrong with one account stops that one: it is left out of its days and month, by name."""

from datetime import timedelta

import pytest

from closebook.closes.day import close_day
from closebook.closes.month import close_month
from closebook.closes.register import ChangeWithoutReason
from closebook.settings import Settings
from tests.books import Books
from tests.close_fixtures import RUN, transactions_with, view_of
from tests.closes.left_out import NINE_QUINTILLION, exceptions_of
from tests.closes.october import BUSY, LAST_DAY, OCTOBER, RESTING, SEPTEMBER
from tests.platform_rows import Platform

ENTRIES = (
    "entry_id, wallet_id as account_id, transaction_id, posted_at, amount_minor, currency, kind,"
    " description, counterparty"
)
ACCOUNTS = "account_id, account_number, currency, opened_at, holder_name, holder_address"


def post(platform: Platform) -> None:
    """Two accounts with entries in October, the first of them busy."""
    for account_id, currency in ((BUSY, "EUR"), (RESTING, "USD")):
        platform.open_account(account_id, currency)
        platform.post(account_id, SEPTEMBER.start, 50, currency)
        platform.post(account_id, LAST_DAY.start, 100, currency)


def change_account(platform: Platform, account_id: int, assignment: str) -> None:
    platform.connection.execute(
        f"update platform.wallets set {assignment} where wallet_id = {account_id}"  # noqa: S608
    )


def accounts_with(platform: Platform, column: str) -> str:
    [(view,)] = platform.connection.execute(
        "select pg_get_viewdef('reporting_source.accounts'::regclass)"
    )
    names = ["account_id", "account_number", "currency", "opened_at", "holder_name"]
    names += ["holder_address", "locale_code"]
    chosen = ", ".join(
        f"nullif({n}, case account_id when {BUSY} then {n} end) as {n}" if n == column else n
        for n in names
    )
    return f"select {chosen} from ({view.rstrip(';')}) as accounts"  # noqa: S608


def test_accounts_in_a_code_that_is_no_currency_are_left_out_of_the_month_and_its_days(
    settings: Settings, platform: Platform, books: Books
) -> None:
    post(platform)
    platform.open_account(7, "BTC")
    platform.post(7, LAST_DAY.start, 30, "BTC")

    day = close_day(settings, LAST_DAY, RUN)
    month = close_month(settings, OCTOBER, RUN)

    assert books.statements(month.close_id).keys() == {BUSY, RESTING}
    assert exceptions_of(books, day.close_id) == [("BTC", "BTC", "unknown_currency", 1, 30)]
    assert exceptions_of(books, month.close_id) == [("7", "BTC", "unknown_currency", 1, 30)]
    assert books.failed_tie_outs() == []


@pytest.mark.parametrize(
    "column", ["account_number", "holder_name", "holder_address", "locale_code", "currency"]
)
def test_an_account_without_one_of_its_texts_is_left_out_of_the_month(
    settings: Settings, platform: Platform, books: Books, column: str
) -> None:
    post(platform)
    with view_of(platform, "accounts", accounts_with(platform, column)):
        month = close_month(settings, OCTOBER, RUN)

    assert books.statements(month.close_id).keys() == {RESTING}
    assert exceptions_of(books, month.close_id) == [
        (str(BUSY), "EUR", "account_incomplete", 1, 100)
    ]


def test_an_account_that_is_not_listed_is_left_out_of_the_month(
    settings: Settings, platform: Platform, books: Books
) -> None:
    post(platform)
    listed = f"select * from ({view_text(platform)}) as accounts where account_id <> {BUSY}"  # noqa: S608
    with view_of(platform, "accounts", listed):
        month = close_month(settings, OCTOBER, RUN)

    assert exceptions_of(books, month.close_id) == [
        (str(BUSY), "EUR", "account_not_listed", 1, 100)
    ]


def test_an_account_that_is_listed_twice_is_left_out_of_the_month(
    settings: Settings, platform: Platform, books: Books
) -> None:
    post(platform)
    view = view_text(platform)
    twice = f"{view} union all select * from ({view}) as again where account_id = {BUSY}"  # noqa: S608
    with view_of(platform, "accounts", twice):
        month = close_month(settings, OCTOBER, RUN)

    assert books.statements(month.close_id).keys() == {RESTING}
    assert exceptions_of(books, month.close_id) == [(str(BUSY), "EUR", "account_repeated", 1, 100)]


def view_text(platform: Platform) -> str:
    [(view,)] = platform.connection.execute(
        "select pg_get_viewdef('reporting_source.accounts'::regclass)"
    )
    return str(view).rstrip(";")


def test_an_account_with_entries_in_another_currency_is_left_out_of_the_month(
    settings: Settings, platform: Platform, books: Books
) -> None:
    post(platform)
    platform.post(BUSY, LAST_DAY.start, 7, "JPY")

    month = close_month(settings, OCTOBER, RUN)

    assert exceptions_of(books, month.close_id) == [
        (str(BUSY), "EUR", "currency_differs", 1, 100),
        (str(BUSY), "JPY", "currency_differs", 1, 7),
    ]


@pytest.mark.parametrize(
    ("column", "reason"),
    [
        ("entry_id", "row_incomplete"),
        ("amount_minor", "row_incomplete"),
        ("kind", "row_incomplete"),
        ("description", "row_incomplete"),
        ("currency", "currency_differs"),
    ],
)
def test_an_account_with_an_entry_that_lacks_a_value_is_left_out_of_the_month(
    settings: Settings, platform: Platform, books: Books, column: str, reason: str
) -> None:
    post(platform)
    wrong = ENTRIES.replace(
        column,
        f"case when wallet_id = {BUSY} and amount_minor = 100 then null else {column} end"
        f" as {column}",
        1,
    )
    with view_of(
        platform,
        "ledger_entries",
        f"select {wrong} from platform.ledger_entries",  # noqa: S608
    ):
        close_day(settings, LAST_DAY, RUN)
        month = close_month(settings, OCTOBER, RUN)

    assert books.statements(month.close_id).keys() == {RESTING}
    left_out = exceptions_of(books, month.close_id)
    assert {(subject, found) for subject, _, found, _, _ in left_out} == {(str(BUSY), reason)}
    # An entry without currency belongs to no statement: that of its account is left out too.
    assert len(left_out) == (2 if column == "currency" else 1)
    assert sum(row_count for _, _, _, row_count, _ in left_out) == 1
    assert books.failed_tie_outs() == []


def test_an_entry_without_an_amount_before_the_month_leaves_its_account_out(
    settings: Settings, platform: Platform, books: Books
) -> None:
    post(platform)
    amount = f"case when wallet_id = {BUSY} and amount_minor = 50 then null else amount_minor end"
    wrong = ENTRIES.replace("amount_minor", f"{amount} as amount_minor", 1)
    with view_of(
        platform,
        "ledger_entries",
        f"select {wrong} from platform.ledger_entries",  # noqa: S608
    ):
        month = close_month(settings, OCTOBER, RUN)

    assert exceptions_of(books, month.close_id) == [(str(BUSY), "EUR", "row_incomplete", 1, 100)]


def test_entries_without_an_account_are_left_out_of_day_and_month(
    settings: Settings, platform: Platform, books: Books
) -> None:
    post(platform)
    platform.open_account(7, "EUR")
    platform.post(7, LAST_DAY.start, 30, "EUR")
    wrong = ENTRIES.replace("wallet_id as", "nullif(wallet_id, 7) as")
    with view_of(
        platform,
        "ledger_entries",
        f"select {wrong} from platform.ledger_entries",  # noqa: S608
    ):
        day = close_day(settings, LAST_DAY, RUN)
        month = close_month(settings, OCTOBER, RUN)

    expected = [("none", "EUR", "account_not_listed", 1, 30)]
    assert books.statements(month.close_id).keys() == {BUSY, RESTING}
    assert exceptions_of(books, day.close_id) == expected
    assert exceptions_of(books, month.close_id) == expected
    assert books.failed_tie_outs() == []


def test_an_entry_that_is_there_twice_leaves_its_account_out_of_the_month(
    settings: Settings, platform: Platform, books: Books
) -> None:
    post(platform)
    entries = f"select {ENTRIES} from platform.ledger_entries"  # noqa: S608
    twice = f"{entries} union all {entries} where wallet_id = {BUSY}"
    with view_of(platform, "ledger_entries", twice):
        month = close_month(settings, OCTOBER, RUN)

    assert books.statements(month.close_id).keys() == {RESTING}
    assert exceptions_of(books, month.close_id) == [(str(BUSY), "EUR", "entry_repeated", 2, 200)]


@pytest.mark.parametrize(
    "amounts_minor",
    [
        pytest.param((NINE_QUINTILLION, NINE_QUINTILLION), id="closing"),
        pytest.param((NINE_QUINTILLION, NINE_QUINTILLION, -NINE_QUINTILLION), id="on the way"),
        pytest.param((-NINE_QUINTILLION, -NINE_QUINTILLION, NINE_QUINTILLION), id="below"),
    ],
)
def test_a_balance_beyond_bigint_leaves_its_account_out_and_no_other(
    settings: Settings, platform: Platform, books: Books, amounts_minor: tuple[int, ...]
) -> None:
    post(platform)
    platform.open_account(7, "IRR")
    for minutes, amount_minor in enumerate(amounts_minor):
        platform.post(7, LAST_DAY.start + timedelta(minutes=minutes), amount_minor, "IRR")

    day = close_day(settings, LAST_DAY, RUN)
    month = close_month(settings, OCTOBER, RUN)

    expected = [("7", "IRR", "beyond_bigint", len(amounts_minor), sum(amounts_minor))]
    assert books.statements(month.close_id).keys() == {BUSY, RESTING}
    assert exceptions_of(books, day.close_id) == expected
    assert exceptions_of(books, month.close_id) == expected
    assert books.failed_tie_outs() == []


def test_a_balance_that_comes_near_the_largest_bigint_and_not_beyond_it_has_a_statement(
    settings: Settings, platform: Platform, books: Books
) -> None:
    platform.open_account(7, "IRR")
    for minutes, amount_minor in enumerate((NINE_QUINTILLION, -NINE_QUINTILLION) * 2):
        platform.post(7, OCTOBER.start + timedelta(minutes=minutes), amount_minor, "IRR")

    month = close_month(settings, OCTOBER, RUN)

    assert books.statements(month.close_id) == {7: (0, 0, 4)}
    assert exceptions_of(books, month.close_id) == []


def test_two_accounts_whose_sum_is_beyond_bigint_have_their_statements(
    settings: Settings, platform: Platform, books: Books
) -> None:
    for account_id in (7, 8):
        platform.open_account(account_id, "IRR")
        platform.post(account_id, LAST_DAY.start, NINE_QUINTILLION, "IRR")

    close_day(settings, LAST_DAY, RUN)
    month = close_month(settings, OCTOBER, RUN)

    assert books.statements(month.close_id).keys() == {7, 8}
    assert exceptions_of(books, month.close_id) == []
    [total] = books.rows(
        "select amount_minor from reporting.close_totals where close_id = %s", month.close_id
    )
    assert total["amount_minor"] == 2 * NINE_QUINTILLION


def test_the_next_month_is_closed_though_an_account_was_left_out_of_one_of_the_two(
    settings: Settings, platform: Platform, books: Books
) -> None:
    post(platform)
    with view_of(platform, "accounts", accounts_with(platform, "holder_name")):
        september = close_month(settings, SEPTEMBER, RUN)

    october = close_month(settings, OCTOBER, RUN)

    assert books.statements(september.close_id).keys() == {RESTING}
    assert books.statements(october.close_id)[BUSY] == (50, 150, 1)
    assert books.failed_tie_outs() == []


def test_an_account_that_was_corrected_gets_its_statement_on_purpose_only(
    settings: Settings, platform: Platform, books: Books
) -> None:
    from dataclasses import replace

    post(platform)
    with view_of(platform, "accounts", accounts_with(platform, "holder_name")):
        close_month(settings, OCTOBER, RUN)

    with pytest.raises(ChangeWithoutReason):
        close_month(settings, OCTOBER, replace(RUN, reason=None))
    corrected = close_month(settings, OCTOBER, RUN)

    assert (corrected.outcome, corrected.version) == ("changed", 2)
    assert books.statements(corrected.close_id).keys() == {BUSY, RESTING}
    assert exceptions_of(books, corrected.close_id) == []


def test_a_day_with_exceptions_is_tried_again_when_its_month_closes(
    settings: Settings, platform: Platform, books: Books
) -> None:
    post(platform)
    platform.settle(LAST_DAY.start, 70)
    with transactions_with(platform, status="'failed'"):
        close_day(settings, LAST_DAY, RUN)

    close_month(settings, OCTOBER, RUN)

    [day] = books.rows("select close_id from reporting.closes where grain = 'day' and is_current")
    assert exceptions_of(books, day["close_id"]) == []
    assert books.failed_tie_outs() == []
