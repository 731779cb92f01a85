"""A platform with one shop and one payer, what Closebook closed of it, and what Airflow keeps."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from typing import Any

import psycopg
import redis
from psycopg import sql

from closebook import periods
from closebook.counter.publisher import COUNTER_KEY
from closebook.platform.contract import CONTRACT
from local.stack import Stack

ZONE = "America/New_York"
MONTH = periods.month_of(2026, 9, ZONE)
# On the month's last day: the month waits for each day after the first that was closed.
FIRST_HOUR = datetime(2026, 9, 30, 12, tzinfo=UTC)
DAY = periods.day_containing(FIRST_HOUR, ZONE)
RANGE = [*periods.days_between(date(2026, 10, 1), date(2026, 10, 3), ZONE)]
PAYMENTS_MINOR = [1_00, 2_50, 10_00, 7, 99_99]
LATE_MINOR = 5_00

MAKE_PLATFORM = """
insert into platform.users (user_id, full_name, address, country, locale_code)
values (1, 'Ada Planted-Name', '1 Planted Street', 'US', 'en_US');
insert into platform.merchants (
    merchant_id, merchant_name, category, address, country, locale_code
) values (1, 'Shop', 'books', '2 Road', 'US', 'en_US');
insert into platform.wallets (wallet_id, account_number, user_id, currency, balance_minor)
values (1, 'PLANTED-ACCOUNT-1', 1, 'USD', 0);
"""


def open_shop(stack: Stack) -> Stack:
    """Give the stack's platform a payment and a ledger entry an hour, for five hours of one day.

    All modules of this folder share them: the first one adds them.
    """
    with psycopg.connect(stack.primary_admin("platform")) as connection:
        [(users,)] = connection.execute("select count(*) from platform.users").fetchall()
        if users:
            return stack
        connection.execute(MAKE_PLATFORM)
    for number, amount_minor in enumerate(PAYMENTS_MINOR):
        pay(
            stack,
            number,
            FIRST_HOUR + timedelta(hours=number, minutes=59, seconds=59),
            amount_minor,
        )
    return stack


def pay(platform: Stack, number: int, settled_at: datetime, amount_minor: int) -> None:
    """Add a payment, and its entry in the payer's ledger."""
    with psycopg.connect(platform.primary_admin("platform")) as connection:
        connection.execute(
            "insert into platform.transactions (transaction_id, user_id, user_country, "
            "merchant_id, kind, currency, amount_minor, status, created_at, settled_at) "
            "values (%s, 1, 'US', 1, 'payment', 'USD', %s, 'settled', %s, %s)",
            [number, amount_minor, settled_at, settled_at],
        )
        connection.execute(
            "insert into platform.ledger_entries (entry_id, wallet_id, transaction_id, "
            "posted_at, amount_minor, currency, kind, description, counterparty) "
            "values (%s, 1, %s, %s, %s, 'USD', 'payment', 'Planted description', 'Shop')",
            [number, number, settled_at, -amount_minor],
        )


def counted_minor(platform: Stack) -> int:
    """The gross total in US dollars that apps see."""
    with redis.Redis.from_url(platform.redis_admin) as client:
        counter = json.loads(client.get(COUNTER_KEY))
    return int(counter["currencies"]["USD"]["gross_minor"])


def closed(
    platform: Stack, grain: str, first: datetime, last: datetime
) -> list[tuple[datetime, int, int, int]]:
    """Current closes of a grain: start, version, and what its volume adds up to."""
    with psycopg.connect(platform.store()) as store:
        return store.execute(
            "select period_start, close_version, coalesce(sum(amount_minor), 0)::bigint, "
            "coalesce(sum(transaction_count), 0)::bigint "
            "from reporting.closes left join reporting.hourly_volume using (close_id) "
            "where grain = %s and is_current and period_start between %s and %s "
            "group by period_start, close_version order by period_start",
            [grain, first, last],
        ).fetchall()


def daily_rows(platform: Stack) -> list[tuple[Any, ...]]:
    with psycopg.connect(platform.store()) as store:
        return store.execute(
            "select merchant_id, merchant_category, user_country, currency, promotion_funding, "
            "kind, transaction_count, amount_minor from reporting.current_daily_volume "
            "where business_day = %s",
            [DAY.first_date],
        ).fetchall()


def closed_in_range(platform: Stack) -> list[tuple[Any, ...]]:
    """The current closes of the range's days: version, confirmations, and whose run it was."""
    with psycopg.connect(platform.store()) as store:
        return store.execute(
            "select period_start, close_version, confirmation_count, run_id, reason, requested_by "
            "from reporting.closes where grain = 'day' and is_current "
            "and period_start between %s and %s order by period_start",
            [RANGE[0].start, RANGE[-1].start],
        ).fetchall()


def close_ids(platform: Stack, day: periods.Period) -> list[int]:
    with psycopg.connect(platform.store()) as store:
        rows = store.execute(
            "select close_id from reporting.closes where grain = 'day' and period_start = %s",
            [day.start],
        ).fetchall()
    return [close_id for (close_id,) in rows]


@contextmanager
def spoiled(platform: Stack, day: periods.Period) -> Iterator[None]:
    """Let the view divide by zero for a row of the day, so that nobody knows its currency."""
    divided = "(1 / (transaction_id - transaction_id))::text"
    wrong = f"case when settled_at = '{day.start.isoformat()}' then {divided} else currency end"
    expressions = {column: column for column in CONTRACT["transactions"]} | {"currency": wrong}
    selected = ", ".join(f"{expression} as {column}" for column, expression in expressions.items())
    with psycopg.connect(platform.primary_admin("platform"), autocommit=True) as primary:
        [(before,)] = primary.execute(
            "select pg_get_viewdef('reporting_source.transactions'::regclass)"
        )
        replacing = "create or replace view reporting_source.transactions as "
        kept = before.rstrip().rstrip(";")
        primary.execute(f"{replacing} select {selected} from ({kept}) as kept".encode())  # noqa: S608  # texts of tests
        try:
            yield
        finally:
            primary.execute((replacing + before).encode())


def rows_of_metadata(platform: Stack) -> dict[str, str]:
    """Each table of Airflow's database, as text."""
    with psycopg.connect(platform.store_admin("airflow")) as metadata:
        tables = metadata.execute(
            "select table_name from information_schema.tables where table_schema = 'public'"
        ).fetchall()
        return {
            table: str(
                metadata.execute(
                    sql.SQL("select each::text from {} as each").format(sql.Identifier(table))
                ).fetchall()
            )
            for (table,) in tables
        }
