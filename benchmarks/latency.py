"""The time from an hour's run to the counter in Redis, and Airflow's share of it.

The runs are triggered by hand, for an hour that is closed already: what a run does when its hour
ends, without waiting for the hour. With ``hour_end`` the benchmark waits for a real end of an hour
as well, and times what the schedule makes of it.
"""

import time
from datetime import UTC, datetime

import redis

from benchmarks.platform import Stage
from benchmarks.timing import Results, alternate, console
from closebook.closes.hour import close_hour
from closebook.counter import publisher
from closebook.counter.publisher import COUNTER_KEY
from closebook.periods import hour_of
from closebook.settings import Run
from local.airflow_api import AirflowApi
from local.errors import StackError

DAG = "hourly_platform_volume"
PATIENCE_SECONDS = 120


def measure(stage: Stage, results: Results, *, hour_end: bool) -> None:
    """Let Airflow and a bare process close and publish the same hour in turns.

    With ``hour_end``, wait for the end of the current hour and time the scheduled run too.
    """
    stack = stage.stack
    client = redis.Redis.from_url(stack.redis_admin)
    with AirflowApi.login(stack.ui_url, "admin", stack.credentials["admin"]) as airflow:
        airflow.wait_for_dags((DAG,), seconds=60)
        airflow.unpause(DAG)
        timed = alternate(
            {
                "through Airflow": lambda: _through_airflow(airflow, client, stage),
                "close and publish alone": lambda: _alone(stage),
            },
            results.rounds(),
        )
        scheduled = _after_the_hour(stage) if hour_end else "not asked for: --hour-end"
    share = (
        timed["through Airflow"].median_seconds - timed["close and publish alone"].median_seconds
    )
    results.report(
        "Hour to counter",
        timed,
        "close and publish alone",
        airflows_own_seconds=round(share, 2),
        scheduled_seconds_from_end_of_hour_to_counter=scheduled,
    )


def _through_airflow(airflow: AirflowApi, client: "redis.Redis", stage: Stage) -> None:
    client.delete(COUNTER_KEY)
    body = {"logical_date": None, "conf": {"hour": stage.hour.start.isoformat()}}
    airflow.post(f"dags/{DAG}/dagRuns", body)
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not client.exists(COUNTER_KEY):
        if time.monotonic() > deadline:
            raise StackError(
                "CB-STACK-COUNTER-NOT-PUBLISHED",
                f"the counter was not published within {PATIENCE_SECONDS} s: see the log of "
                "publish_counter in the UI",
            )
        time.sleep(0.01)


def _alone(stage: Stage) -> None:
    run = Run("benchmark")
    close_hour(stage.settings, stage.hour, run)
    publisher.publish(stage.settings, run)


def _after_the_hour(stage: Stage) -> float:
    """Wait for the hour to end; return the seconds from then until the counter shows it."""
    end = hour_of(datetime.now(UTC)).end
    console.print(f"waiting for {end:%H:%M} UTC, the end of the hour", soft_wrap=True)
    time.sleep(max(0.0, (end - datetime.now(UTC)).total_seconds()))
    while (seconds := (datetime.now(UTC) - end).total_seconds()) < PATIENCE_SECONDS:
        document = publisher.read(stage.settings)
        if document and datetime.fromisoformat(document["as_of"]) >= end:
            return round(seconds, 2)
        time.sleep(0.01)
    raise StackError(
        "CB-STACK-HOUR-NOT-PUBLISHED",
        f"the hour to {end} was not published within {PATIENCE_SECONDS} s: see the logs of its "
        "run in the UI",
    )
