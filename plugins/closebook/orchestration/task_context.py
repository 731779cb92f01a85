"""The context of a running task: settings, parameters, and the period to close."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from functools import partial
from typing import Any, NoReturn

from airflow.sdk import get_current_context
from airflow.sdk.exceptions import AirflowRescheduleException
from airflow.sdk.types import DagRunProtocol

from closebook import periods
from closebook.closes import boundaries
from closebook.closes.failover import Acknowledgement
from closebook.errors import Misconfigured
from closebook.orchestration.dag_defaults import START_DATE
from closebook.orchestration.run_start import RunStart
from closebook.periods import MICROSECOND, Grain, Period
from closebook.settings import Run, Settings, from_airflow
from closebook.settings.close_settings import documents_from_airflow
from closebook.statements.holder_reasons import known_holder_reason
from closebook.typed_text import typed_text

MAX_DAYS_OF_A_RANGE = timedelta(days=3660)

BETWEEN_TASKS = timedelta(seconds=15)
"""Until Airflow starts a task that gave its work back. Its executor has to see the end of the first
process before: otherwise the scheduler takes that end for a failure of the second one."""


@dataclass(frozen=True)
class TaskContext:
    """The settings, the run, the parameters and the data interval of a running task.

    ``closed_from`` looks up a closed day or month by the instant at which it begins. It is needed
    for a run that was made under earlier rules of the time zone, whose interval is no day or month
    of today's rules.
    """

    settings: Settings
    run: Run
    parameters: Mapping[str, Any]
    interval_start: datetime | None
    is_backfill: bool = False
    interval_end: datetime | None = None
    closed_from: Callable[[Grain, datetime], Period | None] = lambda _grain, _start: None

    def hour(self) -> Period:
        """The hour that the parameter names, or else the one of the run's interval."""
        named = self._text_parameter("hour")
        return periods.hour_of(
            periods.parsed_instant(named) if named else self._interval_start("hour")
        )

    def day(self) -> Period:
        """The business day that the parameter names, or else the one of the run's interval."""
        zone = self.settings.time_zone
        named = self._text_parameter("day")
        if named:
            return periods.day_of(_date(named), zone)
        return self._scheduled(Grain.DAY, periods.day_containing)

    def days(self) -> list[Period]:
        """The business days of the range that the parameters name; none if they name none."""
        first, last = self._text_parameter("first_day"), self._text_parameter("last_day")
        if not first and not last:
            return []
        # guard: range.both-bounds-and-no-day
        if not first or not last or self._text_parameter("day"):
            raise Misconfigured(
                "CB-CONFIG-RANGE-INCOMPLETE",
                "a range of days needs both first_day and last_day, and an empty day: trigger it "
                "again with these",
            )
        first_day, last_day = _date(first), _date(last)
        is_too_long = last_day - first_day > MAX_DAYS_OF_A_RANGE
        # guard: range.mistyped-year
        if first_day < START_DATE.date() or is_too_long or last_day == date.max:
            raise Misconfigured(
                "CB-CONFIG-RANGE-IMPOSSIBLE",
                f"{first} to {last} is no range to close: it begins in {START_DATE.year} or later "
                "and has ten years at most; trigger it again with the years that are meant",
            )
        days = [*periods.days_between(first_day, last_day, self.settings.time_zone)]
        if not days:
            raise Misconfigured(
                "CB-CONFIG-RANGE-EMPTY",
                f"there is no day from {first} to {last}: trigger it with others",
            )
        return days

    def month(self) -> Period:
        """The business month that the parameter names, or else the one of the run's interval."""
        zone = self.settings.time_zone
        named = self._text_parameter("month")
        if named:
            return periods.parse_month(named, zone)
        return self._scheduled(Grain.MONTH, periods.month_containing)

    def acknowledgement(self) -> Acknowledgement:
        """The timeline that the parameters acknowledge. Raises Misconfigured."""
        return Acknowledgement.parsed(
            self.parameters.get("timeline"), self.parameters.get("common_lsn")
        )

    def account_ids(self) -> list[str] | None:
        """The keys of the accounts that the parameter names, or None for all of them."""
        named = self.parameters.get("account_ids")
        return [str(account_id) for account_id in named] if named else None

    def _text_parameter(self, parameter: str) -> str | None:
        """Return the parameter's value. In a backfill it must be empty: each run has its period."""
        named: str | None = self.parameters.get(parameter)
        if named and self.is_backfill:  # guard: schedule.backfill-names-no-period
            raise Misconfigured(
                "CB-CONFIG-BACKFILL-NAMES-PERIOD",
                f"this backfill names the {parameter} {named}: each of its runs would close that "
                f"one; start it again with an empty {parameter}",
            )
        return named

    def _interval_start(self, parameter: str) -> datetime:
        if self.interval_start is None:
            raise Misconfigured(
                "CB-CONFIG-NO-DATA-INTERVAL",
                f"this run has no data interval: trigger it with the parameter {parameter}",
            )
        return self.interval_start

    def _scheduled(self, grain: Grain, containing: Callable[[datetime, str], Period]) -> Period:
        """Return the period of the run's interval.

        Earlier versions of Closebook used Airflow's cron timetable. It began a day at the second of
        two midnights; and for a run by hand on the day after a missing midnight it gave an interval
        of no length, for the day before. Such runs can still be cleared.
        """
        start, zone = self._interval_start(grain), self.settings.time_zone
        period = containing(start, zone)
        if periods.begins_at(period, start):
            if self.interval_end == start:  # guard: schedule.interval-of-no-length
                return containing(start - MICROSECOND, zone)
            if self.interval_end is None or periods.begins_at(
                containing(period.end, zone), self.interval_end
            ):
                return period
        recorded = self.closed_from(grain, start)
        if recorded is not None:
            return recorded
        # guard: schedule.one-time-zone
        raise Misconfigured(
            "CB-CONFIG-SCHEDULE-ZONE-DIFFERS",
            f"the run's interval begins at {start.isoformat()}, which is no boundary in {zone}, or "
            f"is no whole {grain}: CLOSEBOOK_TIME_ZONE differs between the DAG processor and the "
            "workers, or the rules of the zone do, or they changed since the run was made; make "
            f"them equal, or trigger it with the parameter {grain}",
        )


