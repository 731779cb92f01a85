"""Who acted on the runs of a month, as Airflow's own database recorded it.

Airflow has no single record of that. It keeps the user who started a run, the user of each backfill
that made or reprocessed it, how often it was cleared, and a log of requests. All of them have user
names; the ids are those of the users who have these names and had them when they acted. An act
whose user cannot be determined counts as that of an unknown person. Only the API server may read
this database.
"""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from closebook.statements.release import RunAct

MONTH_DAG = "monthly_statements"
# After a failover this one closes months again.
_DAGS = frozenset({MONTH_DAG, "acknowledge_failover"})

_CLEARS = frozenset(
    {"clear_dag_run", "clear_dag_runs", "clear_dag_run_partitions", "post_clear_task_instances"}
)
_MARKS = frozenset(
    {"patch_dag_run", "bulk_dag_runs", "patch_task_instance", "patch_task_group_instances"}
)
# These change a task's XCom values, for example the id of the close that is rendered.
_CHANGES = frozenset({"create_xcom_entry", "update_xcom_entry", "delete_xcom_entry"})
_DELETIONS = frozenset({"delete_dag_run", "delete_task_instance"})
_STARTS = frozenset({"trigger_dag_run", "create_backfill"})
_CLI_CLEARS = frozenset({"cli_task_clear", "cli_dag_clear"})
_CLI_STARTS = frozenset({"cli_dag_trigger", "cli_create_backfill"})
_EVENTS = _CLEARS | _MARKS | _CHANGES | _DELETIONS | _STARTS | _CLI_CLEARS | _CLI_STARTS

_EVERY_DAG = (None, "~")
_SCHEDULED = "scheduled__"
_BACKFILLED = "backfill__"
# Airflow logs a request just before it carries it out.
_LOG_LEAD = timedelta(minutes=1)
_TIMEOUT = "set local statement_timeout = '10s'"
_REMOVED_LOG = "acts that Airflow's log no longer has"


@dataclass(frozen=True)
class LogEntry:
    """A row of Airflow's log: a request, its user's name, and what was asked for."""

    event: str
    owner: str | None
    dag_id: str | None
    run_id: str | None
    logged_at: datetime
    extra_text: str

    @property
    def extra(self) -> Mapping[str, Any]:
        """The fields of the request."""
        fields = json.loads(self.extra_text or "{}")
        return fields if isinstance(fields, dict) else {}

    def is_about(self, run_id: str, *, was_cleared: bool) -> bool:
        """Whether the request was, or may have been, about the run."""
        if self.run_id == run_id or json.dumps(run_id) in self.extra_text:
            return True
        if self.dag_id in _EVERY_DAG:
            return False
        is_of_many = self.run_id in _EVERY_DAG and self.event in _CLEARS - {"clear_dag_runs"}
        covers_other_runs = self.extra.get("include_past") or self.extra.get("include_future")
        # Airflow counts how often a run was cleared, unless it is told to leave the run alone.
        return bool(is_of_many or covers_other_runs) and (
            was_cleared or self.event in _MARKS or self.extra.get("reset_dag_runs") is False
        )

    def changes_something(self) -> bool:
        """Whether the request changed the run: a dry run and a note do not."""
        if self.event in _CLEARS - {"clear_dag_run_partitions"}:
            return not self.extra.get("dry_run", True)
        if self.event == "bulk_dag_runs":
            return '"state"' in self.extra_text or '"delete"' in self.extra_text
        if self.event in _MARKS:
            return any(self.extra.get(field) for field in ("state", "new_state"))
        return True


@dataclass(frozen=True)
class Backfill:
    """A backfill that made or reprocessed a run."""

    user_name: str | None
    created_at: datetime


