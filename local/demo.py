"""`make demo`: a whole stack from nothing, a filled platform, and Airflow closing its periods."""

import json
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import psycopg
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from closebook import periods
from closebook.errors import Misconfigured
from closebook.periods import DAY, HOUR, Period
from local import demo_summary, sample_platform
from local.addresses import PLATFORM_DATABASE
from local.airflow_api import AirflowApi
from local.errors import StackError
from local.folders import write_private
from local.progress import Steps
from local.sample_plan import SampleSize
from local.stack import AIRFLOW_STEPS, SERVER_STEPS, Stack

SEED = 20261101
DEMO_STEPS = 6
RUN_SECONDS = 1800
DAGS = ("hourly_platform_volume", "daily_rollups", "monthly_statements")
HEALTH_DAG = "database_health"
POLL_SECONDS = 1.0

console = Console(highlight=False)


@dataclass(frozen=True)
class Scale:
    """How much the demo loads, closes and renders; without ``days`` it closes every day."""

    size: SampleSize = field(default_factory=SampleSize)
    hours: int = 24
    days: int | None = None
    user_statements: int = 196
    merchant_statements: int = 8


SMALL = Scale(
    SampleSize(transactions=10_000, users=400, merchants=50, promotions=20, days=3),
    hours=3,
    days=3,
    user_statements=5,
    merchant_statements=1,
)


@dataclass(frozen=True)
class Sample:
    """What the demo keeps about the load, to use it when it runs again on the same stack."""

    first_day: date
    special_account_ids: tuple[int, ...]


@dataclass(frozen=True)
class Backfill:
    """Intervals of one DAG that Airflow is asked to close, by their first and last start."""

    dag_id: str
    title: str
    first: datetime
    last: datetime
    count: int
    conf: dict[str, Any]


def main(root: Path, scale: Scale) -> int:
    """Run the whole demo on the stack in a folder; the summary goes beside it, to demo.json.

    Raises StackError with one line that says what failed.
    """
    began = time.monotonic()
    stack = Stack.build(root, airflow=True, fast=False)
    summary_file = root.parent / "demo.json"
    steps = Steps(SERVER_STEPS + AIRFLOW_STEPS + DEMO_STEPS)
    with stack.all_or_nothing():
        stack.start_servers(steps)
        sample = fill_platform(stack, scale.size, steps)
        stack.start_airflow(steps)
    now = datetime.now(UTC)
    zone = stack.environment["CLOSEBOOK_TIME_ZONE"]
    user, password = "admin", stack.credentials["admin"]
    with AirflowApi.login(stack.ui_url, user, password) as airflow:
        airflow.wait_for_dags((*DAGS, HEALTH_DAG), seconds=60)
        airflow.unpause(HEALTH_DAG)
        for backfill in (
            _hours(now, scale.hours),
            _days(sample.first_day, now, zone, scale.days),
            _month(now, zone, _statement_accounts(stack, scale, sample, now, zone)),
        ):
            with steps.step(backfill.title):
                _close(airflow, backfill, steps)
    seconds = {**steps.seconds, "total": round(time.monotonic() - began, 1)}
    summary = demo_summary.summary_of(stack, seconds)
    write_private(summary_file, json.dumps(summary, indent=2), None)
    demo_summary.show(summary, console)
    console.print(f"also in {summary_file}; the stack stays up: make down stops it", soft_wrap=True)
    if summary["tie_outs"]["failed"]:
        raise StackError(
            "CB-STACK-TIE-OUTS-FAILED",
            f"{summary['tie_outs']['failed']} tie-outs failed: see {summary_file}",
        )
    return 0


def fill_platform(stack: Stack, size: SampleSize, steps: Steps) -> Sample:
    """Load the sample once. The rows of a load that failed are dropped first."""
    remembered, unfinished = stack.root / "sample.json", stack.root / "sample.unfinished"
    if remembered.exists():
        for title in ("Sample platform", "Indexes of the contract", "Replicas caught up"):
            steps.skip(title)
        content = json.loads(remembered.read_text())
        return Sample(
            date.fromisoformat(content["first_day"]), tuple(content["special_account_ids"])
        )
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
            facts = sample_platform.load(
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
    sample = Sample(facts.whole_days[0], (facts.dormant_account_id, facts.overdrawn_account_id))
    write_private(remembered, json.dumps(asdict(sample), default=str), None)
    unfinished.unlink()
    return sample


def _hours(now: datetime, count: int) -> Backfill:
    last = periods.hour_of(now - HOUR)
    first = periods.hour_of(now - count * HOUR)
    title = f"Airflow closes {count} hours"
    return Backfill(DAGS[0], title, first.start, last.start, count, {"reason": "demo"})


def _days(first_day: date, now: datetime, zone: str, most: int | None) -> Backfill:
    last = periods.day_containing(periods.day_containing(now, zone).start - HOUR, zone)
    if most is not None:
        first_day = max(first_day, last.first_date - (most - 1) * DAY)
    count = (last.first_date - first_day) // DAY + 1
    first = periods.day_of(first_day, zone)
    title = f"Airflow closes {count} days"
    return Backfill(DAGS[1], title, first.start, last.start, count, {"reason": "demo"})


def _month(now: datetime, zone: str, account_ids: Sequence[int]) -> Backfill:
    month = _last_full_month(now, zone)
    conf = {"reason": "demo", "account_ids": [*account_ids]}
    title = f"Airflow closes {month.label}, with {len(account_ids)} statements"
    return Backfill(DAGS[2], title, month.start, month.start, 1, conf)


def _last_full_month(now: datetime, zone: str) -> Period:
    return periods.month_before(periods.month_containing(now, zone))


def _statement_accounts(
    stack: Stack, scale: Scale, sample: Sample, now: datetime, zone: str
) -> list[int]:
    """Choose accounts of users and merchants that will have a statement, the special ones too."""
    month = _last_full_month(now, zone)
    with psycopg.connect(stack.primary_admin(PLATFORM_DATABASE)) as connection:
        rows = connection.execute(
            """
            select wallet_id from (
                select
                    wallets.wallet_id,
                    wallets.merchant_id is null as of_user,
                    row_number() over (
                        partition by wallets.merchant_id is null order by wallets.wallet_id
                    ) as place
                from platform.wallets
                where exists (
                    select 1 from platform.ledger_entries
                    where ledger_entries.wallet_id = wallets.wallet_id
                    and posted_at >= %(start)s and posted_at < %(end)s
                )
            ) as active
            where place <= case when of_user then %(users)s else %(merchants)s end
            """,
            {
                "start": month.start,
                "end": month.end,
                "users": scale.user_statements,
                "merchants": scale.merchant_statements,
            },
        ).fetchall()
    return sorted({row[0] for row in rows} | set(sample.special_account_ids))


def _close(airflow: AirflowApi, backfill: Backfill, steps: Steps) -> None:
    """Start a backfill and follow it to its end."""
    airflow.backfill(
        backfill.dag_id, backfill.first, backfill.last, conf=backfill.conf, max_active_runs=16
    )
    # After the backfill: if not, the scheduler runs the last interval first, for every account.
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
