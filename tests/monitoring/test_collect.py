"""The collection of health from real servers, also while a server is down."""

import re
import secrets
import threading
import time
from collections.abc import Iterator
from dataclasses import replace

import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import make_conninfo

from closebook.closes.day import close_day
from closebook.closes.hour import close_hour
from closebook.errors import Transient
from closebook.monitoring import collect, probe
from closebook.periods import day_of, hour_of
from closebook.settings import Replica, Settings
from local.addresses import PRIMARY, REPLICAS
from local.stack import Stack
from tests.books import Books
from tests.close_fixtures import RUN, eventually
from tests.platform_rows import Platform, utc
from tests.wrong_clock import clock_of

NOON = utc("2026-10-31T12:00Z")
DAY = day_of(NOON.date(), "America/New_York")
SERVERS = [PRIMARY, *REPLICAS]


def last_alerts(books: Books) -> set[tuple[str, str]]:
    rows = books.rows(
        "select server_name, alert_name from reporting.health_alerts"
        " inner join reporting.health_samples using (sample_id)"
        " where collected_at = (select max(collected_at) from reporting.health_samples)"
    )
    return {(row["server_name"], row["alert_name"]) for row in rows}


def test_each_collection_stores_a_sample_of_the_primary_and_of_each_replica(
    settings: Settings, platform: Platform, books: Books
) -> None:
    collect.collect(settings)
    collect.collect(settings)

    samples = books.rows("select * from reporting.health_samples order by sample_id")
    assert [row["server_name"] for row in samples] == SERVERS * 2
    assert {row["collected_at"] for row in samples[:3]}.isdisjoint(
        row["collected_at"] for row in samples[3:]
    )
    assert [row["server_kind"] for row in samples[:3]] == ["primary", "replica", "replica"]
    assert all(row["problem"] is None for row in samples)
    assert all(row["connection_limit"] == 197 for row in samples)
    assert samples[0]["lag_bytes"] is None
    assert all(row["lag_bytes"] is not None for row in samples[1:3])


def test_the_load_of_a_close_is_on_its_replica_and_the_load_of_the_fence_is_on_the_primary(
    settings: Settings, platform: Platform, books: Books
) -> None:
    for number in range(300):
        platform.settle(NOON, 100 + number)
    collect.collect(settings)
    close_hour(settings, hour_of(NOON), RUN)
    replica = books.versions(hour_of(NOON))[0]["replica_name"]
    collect.collect(settings)

    loads = {
        row["server_name"]: row
        for row in books.rows(
            "select * from reporting.health_intervals where previous_sample_id is not null"
        )
    }
    assert loads.keys() == set(SERVERS)
    # The close read 300 rows twice on the replica, and only catalog views on the primary.
    assert loads[replica]["load_block_count"] > loads[PRIMARY]["load_block_count"]
    assert loads[PRIMARY]["load_call_count"] >= 4
    assert all(row["load_ms"] >= 0 for row in loads.values())


@pytest.fixture
def auditor(stack: Stack, platform: Platform) -> Iterator[str]:
    """The conninfo on the first replica for a role that has no other session."""
    name = {"user": "auditor", "password": secrets.token_hex()}
    platform.connection.execute(
        sql.SQL("create role auditor login password {}").format(name["password"])
    )
    with psycopg.connect(stack.replica_admin(REPLICAS[0]), autocommit=True) as replica:
        known = "select from pg_roles where rolname = 'auditor'"
        eventually(lambda: replica.execute(known).fetchone() is not None)
    yield make_conninfo(stack.replica_admin(REPLICAS[0]), **name)
    platform.connection.execute("drop role auditor")


def test_connections_are_stored_by_role_and_state(
    settings: Settings, platform: Platform, books: Books, auditor: str
) -> None:
    with psycopg.connect(auditor) as open_transaction, psycopg.connect(auditor):
        open_transaction.execute("select 1")
        collect.collect(settings)

    counts = {
        (row["server_name"], row["role_name"], row["state"]): row["connection_count"]
        for row in books.rows(
            "select sample.server_name, kept.* from reporting.health_connections as kept"
            " inner join reporting.health_samples as sample using (sample_id)"
        )
    }
    assert counts[REPLICAS[0], "auditor", "idle in transaction"] == 1
    assert counts[REPLICAS[0], "auditor", "idle"] == 1
    assert counts[PRIMARY, "postgres", "idle"] >= 1


