"""Airflow's REST API, as a person with a log-in uses it."""

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus
from typing import Any

import httpx

from local.errors import StackError

TIMEOUT_SECONDS = 30.0
POLL_SECONDS = 0.5
END_NOTICED_SECONDS = 90.0


@dataclass(frozen=True)
class RunCounts:
    """How many runs of a DAG there are, in all and by state."""

    total: int
    success: int
    failed: int

    @property
    def done(self) -> int:
        """Runs that have ended, in success or failure."""
        return self.success + self.failed


@dataclass(frozen=True)
class AirflowApi:
    """A logged-in client of /api/v2. Raises StackError with Airflow's text for every failure."""

    client: httpx.Client

    @staticmethod
    @contextmanager
    def login(url: str, user: str, password: str) -> Iterator["AirflowApi"]:
        """Log in with a user's name and password."""
        # Without the environment's proxy, which cannot reach loopback nor may see the password.
        with httpx.Client(base_url=url, timeout=TIMEOUT_SECONDS, trust_env=False) as client:
            try:
                answer = client.post("/auth/token", json={"username": user, "password": password})
                _refuse_error(answer, f"log in as {user}")
                client.headers["Authorization"] = f"Bearer {answer.json()['access_token']}"
                yield AirflowApi(client)
            except httpx.TransportError as error:
                raise StackError(
                    "CB-STACK-AIRFLOW-NOT-REACHED",
                    f"Airflow at {url} does not answer ({error}): see `make status`, and the"
                    " logs that it names; `make up` starts what has ended",
                ) from error

    def get(self, path: str, **parameters: str | int) -> dict[str, Any]:
        """Read one resource."""
        answer = self.client.get(f"/api/v2/{path}", params=parameters)
        _refuse_error(answer, f"read {path}")
        content: dict[str, Any] = answer.json()
        return content

    def post(self, path: str, body: Mapping[str, Any]) -> dict[str, Any]:
        """Create something."""
        answer = self.client.post(f"/api/v2/{path}", json=dict(body))
        _refuse_error(answer, f"create {path}")
        content: dict[str, Any] = answer.json()
        return content

    def unpause(self, dag_id: str) -> None:
        """Let a DAG's runs be scheduled."""
        self._switch(dag_id, is_paused=False)

    def pause(self, dag_id: str) -> None:
        """Let no more runs of a DAG be scheduled."""
        self._switch(dag_id, is_paused=True)

    def _switch(self, dag_id: str, *, is_paused: bool) -> None:
        answer = self.client.patch(f"/api/v2/dags/{dag_id}", json={"is_paused": is_paused})
        _refuse_error(answer, f"{'pause' if is_paused else 'unpause'} {dag_id}")

    def wait_for_dags(self, dag_ids: tuple[str, ...], *, seconds: float) -> None:
        """Wait until Airflow lists the DAGs, which the DAG processor has to parse first."""
        deadline = time.monotonic() + seconds
        while True:
            known = {dag["dag_id"] for dag in self.get("dags", limit=100)["dags"]}
            if known.issuperset(dag_ids):
                return
            if time.monotonic() > deadline:
                missing = ", ".join(sorted(set(dag_ids) - known))
                errors = self.get("importErrors")["import_errors"]
                raise StackError(
                    "CB-STACK-DAGS-NOT-SHOWN",
                    f"Airflow does not show {missing} after {seconds:.0f} s: correct what the DAG"
                    " processor says, here or in its log",
                ).with_log(errors[0]["stack_trace"] if errors else "")
            time.sleep(POLL_SECONDS)

    def backfill(
        self,
        dag_id: str,
        first: datetime,
        last: datetime,
        *,
        conf: Mapping[str, Any],
        max_active_runs: int,
    ) -> int:
        """Start a backfill of the intervals that begin from first to last; return its id.

        Intervals that have run already run again. Airflow allows one backfill a DAG at a time
        and notices the end of one only now and then: that is waited for.
        """
        self.wait_for_backfills(dag_id)
        started = self.post(
            "backfills",
            {
                "dag_id": dag_id,
                "from_date": first.isoformat(),
                "to_date": last.isoformat(),
                "dag_run_conf": dict(conf),
                "reprocess_behavior": "completed",
                "max_active_runs": max_active_runs,
            },
        )
        return int(started["id"])

    def wait_for_backfills(self, dag_id: str) -> None:
        """Wait until Airflow has noticed the end of a DAG's backfills, but not for ever."""
        deadline = time.monotonic() + END_NOTICED_SECONDS
        while self._running_backfills(dag_id) and time.monotonic() < deadline:
            time.sleep(POLL_SECONDS)

    def _running_backfills(self, dag_id: str) -> list[dict[str, Any]]:
        backfills = self.get("backfills", dag_id=dag_id, limit=100)["backfills"]
        return [backfill for backfill in backfills if backfill["completed_at"] is None]

    def run_counts(self, dag_id: str, first: datetime, last: datetime) -> RunCounts:
        """Count a DAG's runs whose interval begins from first to last, by state."""
        states = [run["state"] for run in self.runs(dag_id, first, last)]
        return RunCounts(len(states), states.count("success"), states.count("failed"))

    def failures(self, dag_id: str, first: datetime, last: datetime) -> list[str]:
        """Name the failed runs whose interval begins from first to last."""
        runs = self.runs(dag_id, first, last)
        return [run["dag_run_id"] for run in runs if run["state"] == "failed"]

    def end_runs(self, dag_id: str) -> None:
        """Cancel a DAG's backfills and fail its running and queued runs."""
        self.end_backfills(dag_id)
        for state in ("queued", "running"):
            while runs := self.get(f"dags/{dag_id}/dagRuns", state=state, limit=100)["dag_runs"]:
                for run in runs:
                    path = f"/api/v2/dags/{dag_id}/dagRuns/{run['dag_run_id']}"
                    answer = self.client.patch(path, json={"state": "failed"})
                    _refuse_error(answer, f"end {run['dag_run_id']}")

    def end_backfills(self, dag_id: str) -> None:
        """Cancel a DAG's backfills. Airflow may list one as running after its runs have ended."""
        for backfill in self._running_backfills(dag_id):
            answer = self.client.put(f"/api/v2/backfills/{backfill['id']}/cancel")
            # A conflict: Airflow has completed it in the meantime.
            if answer.status_code != HTTPStatus.CONFLICT:
                _refuse_error(answer, f"cancel backfill {backfill['id']}")

    def runs(self, dag_id: str, first: datetime, last: datetime) -> list[dict[str, Any]]:
        """A DAG's runs whose interval begins from first to last."""
        runs: list[dict[str, Any]] = []
        while True:
            page = self.get(
                f"dags/{dag_id}/dagRuns",
                limit=100,
                offset=len(runs),
                order_by="logical_date",
                logical_date_gte=first.isoformat(),
                logical_date_lte=last.isoformat(),
            )
            runs += page["dag_runs"]
            if not page["dag_runs"] or len(runs) >= page["total_entries"]:
                return runs


def _refuse_error(answer: httpx.Response, what: str) -> None:
    if answer.is_error:
        raise StackError(
            "CB-STACK-AIRFLOW-REFUSED",
            f"Airflow refused to {what} ({answer.status_code}): see the log of its api_server,"
            " correct that, and run the command again",
        ).with_log(answer.text[:500])
