"""What tests of Airflow's runs share: how they start runs, and wait for their end."""

import json
import time
from datetime import datetime
from typing import Any

from local.airflow_api import AirflowApi

DAGS = ("hourly_platform_volume", "daily_rollups", "monthly_statements", "database_health")
RUN_SECONDS = 240
# How long the tests' Airflow keeps a user's roles.
ROLE_SECONDS = 2
CROSS_CHECKED = {"reason": "a test", "cross_check": True}


def run_backfill(
    airflow: AirflowApi,
    dag_id: str,
    first: datetime,
    last: datetime,
    count: int,
) -> None:
    airflow.backfill(dag_id, first, last, conf=CROSS_CHECKED, max_active_runs=4)
    airflow.unpause(dag_id)
    wait_for_runs(airflow, dag_id, first, last, count)


def wait_for_runs(
    airflow: AirflowApi, dag_id: str, first: datetime, last: datetime, count: int
) -> None:
    deadline = time.monotonic() + RUN_SECONDS
    while (counts := airflow.run_counts(dag_id, first, last)).success < count:
        assert not counts.failed, airflow.failures(dag_id, first, last)
        assert time.monotonic() < deadline, counts
        time.sleep(0.5)


def wait_for_run(airflow: AirflowApi, dag_id: str, run_id: str) -> None:
    assert wait_for_end(airflow, dag_id, run_id) == "success"


def wait_for_end(airflow: AirflowApi, dag_id: str, run_id: str) -> str:
    deadline = time.monotonic() + RUN_SECONDS
    while True:
        state = str(airflow.get(f"dags/{dag_id}/dagRuns/{run_id}")["state"])
        if state in {"success", "failed"}:
            return state
        assert time.monotonic() < deadline, state
        time.sleep(0.5)


def run_ids(airflow: AirflowApi, dag_id: str, start: datetime) -> list[str]:
    runs: list[dict[str, Any]] = airflow.get(
        f"dags/{dag_id}/dagRuns",
        logical_date_gte=start.isoformat(),
        logical_date_lte=start.isoformat(),
    )["dag_runs"]
    return [run["dag_run_id"] for run in runs]


def task_log(airflow: AirflowApi, dag_id: str, run_id: str, task_id: str) -> str:
    path = f"dags/{dag_id}/dagRuns/{run_id}/taskInstances/{task_id}/logs/1"
    return json.dumps(airflow.get(path, full_content="true"))
