"""A business day in New York with rows in each hour, and its volume counted again in Python."""

from collections import defaultdict
from contextlib import AbstractContextManager
from datetime import date

from closebook.periods import HOUR, Period, day_of
from tests.books import Books
from tests.close_fixtures import transactions_with
from tests.platform_rows import Platform, volume_of

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


def contradicting(platform: Platform, **columns: str) -> AbstractContextManager[None]:
    """Let the view of transactions give the day's volume other values than the control totals.

    A platform whose rows change within a snapshot would do so; no platform does.
    """
    is_volume = "current_query() like '%promotion_funding%'"
    values = {
        name: f"case when {is_volume} then {value} else {name} end"
        for name, value in columns.items()
    }
    return transactions_with(platform, **values)
