"""Airflow runs a close twice, late, backwards, or dies in it; the numbers are right each time."""

import os
import signal
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import psutil
import pytest

from closebook.periods import HOUR, Period, day_of, hour_of
from closebook.settings import Settings
from local.addresses import PLATFORM_DATABASE, REDIS, STORE_DATABASE
from local.airflow_api import AirflowApi
from local.errors import StackError
from local.stack import Stack
from tests.airflow_runs import CROSS_CHECKED, DAGS, wait_for_run, wait_for_runs
from tests.close_fixtures import eventually, settings_on, store_held, waiting_to_write
from tests.faults.sales import Sales
from tests.platform_rows import utc

HOURLY, DAILY, *_ = DAGS
ZONE = "America/New_York"
NOON = hour_of(utc("2026-03-10T12:00Z"))


@pytest.fixture(scope="module")
def sales(airflow_stack: Stack) -> Iterator[Sales]:
    sales = Sales(airflow_stack)
    yield sales
    sales.close()


@pytest.fixture(scope="module")
def airflow(airflow_stack: Stack) -> Iterator[AirflowApi]:
    """Airflow as an admin uses it."""
    with AirflowApi.login(
        airflow_stack.ui_url, "admin", airflow_stack.credentials["admin"]
    ) as airflow:
        airflow.wait_for_dags(DAGS, seconds=60)
        # Switched on it closes the last hour; that shall be over before the first test.
        airflow.unpause(HOURLY)
        wait_for_run(airflow, HOURLY, scheduled_run(airflow, hour_of(datetime.now(UTC) - HOUR)))
        yield airflow


@pytest.fixture
def settings(airflow_stack: Stack, tmp_path: Path) -> Settings:
    """Settings on the databases of Airflow's own runs."""
    return settings_on(airflow_stack, PLATFORM_DATABASE, STORE_DATABASE, tmp_path)


def trigger_hour(airflow: AirflowApi, hour: Period) -> str:
    """Start a run by hand that closes an hour, and return its id."""
    run = airflow.post(
        f"dags/{HOURLY}/dagRuns",
        {"logical_date": None, "conf": {"hour": hour.start.isoformat(), "cross_check": True}},
    )
    return str(run["dag_run_id"])


def scheduled_run(airflow: AirflowApi, hour: Period) -> str:
    """Wait until the schedule has made the run of an hour, and return its id."""
    found: list[str] = []

    def is_there() -> list[str]:
        runs = airflow.get(
            f"dags/{HOURLY}/dagRuns",
            logical_date_gte=hour.start.isoformat(),
            logical_date_lte=hour.start.isoformat(),
        )["dag_runs"]
        found[:] = [run["dag_run_id"] for run in runs if run["run_type"] == "scheduled"]
        return found

    eventually(is_there, seconds=60)
    return found[0]


def hours_from(first: Period, count: int) -> list[Period]:
    return [hour_of(first.start + n * HOUR) for n in range(count)]


# ---- a task that dies -------------------------------------------------------------------


def test_a_task_that_is_killed_between_the_store_and_redis(
    airflow_stack: Stack, airflow: AirflowApi, sales: Sales
) -> None:
    [hour] = hours_from(NOON, 1)
    sales.settle(hour.start)
    sales.forget_counter()
    # Given a run whose counter is in the store and on its way to a Redis that does not answer,
    airflow_stack.freeze(REDIS)
    try:
        run_id = trigger_hour(airflow, hour)
        eventually(lambda: sales.publications_of(run_id), seconds=60)
        eventually(lambda: clients_of_redis(airflow_stack))
        # when its task is killed,
        for pid in clients_of_redis(airflow_stack):
            os.kill(pid, signal.SIGKILL)
        task = f"dags/{HOURLY}/dagRuns/{run_id}/taskInstances/publish_counter"
        eventually(lambda: airflow.get(task)["state"] == "up_for_retry", seconds=60)
    finally:
        airflow_stack.thaw(REDIS)
    assert sales.counter() is None

    # then it runs again and sends what the store has, under the same number.
    airflow.post(
        f"dags/{HOURLY}/clearTaskInstances",
        {
            "dry_run": False,
            "dag_run_id": run_id,
            "only_failed": False,
            "task_ids": ["publish_counter"],
        },
    )
    wait_for_run(airflow, HOURLY, run_id)
    sales.assert_closed(hour)
    sales.assert_counted()
    shown = sales.counter()
    assert shown is not None
    assert [shown["publication"]] == sales.publications_of(run_id)


def clients_of_redis(stack: Stack) -> list[int]:
    """The scheduler's tasks that have a connection to Redis."""
    return [
        pid
        for pid in stack.processes_of("scheduler")
        if any(
            found.raddr and found.raddr.port == stack.ports[REDIS]
            for found in psutil.Process(pid).net_connections("tcp")
        )
    ]


# ---- one period, many runs --------------------------------------------------------------


