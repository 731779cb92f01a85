"""The plans of the closes' queries: a plan that is not as expected is an alert."""

from collections.abc import Iterator
from dataclasses import replace

import psycopg
import pytest

from closebook.closes.day import close_day
from closebook.closes.hour import close_hour
from closebook.monitoring import collect, query_plans
from closebook.periods import day_of, hour_of
from closebook.settings import Settings
from closebook.sql import SQL_FOLDER, query
from local.stack import Stack
from tests.books import Books
from tests.close_fixtures import RUN
from tests.platform_rows import Platform, utc

NOON = utc("2026-10-31T12:00Z")
INDEX = "transactions_settled_hour"
BY_TRANSACTIONS = {
    "hourly_volume/read",
    "daily_volume/read",
    "daily_volume/read_repeated",
    "daily_volume/read_named",
    "close_totals/read_volume",
    "close_totals/read_other_status",
}


YEAR, TWO_MONTHS = 365, 60


@pytest.fixture(params=[YEAR])
def large_table(
    request: pytest.FixtureRequest, stack: Stack, settings: Settings, platform: Platform
) -> Iterator[Platform]:
    """Many transactions over a number of days; one hour and one day of them are closed."""
    execute = platform.connection.execute
    execute(
        "insert into platform.transactions (transaction_id, settled_at, currency, kind,"
        " amount_minor, fee_minor, discount_minor, user_id, merchant_id, status)"
        " select n, timestamptz '2026-11-15' - n * %s * interval '1 day' / 200000, 'USD',"
        " 'payment', 100, 0, 0, 1, 10, 'settled' from generate_series(1, 200000) as n",
        [request.param],
    )
    execute("vacuum analyze platform.transactions")
    close_hour(settings, hour_of(NOON), RUN)
    close_day(settings, day_of(NOON.date(), "America/New_York"), RUN)
    stack.replica_wait()
    yield platform
    execute(f"drop index if exists platform.{INDEX}")
    execute("drop index if exists platform.our_own")
    for statement in index_statements():
        execute(statement)


def index_statements() -> list[bytes]:
    text = (SQL_FOLDER / "platform" / "indexes.sql").read_text(encoding="utf-8")
    lines = "\n".join(line for line in text.splitlines() if not line.startswith("--"))
    return [statement.encode() for statement in lines.split(";") if statement.strip()]


def changed_plans(books: Books) -> set[tuple[str, str]]:
    rows = books.rows(
        "select server_name, detail from reporting.health_alerts"
        " inner join reporting.health_samples using (sample_id) where alert_name = 'plan_changed'"
    )
    return {(row["server_name"], row["detail"].split(" ")[0]) for row in rows}


def test_every_query_that_a_close_runs_on_a_replica_has_an_expected_plan() -> None:
    paths = SQL_FOLDER.glob("*/read*.sql")
    files = {path.relative_to(SQL_FOLDER).with_suffix("").as_posix() for path in paths}
    of_periods = {name for name in files if "%(period_" in query(name)}
    expected = {plan.query_name for plan in query_plans.EXPECTED_PLANS}
    assert of_periods <= expected <= files


def test_each_expected_index_is_one_that_closebook_creates() -> None:
    text = (SQL_FOLDER / "platform" / "indexes.sql").read_text(encoding="utf-8")
    for plan in query_plans.EXPECTED_PLANS:
        assert plan.index_name is None or f"create index if not exists {plan.index_name} on" in text


# If one day is a large part of the table, a scan by transaction_id seems cheap to the planner.
@pytest.mark.parametrize("large_table", [YEAR, TWO_MONTHS], indirect=True)
def test_with_their_index_all_plans_are_as_expected(
    settings: Settings, large_table: Platform, books: Books
) -> None:
    collect.collect(settings)
    assert changed_plans(books) == set()
    rows = books.rows("select query_name, scans, is_as_meant from reporting.health_plans")
    assert {row["query_name"] for row in rows} >= BY_TRANSACTIONS
    assert all(row["is_as_meant"] for row in rows)
    assert all(INDEX in row["scans"] for row in rows if row["query_name"] in BY_TRANSACTIONS)


def test_without_the_index_each_query_on_each_replica_is_an_alert(
    stack: Stack, settings: Settings, large_table: Platform, books: Books
) -> None:
    large_table.connection.execute(f"drop index platform.{INDEX}")
    stack.replica_wait()
    alerts = collect.collect(settings)
    replicas = {replica.name for replica in settings.replicas}
    assert changed_plans(books) == {(r, q) for r in replicas for q in BY_TRANSACTIONS}
    assert any("Seq Scan of transactions" in each.alert.detail for each in alerts)


def test_an_adopters_index_may_have_another_name(
    stack: Stack, settings: Settings, large_table: Platform, books: Books
) -> None:
    large_table.connection.execute(f"alter index platform.{INDEX} rename to our_own")
    stack.replica_wait()
    collect.collect(replace(settings, index_names={INDEX: "our_*"}))
    assert changed_plans(books) == set()
    collect.collect(settings)
    assert {query for _, query in changed_plans(books)} == BY_TRANSACTIONS


def test_a_sequential_scan_of_a_small_table_is_as_expected(
    settings: Settings, platform: Platform, books: Books
) -> None:
    platform.settle(NOON, 100)
    with psycopg.connect(platform.conninfo, autocommit=True) as admin:
        admin.execute("analyze platform.transactions")
    close_hour(settings, hour_of(NOON), RUN)
    collect.collect(settings)
    assert changed_plans(books) == set()
    assert books.rows(
        "select 1 from reporting.health_plans where query_name = 'hourly_volume/read'"
    )


def test_a_query_of_a_grain_that_was_never_closed_is_not_checked(
    settings: Settings, platform: Platform, books: Books
) -> None:
    collect.collect(settings)
    assert books.rows("select 1 from reporting.health_plans") == []
