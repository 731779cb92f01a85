"""Whoever acted on a run of a month does not release it, however Airflow recorded the act.

The runs are Airflow's own. The DAG is paused, so that they only wait, and the store is told that
they closed September.
"""

import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import psycopg
import pytest

from closebook.desk.run_acts import MONTH_DAG
from local import REPOSITORY
from local.airflow_api import AirflowApi
from local.airflow_home import Airflow
from tests.airflow_runs import DAGS
from tests.closes.october import SEPTEMBER
from tests.desk.conftest import Desk
from tests.desk.test_airflow_forms import with_role

SECOND_PERSON = "a second person, who acted on no run of the month, has to decide"
UNKNOWN = "it is not known who acted on a run"
MAY_RELEASE = "You can release this month."


@dataclass
class Runs:
    """Airflow as an admin and as the approver, who may start and clear runs here."""

    desk: Desk
    admin: AirflowApi
    approver: AirflowApi

    def started_by(self, person: AirflowApi, **options: Any) -> str:
        """The id of a new run that this person started; the store says that it closed September."""
        run = person.post(
            f"dags/{MONTH_DAG}/dagRuns", {"logical_date": None, "conf": {}, **options}
        )
        self.closed_september(run["dag_run_id"])
        return str(run["dag_run_id"])

    def closed_september(self, run_id: str) -> None:
        close_id = self.desk.closes["september"]
        with self.desk.owner() as owner:
            for table in ("closes", "statement_documents", "statement_manifests"):
                owner.execute(
                    f"update reporting.{table} set run_id = %s, requested_by = null"  # noqa: S608
                    " where close_id = %s".encode(),
                    [run_id, close_id],
                )
            owner.execute(
                "update reporting.tie_outs set run_id = %s where close_id = %s", [run_id, close_id]
            )

    def review(self) -> str:
        """The page on which the approver decides about September."""
        return self.desk.get("approver", "/releases/2026-09").text

    def end(self, run_id: str) -> None:
        """Give the run the state of one that has ended, without an act of anybody."""
        self.in_metadata("update dag_run set state = 'success' where run_id = %s", run_id)

    def in_metadata(self, statement: str, *parameters: object) -> None:
        with psycopg.connect(self.desk.stack.store_admin("airflow")) as metadata:
            metadata.execute(statement.encode(), parameters)


@pytest.fixture(scope="module")
def runs(desk: Desk) -> Iterator[Runs]:
    stack = desk.stack
    with (
        AirflowApi.login(stack.ui_url, "admin", stack.credentials["admin"]) as admin,
        with_role(stack, "approver", "Op"),
        AirflowApi.login(stack.ui_url, "approver", stack.credentials["approver"]) as approver,
    ):
        admin.wait_for_dags(DAGS, seconds=60)
        admin.client.patch(f"/api/v2/dags/{MONTH_DAG}", json={"is_paused": True})
        made = Runs(desk, admin, approver)
        yield made
        made.in_metadata("update backfill set completed_at = now() where completed_at is null")
        made.in_metadata("update dag_run set backfill_id = null where dag_id = %s", MONTH_DAG)
        made.in_metadata("delete from dag_run where dag_id = %s and state <> 'running'", MONTH_DAG)


def backfilled(runs: Runs, person: AirflowApi, **options: Any) -> str:
    """The run of September after a backfill of this person."""
    runs.in_metadata("update backfill set completed_at = now() where completed_at is null")
    body = {
        "dag_id": MONTH_DAG,
        "from_date": SEPTEMBER.start.isoformat(),
        "to_date": SEPTEMBER.start.isoformat(),
        "dag_run_conf": None,
        "reprocess_behavior": "completed",
        "max_active_runs": 1,
        **options,
    }
    person.post("backfills", body)
    [run] = runs.admin.runs(MONTH_DAG, SEPTEMBER.start, SEPTEMBER.start)
    run_id: str = run["dag_run_id"]
    runs.closed_september(run_id)
    return run_id


def test_a_run_that_another_user_started_is_released_by_the_approver(runs: Runs) -> None:
    runs.started_by(runs.admin)
    page = runs.review()
    assert MAY_RELEASE in page
    assert "triggered" in page


def test_who_started_the_run_does_not_release_it(runs: Runs) -> None:
    runs.started_by(runs.approver)
    assert SECOND_PERSON in runs.review()


