"""A month: opening + lines = closing, closing = next opening, and days add up to statements."""

import time
import traceback
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from closebook.closes.checks import SAMPLE_ROWS, TieOutFailed
from closebook.closes.day import close_day
from closebook.closes.month import close_month
from closebook.errors import ClosebookError, NotReady
from closebook.periods import HOUR, month_of, parse_month
from closebook.settings import Settings
from local.stack import Stack
from tests.books import Books
from tests.close_fixtures import RUN
from tests.closes.october import (
    BACK_TO_ZERO,
    BUSY,
    EMPTY,
    HOLDER,
    LAST_DAY,
    LATER,
    NEW_YORK,
    OCTOBER,
    OVERDRAWN,
    RESTING,
    SEPTEMBER,
    close_days,
    fill,
    lines_of,
    recount,
)
from tests.platform_rows import Platform

MANY_ACCOUNTS = """
with users as (
    insert into platform.users (user_id, full_name, address, country, locale_code)
    select 10000000 + g, 'Somebody', 'a street', 'US', 'en_US'
    from generate_series(1, %(count)s) as g
),

wallets as (
    insert into platform.wallets (wallet_id, account_number, user_id, currency, balance_minor)
    select g, 'ACC-' || g, 10000000 + g, 'USD', 0
    from generate_series(1, %(count)s) as g
)

insert into platform.ledger_entries (
    entry_id, wallet_id, posted_at, amount_minor, currency, kind, description
)
select 4 * g + line, g, %(posted_at)s, line, 'USD', 'payment', 'An entry'
from generate_series(1, %(count)s) as g
cross join generate_series(0, 3) as line
"""


def seconds_of(work: Callable[[], object]) -> float:
    """How many seconds a close took."""
    began = time.monotonic()
    work()
    return time.monotonic() - began


# ---- what is written --------------------------------------------------------------------


def test_statements_equal_a_recount(settings: Settings, platform: Platform, books: Books) -> None:
    fill(platform)

    close = close_month(settings, OCTOBER, RUN)

    assert (close.outcome, close.version) == ("new", 1)
    assert books.statements(close.close_id) == recount(platform, OCTOBER)


def test_an_account_with_a_balance_has_a_statement_without_lines_and_one_without_has_none(
    settings: Settings, platform: Platform, books: Books
) -> None:
    fill(platform)

    statements = books.statements(close_month(settings, OCTOBER, RUN).close_id)

    assert statements[RESTING] == (800, 800, 0)
    assert statements.keys().isdisjoint({EMPTY, LATER, BACK_TO_ZERO})


def test_a_balance_may_be_negative(settings: Settings, platform: Platform, books: Books) -> None:
    fill(platform)

    close = close_month(settings, OCTOBER, RUN)

    assert books.statements(close.close_id)[OVERDRAWN] == (0, -250, 2)
    assert lines_of(books, close.close_id, OVERDRAWN) == [(1, 100, 100), (2, -350, -250)]


def test_lines_are_numbered_in_order_and_carry_the_running_balance(
    settings: Settings, platform: Platform, books: Books
) -> None:
    fill(platform)

    close = close_month(settings, OCTOBER, RUN)

    assert lines_of(books, close.close_id, BUSY) == [
        (1, 300, 7_800),
        (2, -40, 7_760),
        (3, 5, 7_765),
    ]


def test_openings_are_the_closings_of_the_month_before(
    settings: Settings, platform: Platform, books: Books
) -> None:
    fill(platform)

    september = books.statements(close_month(settings, SEPTEMBER, RUN).close_id)
    october = books.statements(close_month(settings, OCTOBER, RUN).close_id)

    closings = {account: closing for account, (_, closing, _) in september.items() if closing}
    openings = {account: opening for account, (opening, _, _) in october.items() if opening}
    assert openings == closings == {BUSY: 7_500, RESTING: 800}


def test_months_can_close_in_any_order(
    settings: Settings, platform: Platform, books: Books
) -> None:
    fill(platform)

    october = close_month(settings, OCTOBER, RUN)
    september = close_month(settings, SEPTEMBER, RUN)

    assert books.statements(october.close_id) == recount(platform, OCTOBER)
    assert books.statements(september.close_id) == recount(platform, SEPTEMBER)


