"""From an hour's run to the counter in Redis through Airflow, and Airflow's share of it.

The runs are triggered by hand, for an hour that is closed already: what a run does when its hour
ends, without waiting for the hour. Real scheduled runs, where the stack has lived through the
end of an hour, are reported beside them.
"""

import time
from datetime import datetime
from typing import Any

import redis

from benchmarks.platform import Stage
from benchmarks.timing import Results, alternate
from closebook import counter, volume
from closebook.counter import COUNTER_KEY
from closebook.settings import Run
from local.airflow_api import AirflowApi
from local.errors import StackError

DAG = "hourly_platform_volume"
PATIENCE_SECONDS = 120


def measure(stage: Stage, results: Results) -> None:
    """Let Airflow and a bare process close and publish the same hour in turns."""
    stack = stage.stack
    client = redis.Redis.from_url(stack.redis_url)
    with AirflowApi.login(stack.ui_url, "admin", stack.credentials["admin"]) as airflow:
        airflow.wait_for_dags((DAG,), seconds=60)
        airflow.unpause(DAG)
        timed = alternate(
            {
                "through Airflow": lambda: _through_airflow(airflow, client, stage),
                "close and publish alone": lambda: _alone(stage),
            }
        )
        scheduled = _scheduled_runs(airflow)
    share = (
        timed["through Airflow"].median_seconds - timed["close and publish alone"].median_seconds
    )
    results.report(
        "Hour to counter",
        timed,
        "close and publish alone",
        airflows_own_seconds=round(share, 2),
        scheduled_runs_from_end_of_hour_to_end_of_run=scheduled or "none on this stack yet",
    )


def _through_airflow(airflow: AirflowApi, client: "redis.Redis", stage: Stage) -> None:
    client.delete(COUNTER_KEY)
    body = {"logical_date": None, "conf": {"hour": stage.hour.start.isoformat()}}
    airflow.post(f"dags/{DAG}/dagRuns", body)
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not client.exists(COUNTER_KEY):
        if time.monotonic() > deadline:
            raise StackError(f"the counter was not published within {PATIENCE_SECONDS} s")
        time.sleep(0.01)


def _alone(stage: Stage) -> None:
    run = Run("benchmark")
    volume.close_hour(stage.settings, stage.hour, run)
    counter.publish(stage.settings, run)


def _scheduled_runs(airflow: AirflowApi) -> list[float]:
    runs = airflow.get(f"dags/{DAG}/dagRuns", run_type="scheduled", state="success", limit=100)
    return [round(_seconds(run), 2) for run in runs["dag_runs"] if _seconds(run) < PATIENCE_SECONDS]


def _seconds(run: dict[str, Any]) -> float:
    ended, hour_ended = (
        datetime.fromisoformat(run[key]) for key in ("end_date", "data_interval_end")
    )
    return (ended - hour_ended).total_seconds()