def clear_tasks(person: AirflowApi, run_id: str) -> None:
    person.post(
        f"dags/{MONTH_DAG}/clearTaskInstances",
        {
            "dry_run": False,
            "dag_run_id": run_id,
            "only_failed": False,
            "task_ids": ["freeze_lines"],
        },
    )


def clear_run(person: AirflowApi, run_id: str) -> None:
    person.post(f"dags/{MONTH_DAG}/dagRuns/{run_id}/clear", {"dry_run": False})


def clear_runs(person: AirflowApi, run_id: str) -> None:
    body = {"dry_run": False, "dag_runs": [{"dag_id": MONTH_DAG, "dag_run_id": run_id}]}
    person.post("dags/~/clearDagRuns", body)


def clear_without_the_run(person: AirflowApi, run_id: str) -> None:
    person.post(
        f"dags/{MONTH_DAG}/clearTaskInstances",
        {
            "dry_run": False,
            "dag_run_id": run_id,
            "only_failed": False,
            "reset_dag_runs": False,
            "task_ids": ["write_manifest"],
        },
    )


def mark_run(person: AirflowApi, run_id: str) -> None:
    path = f"/api/v2/dags/{MONTH_DAG}/dagRuns/{run_id}"
    person.client.patch(path, json={"state": "failed"}).raise_for_status()


def mark_runs(person: AirflowApi, run_id: str) -> None:
    entity = {"dag_run_id": run_id, "state": "failed"}
    body = {"actions": [{"action": "update", "entities": [entity]}]}
    person.client.patch(f"/api/v2/dags/{MONTH_DAG}/dagRuns", json=body).raise_for_status()


def mark_task(person: AirflowApi, run_id: str) -> None:
    path = f"/api/v2/dags/{MONTH_DAG}/dagRuns/{run_id}/taskInstances/freeze_lines"
    person.client.patch(path, json={"new_state": "success"}).raise_for_status()


ACTS: list[Callable[[AirflowApi, str], None]] = [
    clear_tasks,
    clear_run,
    clear_runs,
    clear_without_the_run,
    mark_run,
    mark_runs,
    mark_task,
]


@pytest.mark.parametrize("act", ACTS)
def test_who_acted_on_the_run_of_another_user_does_not_release_it(
    runs: Runs, act: Callable[[AirflowApi, str], None]
) -> None:
    run_id = runs.started_by(runs.admin)
    assert MAY_RELEASE in runs.review()
    act(runs.approver, run_id)
    page = runs.review()
    assert SECOND_PERSON in page
    assert UNKNOWN not in page


@pytest.mark.parametrize("act", ACTS)
def test_who_did_not_act_on_the_run_may_release_it(
    runs: Runs, act: Callable[[AirflowApi, str], None]
) -> None:
    act(runs.admin, runs.started_by(runs.admin))
    assert MAY_RELEASE in runs.review()


def test_a_dry_run_of_a_clear_and_a_note_do_not_count_as_acts(runs: Runs) -> None:
    run_id = runs.started_by(runs.admin)
    runs.approver.post(f"dags/{MONTH_DAG}/dagRuns/{run_id}/clear", {"dry_run": True})
    runs.approver.post(f"dags/{MONTH_DAG}/clearTaskInstances", {"dag_run_id": run_id})
    path = f"/api/v2/dags/{MONTH_DAG}/dagRuns/{run_id}"
    runs.approver.client.patch(path, json={"note": "looks right"}).raise_for_status()
    assert MAY_RELEASE in runs.review()


def test_clearing_another_run_is_no_act_on_this_one(runs: Runs) -> None:
    other = runs.started_by(runs.admin)
    runs.started_by(runs.admin)
    clear_run(runs.approver, other)
    assert MAY_RELEASE in runs.review()


def test_who_backfilled_does_not_release(runs: Runs) -> None:
    backfilled(runs, runs.approver)
    assert SECOND_PERSON in runs.review()


def test_who_backfilled_the_run_of_another_user_again_does_not_release(runs: Runs) -> None:
    runs.in_metadata(
        "update dag_run set backfill_id = null, state = 'success' where dag_id = %s", MONTH_DAG
    )
    runs.in_metadata("delete from dag_run where dag_id = %s", MONTH_DAG)
    run_id = backfilled(runs, runs.admin)
    assert MAY_RELEASE in runs.review()
    runs.end(run_id)
    assert backfilled(runs, runs.approver) == run_id
    page = runs.review()
    assert SECOND_PERSON in page
    assert UNKNOWN not in page


