"""The plans by which a replica reads a period: a parallel worker only where it saves time."""

import re
from datetime import date, timedelta

import psycopg
import pytest

from closebook.periods import DAY, HOUR, Period, day_of, hour_of
from closebook.settings import Settings
from closebook.sql import query
from local.stack import Stack
from tests.platform_rows import Platform, utc

START = utc("2026-10-08T13:00Z")
HOURS = 3
PAYMENTS = """
insert into platform.transactions (
    transaction_id, user_id, merchant_id, kind, currency, amount_minor, status, settled_at
)
select g, 1, 10, 'payment', 'USD', g + 1, 'settled', %(start)s::timestamptz + g * %(gap)s
from generate_series(0, %(count)s - 1) as g
"""


@pytest.mark.parametrize(("payments_an_hour", "has_worker"), [(13_500, False), (70_000, True)])
def test_an_hour_is_read_by_one_process_unless_it_is_very_large(
    stack: Stack,
    settings: Settings,
    platform: Platform,
    payments_an_hour: int,
    has_worker: bool,
) -> None:
    # Given some hours of payments, and statistics that know them
    count = HOURS * payments_an_hour
    gap = HOURS * HOUR / count
    platform.connection.execute(PAYMENTS, {"start": START, "gap": gap, "count": count})
    platform.connection.execute("vacuum (analyze) platform.transactions")
    stack.replica_wait()
    # When the reader asks for one in their middle
    plan = plan_of(settings, "hourly_volume/read", hour_of(START + timedelta(hours=HOURS // 2)))
    # Then it is a range of the index, whose order does without a hash and a sort, and a second
    # process comes only for what takes it a while
    assert "Index Only Scan using transactions_settled_hour" in plan
    assert "GroupAggregate" in plan
    assert "HashAggregate" not in plan
    assert "Sort" not in plan
    assert ("Workers Planned: 1" in plan) is has_worker, plan


@pytest.mark.parametrize(
    ("zone", "looks_at_instants"), [("America/New_York", False), ("Asia/Kolkata", True)]
)
@pytest.mark.parametrize(
    "name", ["daily_volume/read", "close_totals/read_volume", "close_totals/read_other_status"]
)
def test_a_day_is_found_by_its_hours_and_looks_at_instants_only_where_it_cuts_one(
    stack: Stack,
    settings: Settings,
    platform: Platform,
    name: str,
    zone: str,
    looks_at_instants: bool,
) -> None:
    # Given a month of payments, and statistics that know them
    start, days, payments_a_day = utc("2026-10-01T00:00Z"), 31, 1_000
    count = days * payments_a_day
    gap = days * DAY / count
    platform.connection.execute(PAYMENTS, {"start": start, "gap": gap, "count": count})
    platform.connection.execute("vacuum (analyze) platform.transactions")
    stack.replica_wait()
    # When the reader asks for a day
    plan = plan_of(settings, name, day_of(date(2026, 10, 15), zone))
    # Then its hours are the index's condition; and where no instant is looked at, PostgreSQL
    # knows how many rows there are, as it would not of two conditions on one column
    [condition] = re.findall(r"Index Cond: (.*)", plan)
    assert condition.count("date_bin") == 2
    assert ("settled_at >=" in plan) is looks_at_instants
    if not looks_at_instants and name != "close_totals/read_other_status":
        [rows] = re.findall(r"Scan using transactions_settled_hour.*rows=(\d+)", plan)
        assert int(rows) == pytest.approx(payments_a_day, rel=0.3)


def plan_of(settings: Settings, name: str, period: Period) -> str:
    """Return how a replica would run a query for the reader."""
    explain = "explain " + query(name)
    with psycopg.connect(settings.replicas[0].conninfo, prepare_threshold=None) as reader:
        return "\n".join(
            line
            for (line,) in reader.execute(explain, {**period.bounds, "left_out_currencies": []})
        )


@pytest.mark.parametrize("name", ["statements/changes", "statement_lines/changes"])
def test_the_differences_of_two_versions_are_planned_as_a_join_of_their_tables(
    stack: Stack, module_store_database: str, name: str
) -> None:
    # Given the store's role, and two closes that are compared
    compared = {"old_close_id": 1, "new_close_id": 2}
    with psycopg.connect(stack.store(module_store_database)) as store:
        plan = "\n".join(line for (line,) in store.execute("explain " + query(name), compared))
    # Then the function that says what differs is no step of the plan: its query is
    assert "Full Join" in plan
    assert "Function Scan" not in plan
