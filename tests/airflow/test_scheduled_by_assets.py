"""A DAG of another team starts when a close is done, and is told which period.

They run after test_runs.py, and go on with its platform and closes.
"""

import time
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import psycopg
import pytest
from psycopg.rows import dict_row

from local.airflow_api import AirflowApi
from local.stack import Stack
from tests.airflow.shop import DAY, FIRST_HOUR, MAKE_PLATFORM, MONTH, PAYMENTS_MINOR, pay
from tests.airflow_runs import DAGS, RUN_SECONDS, wait_for_run

THEIRS = "closed_periods"
IDLE_POLLS = 8
AT_WORK = {"scheduled", "queued", "running", "restarting", "deferred"}
OURS = ("hourly_platform_volume", "daily_rollups", "monthly_statements")


@pytest.fixture(scope="module")
def platform(airflow_stack: Stack) -> Stack:
    with psycopg.connect(airflow_stack.primary_admin("platform")) as connection:
        [(users,)] = connection.execute("select count(*) from platform.users").fetchall()
        if users == 0:
            connection.execute(MAKE_PLATFORM)
    if users == 0:
        pay(airflow_stack, 0, FIRST_HOUR, PAYMENTS_MINOR[0])
    return airflow_stack


@pytest.fixture(scope="module")
def airflow(platform: Stack) -> Iterator[AirflowApi]:
    with AirflowApi.login(platform.ui_url, "admin", platform.credentials["admin"]) as api:
        api.wait_for_dags((*DAGS, THEIRS), seconds=90)
        for dag_id in OURS:
            api.unpause(dag_id)
        # Of two events in one second Airflow starts their DAG for the first one only.
        deadline = time.monotonic() + RUN_SECONDS
        idle_for = 0
        while idle_for < IDLE_POLLS:
            idle_for = idle_for + 1 if all(_is_idle(api, dag_id) for dag_id in OURS) else 0
            assert time.monotonic() < deadline
            time.sleep(1)
        api.unpause(THEIRS)
        yield api


def _is_idle(airflow: AirflowApi, dag_id: str) -> bool:
    """Whether no run of a DAG is at work, such as the one that begins when it is switched on.

    A run that waits for its next try is not: October cannot be closed on this platform.
    """
    runs = airflow.get(f"dags/{dag_id}/dagRuns", limit=100)["dag_runs"]
    unended = [run["dag_run_id"] for run in runs if run["state"] not in {"success", "failed"}]
    return all(_waits_for_its_next_try(airflow, dag_id, run_id) for run_id in unended)


def _waits_for_its_next_try(airflow: AirflowApi, dag_id: str, run_id: str) -> bool:
    tasks = airflow.get(f"dags/{dag_id}/dagRuns/{run_id}/taskInstances")["task_instances"]
    states = {task["state"] for task in tasks}
    return "up_for_retry" in states and not states & AT_WORK


def told(airflow: AirflowApi, asset: str, label: str, seen: set[str]) -> list[dict[str, Any]]:
    """What a run of theirs was told that this period of this asset started."""
    deadline = time.monotonic() + RUN_SECONDS
    while True:
        runs = airflow.get(f"dags/{THEIRS}/dagRuns", limit=100)["dag_runs"]
        for run in runs:
            path = f"dags/{THEIRS}/dagRuns/{run['dag_run_id']}"
            if run["dag_run_id"] not in seen and run["state"] == "success":
                seen.add(run["dag_run_id"])
                value = airflow.get(f"{path}/taskInstances/closes/xcomEntries/return_value")
                of_asset = [each for each in value["value"] if each["asset"] == asset]
                if label in [each["label"] for each in of_asset]:
                    return of_asset
        assert time.monotonic() < deadline, runs
        time.sleep(0.5)


def trigger(airflow: AirflowApi, dag_id: str, **conf: str) -> None:
    run = airflow.post(
        f"dags/{dag_id}/dagRuns",
        {"logical_date": None, "conf": {"reason": "for another team", **conf}},
    )
    wait_for_run(airflow, dag_id, run["dag_run_id"])


def registered(platform: Stack, grain: str, label: str) -> list[dict[str, Any]]:
    """The current close of a period, as an event states it."""
    with psycopg.connect(platform.store_admin("closebook"), row_factory=dict_row) as store:
        rows = store.execute(
            "select close_id, close_version, period_start at time zone 'UTC' as period_start,"
            " period_end at time zone 'UTC' as period_end from reporting.closes"
            " where grain = %s and is_current and period_start = %s",
            [grain, {"hour": FIRST_HOUR, "day": DAY.start, "month": MONTH.start}[grain]],
        ).fetchall()
    return [
        {
            "grain": grain,
            "label": label,
            "period_start": f"{row['period_start'].isoformat()}+00:00",
            "period_end": f"{row['period_end'].isoformat()}+00:00",
            "close_id": row["close_id"],
            "version": row["close_version"],
        }
        for row in rows
    ]


def without(events: list[dict[str, Any]], *names: str) -> list[dict[str, Any]]:
    return [{key: each[key] for key in each if key not in names} for each in events]


def test_the_end_of_each_close_starts_their_dag_with_its_period(
    platform: Stack, airflow: AirflowApi
) -> None:
    seen: set[str] = set()

    trigger(airflow, "hourly_platform_volume", hour=FIRST_HOUR.isoformat())
    label = f"{FIRST_HOUR:%Y-%m-%dT%HZ}"
    # Their first run is told of what was closed before it, too.
    hours = told(airflow, "closebook://hourly_volume", label, seen)
    [hour] = registered(platform, "hour", label)
    assert hour in without(hours, "asset", "outcome")

    trigger(airflow, "daily_rollups", day=DAY.label)
    day = told(airflow, "closebook://daily_volume", DAY.label, seen)
    assert without(day, "asset", "outcome") == registered(platform, "day", DAY.label)
    assert day[0]["outcome"] in {"new", "changed", "confirmed"}

    trigger(airflow, "monthly_statements", month=MONTH.label)
    [month] = told(airflow, "closebook://statements", MONTH.label, seen)
    assert [month["label"]] == [each["label"] for each in registered(platform, "month", "2026-09")]
    with psycopg.connect(platform.store_admin("closebook")) as store:
        [newest] = store.execute(
            "select close_id, sha256 from reporting.statement_manifests"
            " order by manifest_id desc limit 1"
        ).fetchall()
    assert (month["close_id"], month["manifest_sha256"]) == newest


def test_a_range_of_days_is_one_event_with_each_day(platform: Stack, airflow: AirflowApi) -> None:
    seen = {run["dag_run_id"] for run in airflow.get(f"dags/{THEIRS}/dagRuns")["dag_runs"]}
    first = DAY.start - timedelta(days=1)
    trigger(
        airflow,
        "daily_rollups",
        first_day=(DAY.first_date - timedelta(days=1)).isoformat(),
        last_day=DAY.label,
    )

    days = told(airflow, "closebook://daily_volume", DAY.label, seen)
    assert [each["period_start"] for each in days] == [
        each.isoformat() for each in (first, DAY.start)
    ]
