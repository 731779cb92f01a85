"""The old report, daily_volume.sql and daily_report.sql agree: what is compared is equal."""

from datetime import UTC, date, datetime

import psycopg
import pytest

from benchmarks.legacy.old_report import old_report, statement
from benchmarks.volume import day_cells, day_report, without_merchants
from closebook import periods
from local.sample_platform import SampleSize, load
from local.stack import Stack

NEW_YORK = "America/New_York"


@pytest.fixture(scope="module")
def platform(stack: Stack, module_platform_database: str) -> str:
    conninfo = stack.primary_admin(module_platform_database)
    load(
        conninfo,
        SampleSize(transactions=3_000, users=120, merchants=60, promotions=12, days=5),
        seed=1,
        until=datetime(2026, 11, 4, 5, tzinfo=UTC),
        time_zone=NEW_YORK,
        progress=lambda _step, _done, _total: None,
    )
    return conninfo


@pytest.mark.parametrize("day", [date(2026, 10, 31), date(2026, 11, 1), date(2026, 11, 3)])
def test_old_and_new_daily_volume_are_the_same_rows(platform: str, day: date) -> None:
    period = periods.day_of(day, NEW_YORK)
    with psycopg.connect(platform) as connection:
        old = old_report(connection, period.start, period.end)
        new = day_cells(connection, period.bounds)
        report = day_report(connection, period.bounds)
        [(bare_count, bare_amount)] = connection.execute(
            statement("bare_scan"), period.bounds
        ).fetchall()
    assert sorted(old) == sorted(new)
    assert sorted(report) == without_merchants(old)
    assert len(old) > 20
    assert (sum(row[6] for row in old), sum(row[7] for row in old)) == (bare_count, bare_amount)


def test_the_live_count_is_of_payments_ever_settled(platform: str) -> None:
    with psycopg.connect(platform) as connection:
        counted = connection.execute(statement("live_count")).fetchall()
        rows = connection.execute("""
            select currency, amount_minor from reporting_source.transactions
            where kind = 'payment' and settled_at is not null
        """).fetchall()
    expected: dict[str, tuple[int, int]] = {}
    for currency, amount in rows:
        number, total = expected.get(currency, (0, 0))
        expected[currency] = (number + 1, total + amount)
    assert {currency: (number, total) for currency, number, total in counted} == expected
    assert len(expected) == 5
