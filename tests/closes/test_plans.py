"""The plans by which a replica reads a period: a parallel worker only where it saves time."""

import re
from datetime import date, timedelta

import psycopg
import pytest
from psycopg import sql

from closebook.periods import DAY, HOUR, Period, day_of, hour_of
from closebook.platform.contract import CONTRACT, amount_parameters
from closebook.settings import Settings
from closebook.sql import query
from local.stack import Stack
from tests.close_fixtures import eventually, retyped
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

ENTRIES = """
insert into platform.ledger_entries (
    entry_id, wallet_id, posted_at, amount_minor, currency, kind, description
)
select g, 1, %(start)s::timestamptz + g * %(gap)s, g + 1, 'USD', 'payment', 'Bread'
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


OF_PERIODS = {
    "transactions": (
        *("hourly_volume/read", "daily_volume/read"),
        *("close_totals/read_volume", "close_totals/read_other_status"),
    ),
    "ledger_entries": (
        *("daily_account_movement/read", "daily_account_movement/read_exceptions"),
        *("close_totals/read_ledger", "statement_balances/read", "statement_lines/read"),
    ),
}
INDEXES = {
    "transactions": "transactions_settled_hour",
    "ledger_entries": "ledger_entries_posted_at",
}
QUERIES = [(view, name) for view, names in OF_PERIODS.items() for name in names]


@pytest.fixture
def month_of_rows(stack: Stack, platform: Platform) -> None:
    """A month of payments, and of entries of one account, and statistics that know them."""
    start, count = utc("2026-10-01T00:00Z"), 31_000
    given = {"start": start, "gap": 31 * DAY / count, "count": count}
    platform.connection.execute(PAYMENTS, given)
    platform.open_account(1)
    platform.connection.execute(ENTRIES, given)
    platform.connection.execute("vacuum (analyze) platform.transactions, platform.ledger_entries")
    stack.replica_wait()


@pytest.mark.usefixtures("month_of_rows")
@pytest.mark.parametrize(("view", "name"), QUERIES, ids=lambda value: value)
def test_amounts_in_minor_units_are_read_as_if_the_view_itself_was_read(
    settings: Settings, view: str, name: str
) -> None:
    # Given a query, and the same one over the view itself
    of_query = query(name)
    shared = f"(\n{query(f'shared/{view}')}) as {view}"
    assert shared in of_query
    of_view = of_query.replace(shared, f"reporting_source.{view}")
    of_view = re.sub(r" *amount_problem,\n", "", of_view)
    # Then PostgreSQL reads both by one plan, of the same cost
    day = day_of(date(2026, 10, 15), "America/New_York")
    assert explained(settings, of_query, day) == explained(settings, of_view, day)


@pytest.mark.usefixtures("month_of_rows")
@pytest.mark.parametrize(
    ("view", "name"),
    [pair for pair in QUERIES if pair[1] != "statement_balances/read"],
    ids=lambda value: value,
)
def test_amounts_in_major_units_are_found_by_the_same_index(
    settings: Settings, platform: Platform, view: str, name: str
) -> None:
    # Given a view with amounts in major units
    columns = [column for column in CONTRACT[view] if column.endswith("_minor")]
    in_major = {
        **dict.fromkeys(columns, None),
        **{f"{c.removesuffix('_minor')}_major": f"{c} * 0.01" for c in columns},
    }
    with retyped(platform, view, in_major):
        eventually(lambda: is_replayed(settings, view))
        # When the reader asks for a day
        day = day_of(date(2026, 10, 15), "America/New_York")
        plan = explained(settings, query(name, frozenset({view})), day)
    # Then it is a range of the index
    assert INDEXES[view] in plan
    assert f"Seq Scan on {view}" not in plan


def is_replayed(settings: Settings, view: str) -> bool:
    """Whether the replica has the view with major units."""
    with psycopg.connect(settings.replicas[0].conninfo, prepare_threshold=None) as reader:
        found = reader.execute(
            "select 1 from pg_attribute where attname = 'amount_major' and attrelid = %s::regclass",
            [f"reporting_source.{view}"],
        ).fetchone()
    return found is not None


def plan_of(settings: Settings, name: str, period: Period) -> str:
    """Return how a replica would run a query for the reader."""
    return explained(settings, query(name), period)


def explained(settings: Settings, statement: str, period: Period) -> str:
    """Return how a replica would run a text of a query for the reader."""
    parameters = {
        **period.bounds,
        **amount_parameters(),
        "left_out_currencies": [],
        "has_text_keys": False,
    }
    explain = sql.SQL("explain {}").format(sql.SQL(statement))
    with psycopg.connect(settings.replicas[0].conninfo, prepare_threshold=None) as reader:
        return "\n".join(line for (line,) in reader.execute(explain, parameters))


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