def test_the_same_task_twice_at_once(airflow: AirflowApi, sales: Sales, settings: Settings) -> None:
    hour = hour_of(NOON.start + timedelta(days=1))
    sales.settle(hour.start)

    with store_held(settings, hour):
        runs = [trigger_hour(airflow, hour) for _ in range(2)]
        eventually(lambda: waiting_to_write(settings) == 2, seconds=60)
    for run_id in runs:
        wait_for_run(airflow, HOURLY, run_id)

    sales.assert_closed(hour)
    assert [c["confirmation_count"] for c in sales.books.versions(hour)] == [1]
    sales.assert_counted()


def test_a_backfill_beside_the_scheduled_run_of_its_last_hour(
    airflow: AirflowApi, sales: Sales, settings: Settings
) -> None:
    before, last = hours_from(hour_of(datetime.now(UTC) - 2 * HOUR), 2)
    scheduled = scheduled_run(airflow, last)
    wait_for_run(airflow, HOURLY, scheduled)
    versions = {hour: len(sales.books.versions(hour)) for hour in (before, last)}
    sales.settle(before.start)
    sales.settle(last.start)

    with store_held(settings, last):
        # Given the scheduled run of the last hour in its midst,
        clear_run(airflow, scheduled)
        eventually(lambda: waiting_to_write(settings) == 1, seconds=60)
        # when a backfill of that hour and the one before is started,
        backfill(airflow, HOURLY, before, last)
        wait_for_runs(airflow, HOURLY, before.start, before.start, 1)
        # then Airflow leaves the run alone that goes on, and does not start it twice.
        assert waiting_to_write(settings) == 1
    wait_for_run(airflow, HOURLY, scheduled)
    airflow.end_backfills(HOURLY)

    for hour in (before, last):
        sales.assert_closed(hour, versions=versions[hour] + 1)
    sales.assert_counted()


def clear_run(airflow: AirflowApi, run_id: str) -> None:
    airflow.post(f"dags/{HOURLY}/dagRuns/{run_id}/clear", {"dry_run": False, "only_failed": False})


def backfill(airflow: AirflowApi, dag_id: str, first: Period, last: Period) -> None:
    airflow.backfill(dag_id, first.start, last.start, conf=CROSS_CHECKED, max_active_runs=4)


# ---- many periods -----------------------------------------------------------------------


def test_backfills_that_overlap(airflow: AirflowApi, sales: Sales, settings: Settings) -> None:
    day = day_of(date(2026, 3, 12), ZONE)
    hours = hours_from(hour_of(utc("2026-03-12T12:00Z")), 3)
    for hour in hours:
        sales.settle(hour.start)

    with store_held(settings, hours[1]):
        # Given a backfill of hours, and one of the day that closes the same hours again,
        backfill(airflow, HOURLY, hours[0], hours[-1])
        backfill(airflow, DAILY, day, day)
        airflow.unpause(DAILY)
        eventually(lambda: waiting_to_write(settings) >= 2, seconds=60)
        # a second one of the hours is refused by Airflow itself.
        with pytest.raises(StackError, match="409"):
            airflow.post("backfills", backwards(hours[1], hours[2]))
    wait_for_runs(airflow, HOURLY, hours[0].start, hours[-1].start, len(hours))
    wait_for_runs(airflow, DAILY, day.start, day.start, 1)
    airflow.end_backfills(HOURLY)
    airflow.end_backfills(DAILY)

    sales.assert_closed(*hours, day)
    sales.assert_counted()


def backwards(first: Period, last: Period) -> dict[str, Any]:
    """What asks Airflow for a backfill of hours, the last one first, one at a time."""
    return {
        "dag_id": HOURLY,
        "from_date": first.start.isoformat(),
        "to_date": last.start.isoformat(),
        "dag_run_conf": CROSS_CHECKED,
        "run_backwards": True,
        "max_active_runs": 1,
    }


def test_a_backwards_backfill(airflow: AirflowApi, sales: Sales) -> None:
    hours = hours_from(hour_of(utc("2026-03-13T12:00Z")), 3)
    for hour in hours:
        sales.settle(hour.end - timedelta(microseconds=1))

    airflow.post("backfills", backwards(hours[0], hours[-1]))
    wait_for_runs(airflow, HOURLY, hours[0].start, hours[-1].start, len(hours))
    airflow.end_backfills(HOURLY)

    closed_at = [sales.books.versions(hour)[0]["closed_at"] for hour in hours]
    assert closed_at == sorted(closed_at, reverse=True)
    sales.assert_closed(*hours)
    sales.assert_counted()


def test_a_paused_week_is_caught_up(airflow: AirflowApi, sales: Sales) -> None:
    """The week in which New York's clocks go forward: its Sunday has 23 hours."""
    week = [day_of(date(2026, 3, 2 + n), ZONE) for n in range(7)]
    for day in week:
        sales.settle(day.start)
        sales.settle(day.end - timedelta(seconds=1))
    airflow.pause(DAILY)

    # Switched on again the DAG does not catch up by itself: the week is asked for.
    backfill(airflow, DAILY, week[0], week[-1])
    airflow.unpause(DAILY)
    wait_for_runs(airflow, DAILY, week[0].start, week[-1].start, len(week))
    airflow.end_backfills(DAILY)

    sales.assert_closed(*week, *(hour_of(day.start) for day in week))
    sales.assert_counted()