def test_a_month_that_is_closed_again_without_changes_is_confirmed_and_adds_no_rows(
    settings: Settings, platform: Platform, books: Books
) -> None:
    fill(platform)
    close_month(settings, OCTOBER, RUN)
    size_before = books.size()

    assert close_month(settings, OCTOBER, RUN).outcome == "confirmed"
    assert books.size() == size_before


def test_a_late_entry_makes_a_new_version_and_the_old_statement_stays(
    settings: Settings, platform: Platform, books: Books
) -> None:
    fill(platform)
    before = recount(platform, OCTOBER)
    first = close_month(settings, OCTOBER, RUN)
    platform.post(EMPTY, OCTOBER.end - HOUR, 42, "EUR")

    second = close_month(settings, OCTOBER, RUN)

    assert (second.outcome, second.version) == ("changed", 2)
    assert books.statements(first.close_id) == before
    assert books.statements(second.close_id) == before | {EMPTY: (0, 42, 1)}
    assert [row["is_current"] for row in books.versions(OCTOBER)] == [False, True]


def test_a_month_of_many_accounts_is_closed_again_in_about_the_time_of_the_first_close(
    stack: Stack, settings: Settings, platform: Platform
) -> None:
    """The store's statistics, from after the first close, do not count the second one's rows."""
    platform.connection.execute(MANY_ACCOUNTS, {"posted_at": OCTOBER.start, "count": 2_000})
    limit_seconds = 20 * seconds_of(lambda: close_month(settings, OCTOBER, RUN))
    store_database = conninfo_to_dict(settings.store)["dbname"]
    with psycopg.connect(stack.store_admin(str(store_database)), autocommit=True) as admin:
        admin.execute("analyze")

    # A plan that compares row by row takes a hundred times as long: no need to wait for its end.
    timed_out = f"-c statement_timeout={limit_seconds * 1000:.0f}"
    limited = replace(settings, store=make_conninfo(settings.store, options=timed_out))

    assert seconds_of(lambda: close_month(limited, OCTOBER, RUN)) < limit_seconds


def test_a_line_whose_text_alone_changed_makes_a_new_version(
    settings: Settings, platform: Platform
) -> None:
    fill(platform)
    close_month(settings, OCTOBER, RUN)
    platform.connection.execute(
        "update platform.ledger_entries set description = 'Another text' where entry_id = 3"
    )

    assert close_month(settings, OCTOBER, RUN).outcome == "changed"


def test_days_and_the_month_tie_out(settings: Settings, platform: Platform, books: Books) -> None:
    fill(platform)
    close_days(settings, 3)

    close = close_month(settings, OCTOBER, RUN)

    checked = books.rows("select * from reporting.tie_outs where close_id = %s", close.close_id)
    assert {row["offending_count"] for row in checked} == {0}
    assert {row["check_name"] for row in checked} == {
        "entries_have_account",
        "lines_reach_closing",
        "running_balances_follow",
        "rows_equal_source",
        "opening_equals_previous_closing",
        "days_equal_statements",
        "same_as_issued",
        "replicas_agree",
    }


@pytest.mark.parametrize(
    ("zone", "label", "day_count"),
    [("Pacific/Apia", "2011-12", 30), ("America/New_York", "2024-02", 29)],
)
def test_a_month_ties_out_with_all_of_its_days(
    settings: Settings, platform: Platform, books: Books, zone: str, label: str, day_count: int
) -> None:
    """A zone that skipped a date, and a leap day; an entry at both edges of each day."""
    there = replace(settings, time_zone=zone)
    month = parse_month(label, zone)
    days = list(month.days())
    platform.open_account(BUSY)
    for number, day in enumerate(days):
        platform.post(BUSY, day.start, 10 + number)
        platform.post(BUSY, day.end - timedelta(microseconds=1), -3)
    platform.post(BUSY, month.end, 5_000)
    platform.post(BUSY, month.start - timedelta(microseconds=1), 700)

    for day in days:
        close_day(there, day, RUN)
    close = close_month(there, month, RUN)

    assert len(days) == day_count
    assert books.statements(close.close_id) == recount(platform, month)
    assert books.failed_tie_outs() == []


