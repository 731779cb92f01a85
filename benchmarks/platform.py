"""The stack and the 5,000,000 transactions that the benchmarks run on, made once and kept."""

import hashlib
import json
import shutil
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from statistics import mean
from typing import Any

import psycopg
import redis
from rich.progress import Progress

from benchmarks import contract_indexes
from benchmarks.timing import console
from closebook import periods
from closebook.counter.publisher import COUNTER_KEY
from closebook.periods import Period
from closebook.settings import Replica, Settings
from local import sample_platform
from local.addresses import PLATFORM_DATABASE, STORE_DATABASE
from local.databases import sql_file
from local.errors import StackError
from local.progress import Steps
from local.sample_plan import Plan, SampleSize
from local.stack import AIRFLOW_STEPS, SERVER_STEPS, Stack

SIZE = SampleSize(transactions=5_000_000, users=200_000, merchants=2_000, days=30)
LARGE = SampleSize(transactions=50_000_000, users=200_000, merchants=2_000, days=300)
LARGE_BYTES = 120 * 2**30
"""Disk space of a stack of LARGE: primary, two replicas, and the log while they are filled."""
SEED = 20261101
# The 200 people of the benchmark `desk` log in from one address.
MANY_LOG_INS = {"AIRFLOW__FAB__AUTH_RATE_LIMIT": "1000 per 1 second"}
# The files from which a stack's databases are made.
_CONTRACT = ("contract", "grants", "indexes", "roles", "sample_platform")


@dataclass(frozen=True)
class Stage:
    """The running stack, and the periods of its data that are measured.

    ``day`` is of the last whole month and has most nearly as many transactions as a day of the data
    has on average; so has ``hour`` of the hours of that day.
    """

    stack: Stack
    size: SampleSize
    day: Period
    hour: Period
    busiest_hour: Period
    """Of the day."""
    last_day: Period

    @property
    def month(self) -> Period:
        """The last whole month of the data."""
        return periods.month_containing(self.day.start, self.day.time_zone)

    @property
    def settings(self) -> Settings:
        """What a close on this stack needs."""
        environment = self.stack.environment
        names = ("replica_a", "replica_b")
        return Settings(
            time_zone=environment["CLOSEBOOK_TIME_ZONE"],
            primary=self.stack.fence(),
            replicas=tuple(Replica(name, self.stack.reader(name)) for name in names),
            store=self.stack.store(),
            redis_url=self.stack.redis_publisher,
            documents_url=self.stack.documents_url,
        )

    def spoil(self) -> None:
        """Let the next run make a new stack, because this measurement writes to the platform."""
        marker = _marker(self.stack.root)
        marker.write_text(json.dumps(json.loads(marker.read_text()) | {"contract": "spoiled"}))

    def forget_closes(self) -> None:
        """Begin with an empty store and no counter."""
        self.stack.drop_store(STORE_DATABASE)
        self.stack.create_store(STORE_DATABASE)
        with redis.Redis.from_url(self.stack.redis_admin) as client:
            client.delete(COUNTER_KEY)


def set_up(root: Path, size: SampleSize, *, airflow: bool) -> Stage:
    """Start the stack in a folder and load it, unless the same is loaded already."""
    loaded, contract = _marker(root), _digest(size)
    if loaded.exists() and json.loads(loaded.read_text()).get("contract") != contract:
        console.print(
            "the stack has another size, contract, indexes or roles, or offload's payments: "
            "it is created again"
        )
        Stack.build(root, airflow=airflow, fast=True).clean()
    _require_room(root, size)
    stack = Stack.build(root, airflow=airflow, fast=True, settings=MANY_LOG_INS)
    steps = Steps(SERVER_STEPS + AIRFLOW_STEPS * airflow + 3)
    with stack.all_or_nothing():
        stack.start_servers(steps)
        if not loaded.exists():
            _drop_unfinished(stack)
            until = _load(stack, size, steps)
            loaded.write_text(json.dumps({"until": until.isoformat(), "contract": contract}))
        contract_indexes.show(stack, PLATFORM_DATABASE)
        if airflow:
            stack.start_airflow(steps)
    until = datetime.fromisoformat(json.loads(loaded.read_text())["until"])
    plan = Plan(size, SEED, until, stack.environment["CLOSEBOOK_TIME_ZONE"])
    planned = {day.period: day.transactions for day in plan.days if day.period in plan.window}
    day = _nearest_the_mean(planned, plan.last_full_month.days())
    by_count = _counts(stack, day)
    hour = _nearest_the_mean(by_count, by_count)
    return Stage(
        stack,
        size,
        day,
        hour,
        busiest_hour=max(by_count, key=by_count.__getitem__),
        last_day=periods.day_of(plan.whole_days[-1], plan.time_zone),
    )


