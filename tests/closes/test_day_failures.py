"""What stops a day's close: rows that do not tie out, a wrong source, a store out of reach."""

from dataclasses import replace

import psycopg
import pytest

from closebook.closes.checks import TieOutFailed
from closebook.closes.day import close_day
from closebook.errors import Transient, WrongData
from closebook.periods import day_of
from closebook.settings import Settings
from local.stack import Stack
from tests.books import Books
from tests.close_fixtures import RUN, transactions_with
from tests.closes.business_day import DAY, contradicting, daily_volume, fill
from tests.platform_rows import Platform


def test_a_day_that_does_not_equal_its_control_totals_is_not_closed(
    settings: Settings, platform: Platform, books: Books
) -> None:
    platform.settle(DAY.start, 100)
    with contradicting(platform, amount_minor="99"), pytest.raises(TieOutFailed) as failed:
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
    platform.settle(DAY.start, 100)
    owner = psycopg.connect(stack.store_owner(books.connection.info.dbname), autocommit=True)
    with owner, contradicting(platform, amount_minor="99"):
        owner.execute("revoke insert on reporting.tie_outs from closebook_store")
        try:
            with pytest.raises(TieOutFailed, match="rows_equal_source"):
                close_day(settings, DAY, RUN)
        finally:
            owner.execute("grant insert on reporting.tie_outs to closebook_store")

    assert "could not be recorded in reporting.tie_outs: CB-CONFIG-STORE-RIGHTS" in caplog.text
    assert books.failed_tie_outs() == []


def test_an_adopter_counts_transactions_without_a_merchant_under_one_of_their_own(
    settings: Settings, platform: Platform, books: Books
) -> None:
    platform.settle(DAY.start, 100)
    with transactions_with(platform, merchant_id="coalesce(null::bigint, 0)"):
        close_day(settings, DAY, RUN)

    assert daily_volume(books, DAY) == {
        (0, "unknown", "US", "USD", "none", "payment"): (1, 100, 0, 0)
    }


def test_the_business_time_zone_must_not_change_under_closed_days(
    settings: Settings, platform: Platform, books: Books
) -> None:
    fill(platform)
    close_day(settings, DAY, RUN)
    chicago = "America/Chicago"

    with pytest.raises(WrongData, match="time zone"):
        close_day(replace(settings, time_zone=chicago), day_of(DAY.first_date, chicago), RUN)

    assert len(books.rows("select 1 from reporting.closes where grain = 'day'")) == 1


def test_a_store_that_cannot_be_reached_is_a_transient_error_and_leaves_no_rows(
    settings: Settings, platform: Platform, books: Books
) -> None:
    fill(platform)
    nowhere = psycopg.conninfo.make_conninfo(settings.store, port=1)

    with pytest.raises(Transient, match="reporting store"):
        close_day(replace(settings, store=nowhere), DAY, RUN)

    assert sum(books.size().values()) == 0