@dataclass(frozen=True)
class RecordedRun:
    """A run, as Airflow has it, with the requests that may have been about it.

    ``is_unlogged_success`` is true if a task of the run is in the state success and Airflow's log
    has no such event of the task: somebody marked it.
    """

    run_id: str
    created_at: datetime
    user_name: str | None
    triggered_by: str | None
    clear_number: int
    backfills: Sequence[Backfill]
    log: Sequence[LogEntry]
    log_begins_at: datetime | None
    is_unlogged_success: bool

    def acts(self) -> Iterator[RunAct]:
        """Yield each act, with the user's name where Airflow has it."""
        yield self._start()
        reprocessed = [each for each in self.backfills if each.created_at > self.created_at]
        for each in reprocessed:
            yield self._backfilled(each)
        requests = [
            entry
            for entry in self.log
            if entry.event in _CLEARS | _MARKS | _CHANGES | _DELETIONS
            and entry.logged_at >= self.created_at
            and entry.is_about(self.run_id, was_cleared=self.clear_number > 0)
            and entry.changes_something()
        ]
        for entry in requests:
            yield RunAct(
                self.run_id, _verb(entry.event), None, entry.owner or None, entry.logged_at
            )
        by_command = [entry for entry in self._commands(_CLI_CLEARS) if self.clear_number]
        for entry in by_command:
            yield _by_command(self.run_id, "cleared", entry.owner, entry.logged_at)
        clears = sum(entry.event in _CLEARS | _MARKS for entry in requests)
        # guard: desk.each-clear-has-its-request
        if self.clear_number > len(reprocessed) + clears + len(by_command):
            yield RunAct(self.run_id, "cleared")
        if any(entry.event == "delete_dag_run" for entry in requests):
            yield RunAct(self.run_id, "made again after it was deleted")
        # guard: desk.log-reaches-back-to-the-run
        if self.log_begins_at is None or self.log_begins_at > self.created_at:
            yield RunAct(self.run_id, _REMOVED_LOG)
        if self.is_unlogged_success and not any(entry.event in _MARKS for entry in requests):
            yield RunAct(self.run_id, "marked")

    def _start(self) -> RunAct:
        if self.run_id.startswith(_SCHEDULED) and self.user_name is None:
            return RunAct(self.run_id, "scheduled", None, None, self.created_at)
        if self.run_id.startswith(_BACKFILLED):
            made_by = [each for each in self.backfills if each.created_at <= self.created_at]
            if not made_by:
                return RunAct(self.run_id, "backfilled")
            return self._backfilled(max(made_by, key=lambda each: each.created_at))
        started = ("triggered", self.user_name, self.created_at)
        # A backfill that reprocesses a run overwrites how it was triggered.
        is_request = self.triggered_by in {"ui", "rest_api"} or (
            self.triggered_by == "backfill"
            and self._was_requested("trigger_dag_run", self.user_name, self.created_at)
        )
        if not is_request:  # guard: desk.command-names-no-user
            return _by_command(self.run_id, *started)
        verb, name, started_at = started
        return RunAct(self.run_id, verb, None, name, started_at)

    def _backfilled(self, backfill: Backfill) -> RunAct:
        made = ("backfilled", backfill.user_name, backfill.created_at)
        if not self._was_requested("create_backfill", backfill.user_name, backfill.created_at):
            return _by_command(self.run_id, *made)
        verb, name, made_at = made
        return RunAct(self.run_id, verb, None, name, made_at)

    def _was_requested(self, event: str, user_name: str | None, at: datetime) -> bool:
        """Whether the last start before this instant was a request of this user, no command."""
        starts = [
            entry
            for entry in self.log
            if entry.event in {event, *_CLI_STARTS}
            and entry.dag_id in _DAGS
            and at - _LOG_LEAD <= entry.logged_at <= at
        ]
        last = max(starts, key=lambda entry: entry.logged_at, default=None)
        return last is not None and (last.event, last.owner) == (event, user_name)

    def _commands(self, events: frozenset[str]) -> list[LogEntry]:
        return [
            entry
            for entry in self.log
            if entry.event in events
            and entry.logged_at >= self.created_at
            and _names_a_dag(entry.dag_id)
        ]


def acts_of_runs(run_ids: Sequence[str]) -> list[RunAct]:
    """Return what Airflow recorded of the runs with these ids, of the DAGs that close months.

    A run that Airflow does not have gives no act. An act whose user is not known, or no user of
    Airflow, has no user_id.
    """
    from airflow.utils.session import create_session

    with create_session(scoped=False) as session:
        if session.get_bind().dialect.name == "postgresql":
            from sqlalchemy import text

            session.execute(text(_TIMEOUT))
        acts = [act for run in _recorded_runs(session, run_ids) for act in run.acts()]
        return [*_with_user_ids(session, acts)]


