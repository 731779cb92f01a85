"""The memory of a process that closes a day or a month does not grow with the rows."""

import pickle
import subprocess
import sys
from dataclasses import replace
from datetime import date, timedelta

from closebook.periods import Period, day_of, month_of
from closebook.settings import Settings
from local import REPOSITORY
from tests.books import Books
from tests.close_fixtures import ONE_REPLICA
from tests.platform_rows import Platform

NEW_YORK = "America/New_York"
FEW, MANY = 5_000, 60_000
# What a process of Python and libpq takes by itself is the most of it. All rows of the larger day
# are more than 5 MB as they come from the replica, and several times as much as Python's objects.
GROWTH_KB_MAX = 4_000

FILL = """
with numbers as (
    select g, %(start)s::timestamptz + g * interval '1 second' / 10 as settled_at
    from generate_series(1, %(count)s) as g
),

users as (
    insert into platform.users (user_id, full_name, address, country, locale_code)
    select 10000000 + g, 'Somebody', 'a street', 'US', 'en_US' from numbers
    on conflict do nothing
    returning user_id
),

merchants as (
    insert into platform.merchants (
        merchant_id, merchant_name, category, address, country, locale_code
    )
    select 10000000 + g, 'A shop', 'books', 'a street', 'US', 'en_US' from numbers
    on conflict do nothing
    returning merchant_id
),

wallets as (
    insert into platform.wallets (wallet_id, account_number, user_id, currency, balance_minor)
    select 10000000 + g, 'ACC-' || g, 10000000 + g, 'USD', 0 from numbers
    on conflict do nothing
    returning wallet_id
),

transactions as (
    insert into platform.transactions (
        transaction_id, user_id, merchant_id, kind, currency, amount_minor, status, settled_at
    )
    select
        %(first_id)s + g, 10000000 + g, 10000000 + g, 'payment', 'USD', g, 'settled', settled_at
    from numbers
)

insert into platform.ledger_entries (
    entry_id, wallet_id, posted_at, amount_minor, currency, kind, description
)
select %(first_id)s + g, 10000000 + g, settled_at, -g, 'USD', 'payment', 'An entry'
from numbers
"""

CLOSE = """
import pickle, sys
from closebook.closes.day import close_day
from closebook.closes.month import close_month
from local.processes import peak_memory_kb

settings, period, run = pickle.load(sys.stdin.buffer)
close = {"day": close_day, "month": close_month}[period.grain]
close(settings, period, run)
print(peak_memory_kb())
"""


def fill(platform: Platform, period: Period, count: int, first_id: int) -> None:
    """As many payments, entries, merchants and accounts: as many rows in the period's close."""
    values = {"start": period.start, "count": count, "first_id": first_id}
    platform.connection.execute(FILL, values)


def peak_kb(settings: Settings, period: Period) -> int:
    """The most memory that a process of its own took to close a period."""
    done = subprocess.run(
        [sys.executable, "-c", CLOSE],
        input=pickle.dumps((settings, period, ONE_REPLICA)),
        env={"PYTHONPATH": f"{REPOSITORY / 'plugins'}:{REPOSITORY}"},
        capture_output=True,
        check=True,
    )
    return int(done.stdout)


def test_a_day_of_twelve_times_the_rows_takes_no_more_memory(
    settings: Settings, platform: Platform, books: Books
) -> None:
    few, many = (day_of(date(2026, 10, number), NEW_YORK) for number in (14, 15))
    fill(platform, few, FEW, 10_000_000)
    fill(platform, many, MANY, 20_000_000)

    small, large = peak_kb(settings, few), peak_kb(settings, many)

    rows = books.rows(
        "select business_day, (select count(*) from reporting.daily_account_movement as movement"
        " where movement.close_id = volume.close_id) as accounts, count(*) as cells"
        " from reporting.current_daily_volume as volume group by business_day, close_id order by 1"
    )
    assert [(row["accounts"], row["cells"]) for row in rows] == [(FEW, FEW), (MANY, MANY)]
    assert large - small < GROWTH_KB_MAX, (small, large)


def test_a_month_of_twelve_times_the_statements_takes_no_more_memory_even_if_all_are_corrected(
    settings: Settings, platform: Platform, books: Books
) -> None:
    # Given a month of few statements, and one of many
    few, many = month_of(2026, 9, NEW_YORK), month_of(2026, 10, NEW_YORK)
    fill(platform, few, FEW, 10_000_000)
    small = peak_kb(settings, few)
    fill(platform, many, MANY, 20_000_000)
    # When it is closed, and again after as many late entries
    first = peak_kb(settings, many)
    fill(platform, replace(many, start=many.start + timedelta(hours=12)), MANY, 30_000_000)
    corrected = peak_kb(settings, many)
    # Then each statement was issued again, in no more memory than the few took
    rows = books.rows(
        "select close_version, count(*) as statements, sum(line_count)::int as lines"
        " from reporting.statements inner join reporting.closes using (close_id)"
        " where period_start = %s group by close_version order by 1",
        many.start,
    )
    assert [(row["statements"], row["lines"]) for row in rows] == [(MANY, MANY), (MANY, 2 * MANY)]
    assert first - small < GROWTH_KB_MAX, (small, first)
    assert corrected - small < GROWTH_KB_MAX, (small, corrected)