def test_a_server_that_is_down_has_an_alert_and_the_other_servers_are_stored(
    settings: Settings, platform: Platform, books: Books
) -> None:
    away = Replica("replica_c", make_conninfo(settings.replicas[0].conninfo, port=1))
    alerts = collect.collect(replace(settings, replicas=(*settings.replicas, away)))

    problems = {
        row["server_name"]: row["problem"]
        for row in books.rows("select server_name, problem from reporting.health_samples")
    }
    assert "refused" in problems.pop("replica_c")
    assert set(problems.values()) == {None}
    assert ("replica_c", "server_down") in last_alerts(books)
    assert [each.server_name for each in alerts if each.alert.name == "server_down"] == [
        "replica_c"
    ]


def test_without_the_primary_the_replicas_are_stored_and_their_lag_is_unknown(
    settings: Settings, platform: Platform, books: Books
) -> None:
    collect.collect(replace(settings, primary=make_conninfo(settings.primary, port=1)))

    lags = books.rows("select lag_bytes, problem from reporting.health_samples order by sample_id")
    assert [row["problem"] is None for row in lags] == [False, True, True]
    assert [row["lag_bytes"] for row in lags] == [None, None, None]
    assert (PRIMARY, "server_down") in last_alerts(books)


def test_a_frozen_replica_does_not_block_the_collection(
    stack: Stack, settings: Settings, platform: Platform, books: Books
) -> None:
    stack.freeze(REPLICAS[0])
    try:
        began = time.monotonic()
        collect.collect(settings)
        assert time.monotonic() - began < 60
    finally:
        stack.thaw(REPLICAS[0])
    assert (REPLICAS[0], "server_down") in last_alerts(books)
    assert (REPLICAS[1], "server_down") not in last_alerts(books)


def test_if_no_server_answers_the_alerts_are_stored_and_the_run_fails(
    settings: Settings, platform: Platform, books: Books
) -> None:
    away = tuple(
        Replica(one.name, make_conninfo(one.conninfo, port=1)) for one in settings.replicas
    )
    nowhere = replace(settings, primary=make_conninfo(settings.primary, port=1), replicas=away)

    with pytest.raises(Transient, match=r"no server of the platform answers: primary: .*refused"):
        collect.collect(nowhere)

    assert {(name, "server_down") for name in SERVERS} == last_alerts(books)


def test_without_the_store_the_run_fails(settings: Settings) -> None:
    with pytest.raises(Transient, match="the reporting store failed"):
        collect.collect(replace(settings, store=make_conninfo(settings.store, port=1)))


def test_a_primary_connection_that_leads_to_a_replica_is_a_problem_of_the_primary(
    stack: Stack, settings: Settings, platform: Platform, books: Books
) -> None:
    replica = make_conninfo(
        settings.primary,
        port=stack.ports[REPLICAS[0]],
        user="postgres",
        password=stack.secrets["postgres"],
    )
    collect.collect(replace(settings, primary=replica))
    [row] = books.rows("select problem from reporting.health_samples where problem is not null")
    assert row["problem"] == (
        "CB-CONFIG-PRIMARY-IS-REPLICA: closebook_primary leads to a replica: it is in recovery"
    )


def test_a_replicas_connection_that_leads_to_the_primary_is_a_problem_of_its_own(
    stack: Stack, settings: Settings, platform: Platform, books: Books
) -> None:
    reader = Replica("replica_c", stack.conninfo(PRIMARY, "closebook_reader", platform.database))
    collect.collect(replace(settings, replicas=(reader,)))

    [row] = books.rows("select problem from reporting.health_samples where problem is not null")
    assert row["problem"].startswith("CB-CONFIG-REPLICA-IS-PRIMARY: ")


def test_a_primary_whose_clock_is_55_minutes_behind_is_an_alert(
    stack: Stack, settings: Settings, platform: Platform, books: Books
) -> None:
    collect.collect(settings)
    assert "clock_skew" not in {name for _, name in last_alerts(books)}

    with clock_of(stack, PRIMARY, "-55m"):
        [alert] = [each for each in collect.collect(settings) if each.alert.name == "clock_skew"]

    assert (PRIMARY, "clock_skew") in last_alerts(books)
    assert alert.server_name == PRIMARY
    assert re.search(r"the server's clock is 3[23]\d\d\.\d s behind the worker's", str(alert))