def current_task() -> TaskContext:
    """Return the context of the running Airflow task. Raises Misconfigured."""
    return _context_of(from_airflow())


def current_documents_task() -> TaskContext:
    """Return the context of a task that makes or reads documents. Raises Misconfigured.

    The worker of such a task needs no connection to the platform and none to the counter.
    """
    return _context_of(documents_from_airflow())


def go_on_as_another_task() -> NoReturn:
    """End the running task, and let Airflow start it again soon, for what is left of its work.

    It is no new try, and its log goes on in the same file. What the task had written as its result
    and its events is lost.
    """
    starts_at = datetime.now(UTC) + BETWEEN_TASKS
    raise AirflowRescheduleException(starts_at)  # type: ignore[no-untyped-call]


def _context_of(settings: Settings) -> TaskContext:
    context = get_current_context()
    start, end = context.get("data_interval_start"), context.get("data_interval_end")
    parameters = context["params"]
    return TaskContext(
        settings=settings,
        run=_run(settings, context["dag_run"], parameters),
        parameters=parameters,
        interval_start=None if start is None else datetime.fromisoformat(start.isoformat()),
        is_backfill=context["dag_run"].run_type == "backfill",
        interval_end=None if end is None else datetime.fromisoformat(end.isoformat()),
        closed_from=partial(boundaries.closed_from, settings),
    )


def _run(settings: Settings, dag_run: DagRunProtocol, parameters: Mapping[str, Any]) -> Run:
    """Return the run of the task, with the reasons that were given for this start of it."""
    start = RunStart(dag_run.dag_id, dag_run.run_id, dag_run.clear_number or 0, dag_run.conf or {})
    run = Run(
        run_id=start.run_id,
        cross_check=bool(parameters.get("cross_check")),
        requested_by=dag_run.triggering_user_name if start.clear_number == 0 else None,
    )
    reason = typed_text(parameters.get("reason")) or None
    if not start.record(settings):
        return replace(run, has_earlier_reason=reason is not None)
    code = parameters.get("holder_reason") or None
    return replace(
        run,
        reason=reason,
        accept_boundary=bool(parameters.get("accept_boundary")),
        holder_reason=None if code is None else known_holder_reason(code),
        holder_text=typed_text(parameters.get("holder_text")) or None,
    )


def _date(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise Misconfigured(
            "CB-CONFIG-NOT-A-DAY", f"{text!r} is not a day: write it as 2026-10-31"
        ) from error