def _nearest_the_mean(counts: Mapping[Period, int], among: Iterable[Period]) -> Period:
    return min(among, key=lambda period: abs(counts[period] - mean(counts.values())))


def _marker(root: Path) -> Path:
    """The file about a stack's data; it exists only if the load was complete."""
    return root / "loaded.json"


def _digest(size: SampleSize) -> str:
    """A hash of what a stack was made from, without the comments of its files."""
    lines = b"\n".join(sql_file("platform", name) for name in _CONTRACT).splitlines()
    statements = b"\n".join(line for line in lines if not line.startswith(b"--"))
    return hashlib.sha256(f"{size} {SEED}\n".encode() + statements).hexdigest()


def _require_room(root: Path, size: SampleSize) -> None:
    """Raise StackError before a large stack fills the disk."""
    if size.transactions < LARGE.transactions or _marker(root).exists():
        return
    root.mkdir(parents=True, exist_ok=True)
    free = shutil.disk_usage(root).free
    if free < LARGE_BYTES:
        raise StackError(
            "CB-STACK-DISK-TOO-SMALL",
            f"{size.transactions:,} transactions on a primary and two replicas need "
            f"{LARGE_BYTES >> 30} GB and {root} has {free >> 30} GB: name another --root",
        )


def _drop_unfinished(stack: Stack) -> None:
    """Remove the rows of a load that failed; nobody else has rows here."""
    stack.drop_platform(PLATFORM_DATABASE)
    stack.create_platform(PLATFORM_DATABASE, indexes=False)


def _load(stack: Stack, size: SampleSize, steps: Steps) -> datetime:
    zone = stack.environment["CLOSEBOOK_TIME_ZONE"]
    # The data end with the last whole month, which is then all that SIZE has.
    until = periods.month_containing(datetime.now(UTC), zone).start
    with steps.step(f"{size.transactions:,} transactions"), Progress(console=console) as bar:
        tasks: dict[str, Any] = {}

        def show(step: str, done: int, total: int) -> None:
            if step not in tasks:
                tasks[step] = bar.add_task(step, total=total)
            bar.update(tasks[step], completed=done)

        sample_platform.load(
            stack.primary_admin("platform"),
            size,
            seed=SEED,
            until=until,
            time_zone=zone,
            progress=show,
        )
    with steps.step("Indexes of the contract"):
        stack.create_indexes()
    with steps.step("Replicas caught up"):
        stack.replica_wait(seconds=600)
    return until


def _counts(stack: Stack, day: Period) -> dict[Period, int]:
    """The transactions of each hour of a day."""
    with psycopg.connect(stack.replica_admin("replica_a", "platform")) as replica:
        rows = replica.execute(
            """
            with transactions as (
                select date_bin('1 hour', settled_at, timestamptz '2000-01-01 00:00:00+00') as hour
                from platform.transactions
            )
            select hour, count(*) from transactions where hour >= %s and hour < %s group by hour
            """,
            [day.start, day.end],
        ).fetchall()
    counts = {periods.hour_of(start): count for start, count in rows}
    return {hour: counts.get(hour, 0) for hour in day.hours()}
