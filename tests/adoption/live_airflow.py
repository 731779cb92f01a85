"""Airflow as somebody who follows docs/adopt.md starts it: its programs, and a log-in."""

import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from typing import Any

from local.airflow_api import AirflowApi
from local.airflow_home import COMPONENTS
from tests.newcomer import Newcomer

START_SECONDS = 180
RUN_SECONDS = 420
STOP_SECONDS = 20


@contextmanager
def running(newcomer: Newcomer) -> Iterator[None]:
    """Run Airflow in the environment that the steps have exported."""
    airflow = replace(newcomer.airflow, environment=newcomer.environment)
    started: list[subprocess.Popen[bytes]] = []
    waiting: list[Callable[[], bool]] = []
    try:
        for component, is_ready in map(airflow.component, COMPONENTS):
            waiting.append(is_ready)
            with component.log.open("wb") as log:
                started.append(
                    subprocess.Popen(
                        component.argv,
                        cwd=component.directory,
                        env=dict(newcomer.environment),
                        stdout=log,
                        stderr=subprocess.STDOUT,
                        start_new_session=True,
                    )
                )
        for is_ready in waiting:
            eventually(is_ready, START_SECONDS)
        yield
    finally:
        for process in started:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGTERM)
        for process in started:
            with suppress(subprocess.TimeoutExpired):
                process.wait(STOP_SECONDS)
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def wait_for_success(airflow: AirflowApi, dag_id: str, run_type: str) -> None:
    """Wait until the run of this type, of which there is one, has ended well."""

    def has_succeeded() -> bool:
        runs: list[dict[str, Any]] = airflow.get(f"dags/{dag_id}/dagRuns", run_type=run_type)[
            "dag_runs"
        ]
        states = {run["state"] for run in runs}
        assert "failed" not in states, runs
        return states == {"success"}

    eventually(has_succeeded, RUN_SECONDS)


def eventually(condition: Callable[[], bool], seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "what the test waits for did not happen"
        time.sleep(0.5)
