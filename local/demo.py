"""`make demo`: a whole stack from nothing, a filled platform, and Airflow closing its periods."""

import json
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from closebook import periods
from closebook.errors import Misconfigured
from closebook.periods import DAY, HOUR, Period
from local import demo_summary, sample_platform
from local.addresses import PLATFORM_DATABASE
from local.airflow_api import AirflowApi
from local.desk_release import release_month
from local.errors import StackError
from local.folders import summary_file, write_private
from local.progress import Steps
from local.sample_plan import SampleSize
from local.stack import Stack

SEED = 20261101
DEMO_STEPS = 7
RUN_SECONDS = 1800
MOST_DAYS_OF_A_MONTH = 31
DAGS = ("hourly_platform_volume", "daily_rollups", "monthly_statements")
HEALTH_DAG = "database_health"
POLL_SECONDS = 1.0

console = Console(highlight=False)


@dataclass(frozen=True)
class Scale:
    """How much the demo loads and closes. It renders every statement of both months."""

    size: SampleSize = field(
        default_factory=lambda: SampleSize(merchants=50, months=2, account_holders=120)
    )
    hours: int = 24
    days: int = 60


SMALL = Scale(
    SampleSize(
        transactions=10_000,
        users=400,
        merchants=50,
        promotions=20,
        days=3,
        months=2,
        account_holders=5,
    ),
    hours=3,
    days=3,
)


@dataclass(frozen=True)
class Backfill:
    """Intervals of one DAG that Airflow is asked to close, by their first and last start."""

    dag_id: str
    title: str
    first: datetime
    last: datetime
    count: int
    conf: dict[str, Any]
    most_at_once: int = 16


def main(stack: Stack, scale: Scale) -> int:
    """Run the whole demo on a stack; the summary goes beside its folder, as `summary_file` says.

    Raises StackError with one line that says what failed.
    """
    began = time.monotonic()
    summary_path = summary_file(stack.root)
    steps = Steps(stack.server_steps + stack.airflow_steps + DEMO_STEPS)
    with stack.all_or_nothing():
        stack.start_servers(steps)
        fill_platform(stack, scale.size, steps)
        stack.start_airflow(steps)
    now = datetime.now(UTC)
    zone = stack.environment["CLOSEBOOK_TIME_ZONE"]
    user, password = "admin", stack.credentials["admin"]
    with AirflowApi.login(stack.ui_url, user, password) as airflow:
        airflow.wait_for_dags((*DAGS, HEALTH_DAG), seconds=60)
        airflow.unpause(HEALTH_DAG)
        months = _last_full_months(now, zone, scale.size.months)
        for backfill in (
            _hours(now, scale.hours),
            _days(now, zone, scale),
            _months(months),
        ):
            with steps.step(backfill.title):
                _close(airflow, backfill, steps)
    # The last month waits: whoever looks at the demo releases it.
    with steps.step(f"Release of {months[0].label}"):
        for month in months[:-1]:
            release_month(stack, "approver", month.label)
    seconds = {**steps.seconds, "total": round(time.monotonic() - began, 1)}
    summary = demo_summary.summary_of(stack, seconds)
    write_private(summary_path, json.dumps(summary, indent=2), None)
    demo_summary.show(summary, console)
    said = f"also in {summary_path}; the stack stays up: {stack.stop_command} stops it"
    console.print(said, soft_wrap=True)
    if summary["tie_outs"]["failed"]:
        raise StackError(
            "CB-STACK-TIE-OUTS-FAILED",
            f"{summary['tie_outs']['failed']} tie-outs failed: see {summary_path}",
        )
    return 0