def test_a_month_that_has_not_ended_is_not_ready(settings: Settings, platform: Platform) -> None:
    with pytest.raises(NotReady, match="has not ended"):
        close_month(settings, month_of(platform.now().year + 1, 1, NEW_YORK), RUN)


# ---- what stops it ----------------------------------------------------------------------


def shown_to_operators(error: BaseException) -> str:
    """What a task's log shows of an error: its text and the texts of its causes."""
    return "".join(traceback.format_exception(error))


def assert_stopped(failed: ClosebookError, books: Books, check_name: str, account_id: int) -> None:
    """The close was stopped by the check, says which account, and left only that on record."""
    assert check_name in str(failed)
    assert f"account_id={account_id}" in str(failed)
    assert HOLDER not in shown_to_operators(failed)
    [record] = books.failed_tie_outs()
    assert (record["check_name"], record["close_id"]) == (check_name, None)
    assert (record["grain"], record["run_id"]) == ("month", RUN.run_id)
    assert [row["account_id"] for row in record["offending_sample"]] == [account_id]
    assert HOLDER not in str(record)


def test_an_error_about_many_rows_counts_all_and_names_twenty(
    settings: Settings, platform: Platform, books: Books
) -> None:
    many = SAMPLE_ROWS + 5
    for account_id in range(1, many + 1):
        platform.open_account(account_id, "EUR", HOLDER)
        platform.post(account_id, SEPTEMBER.start, 5, "EUR")
    close_month(settings, SEPTEMBER, RUN)
    platform.connection.execute("update platform.ledger_entries set amount_minor = 6")

    with pytest.raises(
        TieOutFailed, match=f"opening_equals_previous_closing found {many} rows"
    ) as failed:
        close_month(settings, OCTOBER, RUN)

    [record] = books.failed_tie_outs()
    named = {row["account_id"] for row in record["offending_sample"]}
    assert record["offending_count"] == many
    assert len(named) == str(failed.value).count("account_id=") == SAMPLE_ROWS


def test_an_opening_that_differs_from_the_closing_before_stops_the_close(
    settings: Settings, platform: Platform, books: Books
) -> None:
    fill(platform)
    close_month(settings, SEPTEMBER, RUN)
    platform.post(RESTING, SEPTEMBER.end - HOUR, 1, "EUR")
    size_before = books.size()

    with pytest.raises(TieOutFailed) as failed:
        close_month(settings, OCTOBER, RUN)

    assert_stopped(failed.value, books, "opening_equals_previous_closing", RESTING)
    assert books.size() == size_before
    assert "previous_closing_minor=800, opening_minor=801" in str(failed.value)


def test_a_month_with_a_wrong_opening_closes_once_the_month_before_is_closed_again(
    settings: Settings, platform: Platform, books: Books
) -> None:
    fill(platform)
    close_month(settings, SEPTEMBER, RUN)
    platform.post(RESTING, SEPTEMBER.end - HOUR, 1, "EUR")
    with pytest.raises(TieOutFailed):
        close_month(settings, OCTOBER, RUN)

    assert close_month(settings, SEPTEMBER, RUN).outcome == "changed"
    close = close_month(settings, OCTOBER, RUN)

    assert books.statements(close.close_id)[RESTING] == (801, 801, 0)


def test_an_entry_that_moved_between_accounts_stops_the_month(
    settings: Settings, platform: Platform, books: Books
) -> None:
    """Against the contract; no row came late, so nothing is closed again without a person."""
    fill(platform)
    close_days(settings, 3)
    platform.connection.execute(
        "update platform.ledger_entries set wallet_id = %s where entry_id = 5", [RESTING]
    )

    with pytest.raises(TieOutFailed, match="days_equal_statements found 2 rows"):
        close_month(settings, OCTOBER, RUN)

    assert books.versions(OCTOBER) == []
    assert len(books.versions(LAST_DAY)) == 1