def test_a_replica_that_does_not_replay_gets_an_alert(
    stack: Stack,
    settings: Settings,
    platform: Platform,
    books: Books,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("closebook.monitoring.thresholds.LAG_SECONDS_MAX", 0.0)
    stack.pause_replay(REPLICAS[0])
    platform.settle(NOON, 100)
    collect.collect(settings)
    stack.resume_replay(REPLICAS[0])

    lag = {
        row["server_name"]: row["lag_bytes"]
        for row in books.rows("select server_name, lag_bytes from reporting.health_samples")
    }
    assert lag[REPLICAS[0]] > 0
    assert (REPLICAS[0], "replication_lag") in last_alerts(books)


def test_a_long_query_of_another_role_is_an_alert_and_one_of_a_close_is_not(
    stack: Stack,
    settings: Settings,
    platform: Platform,
    books: Books,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(probe, "LONG_QUERY_SECONDS", 0.2)
    reader = stack.reader(REPLICAS[0], platform.database)
    running = [
        threading.Thread(target=sleep_on, args=[conninfo])
        for conninfo in (platform.conninfo, reader)
    ]
    for thread in running:
        thread.start()
    try:
        eventually(lambda: sleeping_for(platform) > 0.3)
        collect.collect(settings)
    finally:
        for thread in running:
            thread.join()
    assert (PRIMARY, "long_queries") in last_alerts(books)
    assert (REPLICAS[0], "long_queries") not in last_alerts(books)


def sleep_on(conninfo: str) -> None:
    with psycopg.connect(conninfo, autocommit=True) as connection:
        connection.execute("select pg_sleep(2)")


def sleeping_for(platform: Platform) -> float:
    row = platform.connection.execute(
        "select coalesce(max(extract(epoch from clock_timestamp() - query_start)), 0)"
        " from pg_stat_activity where query = 'select pg_sleep(2)' and state = 'active'"
    ).fetchone()
    assert row is not None
    return float(row[0])


def test_a_slow_query_is_an_alert_in_the_interval_in_which_it_ran(
    settings: Settings,
    platform: Platform,
    books: Books,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(probe, "SLOW_QUERY_MS", 20.0)
    monkeypatch.setattr("closebook.monitoring.thresholds.SLOW_QUERY_MS", 20.0)
    collect.collect(settings)
    platform.connection.execute("select pg_sleep(0.05)")
    collect.collect(settings)
    assert (PRIMARY, "slow_statements") in last_alerts(books)
    collect.collect(settings)
    assert (PRIMARY, "slow_statements") not in last_alerts(books)


def test_without_pg_stat_statements_the_load_is_unknown_and_the_rest_is_stored(
    stack: Stack, settings: Settings, platform: Platform, books: Books
) -> None:
    platform.connection.execute("drop extension pg_stat_statements")
    stack.replica_wait()
    try:
        collect.collect(settings)
    finally:
        platform.connection.execute("create extension pg_stat_statements")
        stack.replica_wait()
    rows = books.rows("select problem, load_ms, index_blocks_hit from reporting.health_samples")
    assert [(row["problem"], row["load_ms"]) for row in rows] == [(None, None)] * 3
    assert all(row["index_blocks_hit"] is not None for row in rows)


def test_a_close_succeeds_during_a_collection(settings: Settings, platform: Platform) -> None:
    platform.settle(NOON, 100)
    collecting = threading.Thread(target=collect.collect, args=[settings])
    collecting.start()
    assert close_day(settings, DAY, RUN).outcome == "new"
    collecting.join()


def test_a_server_of_another_history_than_the_closes_were_read_from_is_an_alert(
    stack: Stack, settings: Settings, platform: Platform, books: Books
) -> None:
    close_hour(settings, hour_of(NOON), RUN)
    collect.collect(settings)
    assert "other_history" not in {name for _, name in last_alerts(books)}

    with psycopg.connect(stack.store_admin(books.connection.info.dbname)) as owner:
        owner.execute("update reporting.platform_histories set timeline = 2")
    collect.collect(settings)

    assert {(server, "other_history") for server in SERVERS} <= last_alerts(books)
