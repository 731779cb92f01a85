"""A month of a few accounts in New York, and what a recount in Python says of it."""

from datetime import date

from closebook.closes.day import close_day
from closebook.periods import HOUR, Period, day_of, parse_month
from closebook.settings import Settings
from tests.books import Books
from tests.close_fixtures import RUN
from tests.platform_rows import Platform

NEW_YORK = "America/New_York"
SEPTEMBER = parse_month("2026-09", NEW_YORK)
OCTOBER = parse_month("2026-10", NEW_YORK)
LAST_DAY = day_of(date(2026, 10, 31), NEW_YORK)
HOLDER = "Zdeňka Tajná"
BUSY, RESTING, EMPTY, OVERDRAWN, LATER, BACK_TO_ZERO = 1, 2, 3, 4, 5, 6


def fill(platform: Platform) -> None:
    """Six accounts, each a case of its own, over two months."""
    for account_id in (BUSY, RESTING, EMPTY, OVERDRAWN, LATER, BACK_TO_ZERO):
        platform.open_account(account_id, "EUR", HOLDER)
    platform.post(BUSY, SEPTEMBER.start, 10_000, "EUR")
    platform.post(BUSY, SEPTEMBER.end - HOUR, -2_500, "EUR")
    platform.post(BUSY, OCTOBER.start, 300, "EUR")
    platform.post(BUSY, OCTOBER.start + 200 * HOUR, -40, "EUR", kind="fee")
    platform.post(BUSY, OCTOBER.end - HOUR, 5, "EUR")
    platform.post(BUSY, OCTOBER.end, 7_777, "EUR")
    platform.post(RESTING, SEPTEMBER.start + 40 * HOUR, 800, "EUR")
    platform.post(OVERDRAWN, OCTOBER.start + HOUR, 100, "EUR")
    platform.post(OVERDRAWN, OCTOBER.start + HOUR, -350, "EUR")
    platform.post(LATER, OCTOBER.end + HOUR, 50, "EUR")
    platform.post(BACK_TO_ZERO, SEPTEMBER.start, 60, "EUR")
    platform.post(BACK_TO_ZERO, SEPTEMBER.start + HOUR, -60, "EUR")


def close_days(settings: Settings, count: int) -> None:
    """Close the last days of October: earlier ones are not waited for then."""
    for day in list(OCTOBER.days())[-count:]:
        close_day(settings, day, RUN)


def recount(platform: Platform, month: Period) -> dict[int, tuple[int, int, int]]:
    """Opening, closing and number of lines of every account that shall have a statement."""
    statements = {}
    for account_id in {entry.account_id for entry in platform.entries}:
        opening = platform.balance(account_id, month.start)
        lines = [e for e in platform.posted_in(month) if e.account_id == account_id]
        if lines or opening:
            closing = opening + sum(entry.amount_minor for entry in lines)
            statements[account_id] = (opening, closing, len(lines))
    return statements


def lines_of(books: Books, close_id: int, account_id: int) -> list[tuple[int, int, int]]:
    rows = books.rows(
        "select line_number, amount_minor, balance_minor from reporting.statement_lines"
        " where close_id = %s and account_id = %s order by line_number",
        close_id,
        account_id,
    )
    return [(r["line_number"], r["amount_minor"], r["balance_minor"]) for r in rows]