def airflow(runs: Runs, *arguments: str) -> None:
    """Run Airflow's command line on the machine of the stack."""
    done = subprocess.run(  # our own interpreter
        [sys.executable, "-m", "airflow", *arguments],
        cwd=REPOSITORY,
        env=dict(Airflow.of(runs.desk.stack).environment),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]


def test_nobody_releases_what_a_command_started_or_cleared(runs: Runs) -> None:
    # An id of our own finds the run
    run_id = f"by_command_{datetime.now(UTC).timestamp()}"
    airflow(runs, "dags", "trigger", MONTH_DAG, "--run-id", run_id)
    runs.closed_september(run_id)
    page = runs.review()
    assert UNKNOWN in page
    assert "triggered by command" in page
    # And one that the approver's colleague started, and a command cleared
    run_id = runs.started_by(runs.admin, logical_date=SEPTEMBER.end.isoformat())
    day = SEPTEMBER.end.isoformat()
    airflow(runs, "tasks", "clear", "--yes", "-s", day, "-e", day, MONTH_DAG)
    page = runs.review()
    assert UNKNOWN in page
    assert "cleared by command" in page


def test_nobody_releases_what_a_user_did_whom_airflow_does_not_have_any_more(runs: Runs) -> None:
    run_id = runs.started_by(runs.admin)
    clear_run(runs.approver, run_id)
    rename = "update ab_user set username = %s where username = %s"
    runs.in_metadata(rename, "approver of before", "approver")
    try:
        [act] = [act for act in recorded(runs, run_id) if act.act == "cleared"]
        assert (act.user_id, act.user_name) == (None, "approver")
    finally:
        runs.in_metadata(rename, "approver", "approver of before")
    assert SECOND_PERSON in runs.review()


def test_a_user_who_got_the_name_later_did_not_do_it(runs: Runs) -> None:
    run_id = runs.started_by(runs.admin)
    moved = "update ab_user set created_on = created_on + interval '9 days' * %s where id = 1"
    runs.in_metadata(moved, 1)
    try:
        assert UNKNOWN in runs.review()
    finally:
        runs.in_metadata(moved, -1)
    assert MAY_RELEASE in runs.review()
    assert run_id in runs.review()


@pytest.mark.parametrize(
    "loss",
    [
        "delete from dag_run where run_id = %s",
        "delete from log where run_id = %s or event in ('trigger_dag_run', 'clear_dag_run')",
    ],
    ids=["the run", "the requests"],
)
def test_nobody_releases_a_run_of_which_airflow_lost_the_record(runs: Runs, loss: str) -> None:
    run_id = runs.started_by(runs.admin)
    clear_run(runs.admin, run_id)
    assert MAY_RELEASE in runs.review()
    runs.in_metadata(loss, run_id)
    assert UNKNOWN in runs.review()


def test_nobody_releases_a_run_that_was_cleared_without_a_request(runs: Runs) -> None:
    run_id = runs.started_by(runs.admin)
    runs.in_metadata("update dag_run set clear_number = clear_number + 1 where run_id = %s", run_id)
    assert UNKNOWN in runs.review()


def test_nobody_releases_a_run_that_is_older_than_airflows_log(runs: Runs) -> None:
    run_id = runs.started_by(runs.admin)
    runs.in_metadata("update dag_run set created_at = '2020-01-01' where run_id = %s", run_id)
    page = runs.review()
    assert UNKNOWN in page
    assert "acts that Airflow&#39;s log no longer has" in page


def test_a_task_that_was_marked_without_a_trace_is_somebodys_act(runs: Runs) -> None:
    run_id = runs.started_by(runs.admin)
    path = f"/api/v2/dags/{MONTH_DAG}/dagRuns/{run_id}/taskInstances"
    entity = {"task_id": "freeze_lines", "new_state": "success"}
    body = {"actions": [{"action": "update", "entities": [entity]}]}
    runs.approver.client.patch(path, json=body).raise_for_status()
    assert UNKNOWN in runs.review()


def recorded(runs: Runs, run_id: str) -> list[Any]:
    """What the desk reads of Airflow's database, as the API server would."""
    from sqlalchemy import create_engine
    from sqlalchemy.orm import Session

    from closebook.desk import run_acts

    url = Airflow.of(runs.desk.stack).metadata_url
    with Session(create_engine(url)) as session:
        found = [act for run in run_acts._recorded_runs(session, [run_id]) for act in run.acts()]
        return [*run_acts._with_user_ids(session, found)]
