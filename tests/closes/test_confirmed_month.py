"""A month closed again without changes is compared with its current version, and not written."""

import time
from dataclasses import replace

import pytest

from closebook.closes.month import close_month
from closebook.closes.register import ChangeWithoutReason
from closebook.settings import Settings
from tests.books import Books
from tests.close_fixtures import RUN, view_of
from tests.closes.october import BUSY, OCTOBER, close_days, fill
from tests.closes.test_account_exceptions import accounts_with, post, view_text
from tests.platform_rows import Platform

UNASKED = replace(RUN, reason=None)
WRITTEN_BY_A_CONFIRMATION = {"closes", "close_readings", "tie_outs"}


def writes(books: Books) -> dict[str, int]:
    """How many rows were ever written, changed or deleted, also by what was rolled back."""
    return {
        row["relname"]: row["written"]
        for row in books.rows(
            "select relname, n_tup_ins + n_tup_upd + n_tup_del as written"
            " from pg_stat_user_tables where schemaname = 'reporting'"
        )
    }


def settled_writes(books: Books, closes: int = 1) -> dict[str, int]:
    """The same, once it has at least so many rows of closes and no more come.

    A session reports its numbers only when it ends.
    """
    before: dict[str, int] = {}
    for _ in range(100):
        found = writes(books)
        if found == before and found["closes"] >= closes:
            return found
        before = found
        time.sleep(0.5)
    raise AssertionError("the statistics of the close did not come")


def test_a_confirmation_writes_no_statement_and_no_line(
    settings: Settings, platform: Platform, books: Books
) -> None:
    # Given a month with its days
    fill(platform)
    close_days(settings, 2)
    first = close_month(settings, OCTOBER, RUN)
    before = settled_writes(books)
    assert min(before["statements"], before["statement_lines"], before["statement_versions"]) > 0

    # When nothing has changed
    again = close_month(settings, OCTOBER, UNASKED)

    # Then only the register has that it was confirmed, with the checks
    assert (again.outcome, again.close_id) == ("confirmed", first.close_id)
    after = settled_writes(books, before["closes"] + 1)
    assert {name for name in after if after[name] != before[name]} <= WRITTEN_BY_A_CONFIRMATION
    [close] = books.versions(OCTOBER)
    assert close["confirmation_count"] == 1
    checks = books.rows(
        "select check_name, count(*) as times from reporting.tie_outs where close_id = %s"
        " group by check_name",
        first.close_id,
    )
    assert {row["times"] for row in checks} == {2}


def test_a_month_that_leaves_out_an_account_for_another_reason_is_not_confirmed(
    settings: Settings, platform: Platform, books: Books
) -> None:
    post(platform)
    with view_of(platform, "accounts", accounts_with(platform, "holder_name")):
        first = close_month(settings, OCTOBER, RUN)
    listed = f"select * from ({view_text(platform)}) as accounts where account_id <> {BUSY}"  # noqa: S608
    with view_of(platform, "accounts", listed), pytest.raises(ChangeWithoutReason):
        close_month(settings, OCTOBER, UNASKED)
    assert [row["close_id"] for row in books.versions(OCTOBER)] == [first.close_id]