def fill_platform(stack: Stack, size: SampleSize, steps: Steps) -> None:
    """Load the sample once. The rows of a load that failed are dropped first."""
    remembered, unfinished = stack.root / "sample.json", stack.root / "sample.unfinished"
    if remembered.exists():
        for title in ("Sample platform", "Indexes of the contract", "Replicas caught up"):
            steps.skip(title)
        return
    if unfinished.exists():
        stack.drop_platform(PLATFORM_DATABASE)
        stack.create_platform(PLATFORM_DATABASE, indexes=False)
    unfinished.touch()
    with steps.step("Sample platform"), _bar(steps) as bar:
        tasks: dict[str, Any] = {}

        def show(step: str, done: int, total: int) -> None:
            if step not in tasks:
                tasks[step] = bar.add_task(step, total=total)
            bar.update(tasks[step], completed=done)

        try:
            sample_platform.load(
                stack.primary_admin(PLATFORM_DATABASE),
                size,
                seed=SEED,
                until=datetime.now(UTC),
                time_zone=stack.environment["CLOSEBOOK_TIME_ZONE"],
                progress=show,
            )
        except Misconfigured:
            unfinished.unlink()  # The load was refused: the rows are not of a sample.
            raise
    with steps.step("Indexes of the contract"):
        stack.create_indexes()
    with steps.step("Replicas caught up"):
        stack.replica_wait(seconds=300)
    write_private(remembered, json.dumps(asdict(size)), None)
    unfinished.unlink()


def _hours(now: datetime, count: int) -> Backfill:
    last = periods.hour_of(now - HOUR)
    first = periods.hour_of(now - count * HOUR)
    title = f"Airflow closes {count} hours"
    return Backfill(DAGS[0], title, first.start, last.start, count, {"reason": "demo"})


def _days(now: datetime, zone: str, scale: Scale) -> Backfill:
    """All days of the last full month, and at least so many as the demo closes."""
    last = periods.day_containing(periods.day_containing(now, zone).start - HOUR, zone)
    first_day = last.first_date - (scale.days - 1) * DAY
    if scale.days > MOST_DAYS_OF_A_MONTH:
        first_day = min(first_day, _last_full_months(now, zone, 1)[0].first_date)
    count = (last.first_date - first_day) // DAY + 1
    first = periods.day_of(first_day, zone)
    title = f"Airflow closes {count} days"
    return Backfill(DAGS[1], title, first.start, last.start, count, {"reason": "demo"})


def _months(months: Sequence[Period]) -> Backfill:
    """All statements of these months, one month after the other."""
    title = f"Airflow closes {' and '.join(month.label for month in months)}, with all statements"
    first, last = months[0].start, months[-1].start
    return Backfill(DAGS[2], title, first, last, len(months), {"reason": "demo"}, most_at_once=1)


def _last_full_months(now: datetime, zone: str, count: int) -> list[Period]:
    """The last full months, oldest first."""
    months = [periods.month_before(periods.month_containing(now, zone))]
    while len(months) < count:
        months.insert(0, periods.month_before(months[0]))
    return months


def _close(airflow: AirflowApi, backfill: Backfill, steps: Steps) -> None:
    """Start a backfill and follow it to its end."""
    airflow.backfill(
        backfill.dag_id,
        backfill.first,
        backfill.last,
        conf=backfill.conf,
        max_active_runs=backfill.most_at_once,
    )
    # After the backfill: if not, the scheduler runs the last interval first.
    airflow.unpause(backfill.dag_id)
    deadline = time.monotonic() + RUN_SECONDS
    with _bar(steps) as bar:
        task = bar.add_task(backfill.dag_id, total=backfill.count)
        while True:
            counts = airflow.run_counts(backfill.dag_id, backfill.first, backfill.last)
            bar.update(task, completed=counts.success)
            if counts.failed:
                failed = airflow.failures(backfill.dag_id, backfill.first, backfill.last)
                raise StackError(
                    "CB-STACK-BACKFILL-FAILED",
                    f"{backfill.dag_id} failed in {', '.join(failed[:3])}: its task log in the UI "
                    f"({airflow.client.base_url}) says why",
                )
            if counts.success >= backfill.count:
                return
            if time.monotonic() > deadline:
                raise StackError(
                    "CB-STACK-BACKFILL-NOT-DONE",
                    f"{backfill.dag_id}: {counts.success} of {backfill.count} runs were done after "
                    f"{RUN_SECONDS} s; see the UI at {airflow.client.base_url}",
                )
            time.sleep(POLL_SECONDS)


def _bar(steps: Steps) -> Progress:
    return Progress(
        TextColumn("    {task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        console=steps.console,
        transient=True,
    )