def _recorded_runs(session: Any, run_ids: Sequence[str]) -> Iterator[RecordedRun]:
    from airflow.models.backfill import Backfill as AirflowBackfill
    from airflow.models.backfill import BackfillDagRun
    from airflow.models.dagrun import DagRun
    from airflow.models.log import Log
    from sqlalchemy import func, or_, select

    rows = session.execute(
        select(
            DagRun.id,
            DagRun.run_id,
            DagRun.created_at,
            DagRun.run_after,
            DagRun.triggering_user_name,
            DagRun.triggered_by,
            DagRun.clear_number,
        ).where(DagRun.dag_id.in_(_DAGS), DagRun.run_id.in_(run_ids))
    ).all()
    if not rows:
        return
    oldest = min(row.created_at or row.run_after for row in rows)
    log = [
        LogEntry(
            row.event, row.owner or None, row.dag_id, row.run_id, _utc(row.dttm), row.extra or ""
        )
        for row in session.execute(
            select(Log.event, Log.owner, Log.dag_id, Log.run_id, Log.dttm, Log.extra).where(
                Log.event.in_(_EVENTS),
                Log.dttm >= oldest - _LOG_LEAD,
                or_(
                    Log.dag_id.is_(None),
                    Log.dag_id.in_([*_DAGS, "~"]),
                    Log.event.in_(_CLI_CLEARS),
                ),
            )
        )
    ]
    log_begins_at = session.scalar(select(func.min(Log.dttm)))
    for row in rows:
        backfills = session.execute(
            select(AirflowBackfill.triggering_user_name, AirflowBackfill.created_at)
            .join(BackfillDagRun, BackfillDagRun.backfill_id == AirflowBackfill.id)
            .where(BackfillDagRun.dag_run_id == row.id)
        ).all()
        yield RecordedRun(
            run_id=row.run_id,
            created_at=_utc(row.created_at or row.run_after),
            user_name=row.triggering_user_name or None,
            triggered_by=None if row.triggered_by is None else row.triggered_by.value,
            clear_number=row.clear_number,
            backfills=[Backfill(each[0] or None, _utc(each[1])) for each in backfills],
            log=log,
            log_begins_at=None if log_begins_at is None else _utc(log_begins_at),
            is_unlogged_success=_has_unlogged_success(session, row.run_id),
        )


def _has_unlogged_success(session: Any, run_id: str) -> bool:
    from airflow.models.log import Log
    from airflow.models.taskinstance import TaskInstance
    from sqlalchemy import func, select

    said_so = (
        select(Log.id)
        .where(
            Log.event == "success",
            Log.dag_id == TaskInstance.dag_id,
            Log.run_id == TaskInstance.run_id,
            Log.task_id == TaskInstance.task_id,
            func.coalesce(Log.map_index, -1) == TaskInstance.map_index,
        )
        .exists()
    )
    counted = session.scalar(
        select(func.count())
        .select_from(TaskInstance)
        .where(
            TaskInstance.dag_id.in_(_DAGS),
            TaskInstance.run_id == run_id,
            TaskInstance.state == "success",
            ~said_so,
        )
    )
    return bool(counted)


def _with_user_ids(session: Any, acts: Sequence[RunAct]) -> Iterator[RunAct]:
    from airflow.providers.fab.auth_manager.models import User
    from sqlalchemy import select

    names = {act.user_name for act in acts if act.user_name and not isinstance(act, _ActByCommand)}
    users = {
        row.username: (str(row.id), row.created_on)
        for row in session.execute(
            select(User.id, User.username, User.created_on).where(User.username.in_(names))
        )
    }
    for act in acts:
        user_id, created_on = users.get(act.user_name, (None, None))
        # FAB writes the local time of its server, without a zone.
        # guard: desk.name-is-of-the-user-who-acted
        is_theirs = (
            created_on is not None
            and act.acted_at is not None
            and created_on <= act.acted_at.astimezone().replace(tzinfo=None)
        )
        known = user_id if is_theirs and not isinstance(act, _ActByCommand) else None
        yield RunAct(act.run_id, act.act, known, act.user_name, act.acted_at)


class _ActByCommand(RunAct):
    """An act by Airflow's command line: the name is one of the operating system."""


def _by_command(run_id: str, verb: str, name: str | None, at: datetime) -> RunAct:
    return _ActByCommand(run_id, f"{verb} by command", None, name, at)


def _verb(event: str) -> str:
    if event in _CLEARS:
        return "cleared"
    if event in _MARKS:
        return "marked"
    return "deleted" if event in _DELETIONS else "changed"


def _names_a_dag(dag_id: str | None) -> bool:
    """Whether the argument of a command, which may be a pattern, names a DAG that closes months."""
    if dag_id is None:
        return False
    try:
        return any(re.search(dag_id, each) for each in _DAGS)
    except re.error:
        return True


def _utc(instant: datetime) -> datetime:
    return instant.replace(tzinfo=UTC) if instant.tzinfo is None else instant.astimezone(UTC)
