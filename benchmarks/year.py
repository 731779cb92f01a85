"""A year of days through Airflow: by a backfill, a run for each day, and by ranges of days.

Each way closes every day for the first time, in a store that is new, and a sample of them once more
by itself, which must only confirm it. A backfill takes long, so the ways do not take turns seven
times: the range is measured before and after the backfill.
"""

import os
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from statistics import median

from rich.table import Table

from benchmarks.platform import Stage
from benchmarks.timing import Results, console
from closebook import periods
from closebook.closes.day import close_day
from closebook.periods import Period
from closebook.settings import Run
from local import processes
from local.addresses import POOLERS, PRIMARY, REPLICAS, STORE
from local.airflow_api import AirflowApi
from local.errors import StackError
from local.sample_plan import SampleSize
from local.stack import Stack

DAG = "daily_rollups"
YEAR = SampleSize(transactions=732_000, users=20_000, merchants=500, days=366)
"""Small days of 2,000 transactions each, so that the cost of a run itself is measured."""
ALONE_DAYS = 15
# More than the six slots of `replica_reads`, so that a backfill uses both cores fully.
ACTIVE_RUNS = 16
BACKFILL = "backfill"
TWO_HALVES = "two ranges at once, half each"
PATIENCE_SECONDS = 3600
SAMPLE = 3
PROCESSES = {
    "scheduler and tasks": ("scheduler",),
    "rest of Airflow": ("api_server", "dag_processor", "triggerer"),
    "primary, replicas, poolers": (PRIMARY, *REPLICAS, *POOLERS),
    "store and metadata": (STORE,),
}


Way = Callable[[AirflowApi, Sequence[Period]], dict[str, float]]


@dataclass(frozen=True)
class Leg:
    """Days closed in one way: seconds, CPU by process and time within tasks, each per day."""

    days: int
    first_day: str
    seconds_a_day: float
    cpu_seconds_a_day: dict[str, float]
    task_seconds_a_day: dict[str, float]
    load: float


def measure(stage: Stage, results: Results, days: Sequence[Period]) -> None:
    """Close the days: a few of them without Airflow, all by a range, a backfill and a range."""
    ways: dict[str, tuple[Sequence[Period], Way]] = {
        "no Airflow": (days[:ALONE_DAYS], lambda airflow, chosen: _close_alone(stage, chosen)),
        "range": (days, _close_range),
        BACKFILL: (days, _backfill),
        "range, afterwards": (days, _close_range),
        # As docs/backfills.md says for more at once; a backfill has many runs at once too.
        TWO_HALVES: (days, _close_halves),
    }
    legs: dict[str, Leg] = {}
    stack = stage.stack
    with AirflowApi.login(stack.ui_url, "admin", stack.credentials["admin"]) as airflow:
        airflow.wait_for_dags((DAG,), seconds=60)
        # Runs that a killed command left must not close a day that is measured here.
        airflow.end_runs(DAG)
        for name, (chosen, way) in ways.items():
            console.print(f"{name}: {len(chosen)} days from {chosen[0].label}")
            stage.forget_closes()
            airflow.unpause(DAG)
            legs[name] = _leg(stage.stack, chosen, partial(way, airflow, chosen))
            _require_confirmed(stage, chosen)
    _report(results, legs)


def last_days(stage: Stage, count: int) -> list[Period]:
    """The whole days of the data but the last, which the schedule may close by itself."""
    day = stage.last_day
    first, last = (day.first_date - number * periods.DAY for number in (count, 1))
    return [*periods.days_between(first, last, day.time_zone)]


def _leg(stack: Stack, days: Sequence[Period], work: Callable[[], dict[str, float]]) -> Leg:
    cpu_before = _cpu_seconds(stack)
    began = time.monotonic()
    within = work()
    seconds = time.monotonic() - began
    cpu = {who: after - cpu_before[who] for who, after in _cpu_seconds(stack).items()}
    return Leg(
        days=len(days),
        first_day=days[0].label,
        seconds_a_day=round(seconds / len(days), 3),
        cpu_seconds_a_day={who: round(taken / len(days), 3) for who, taken in cpu.items()},
        task_seconds_a_day={task: round(s / len(days), 3) for task, s in within.items()},
        load=round(os.getloadavg()[0], 1),
    )


def _close_alone(stage: Stage, days: Sequence[Period]) -> dict[str, float]:
    for day in days:
        close_day(stage.settings, day, Run("benchmark"))
    return {}


def _close_range(airflow: AirflowApi, days: Sequence[Period]) -> dict[str, float]:
    return _close_ranges(airflow, [days])


def _close_halves(airflow: AirflowApi, days: Sequence[Period]) -> dict[str, float]:
    half = len(days) // 2
    return _close_ranges(airflow, [days[:half], days[half:]])


def _close_ranges(airflow: AirflowApi, ranges: Sequence[Sequence[Period]]) -> dict[str, float]:
    runs = []
    for days in ranges:
        conf = {"first_day": days[0].label, "last_day": days[-1].label, "reason": "benchmark"}
        body = {"logical_date": None, "conf": conf}
        runs.append(airflow.post(f"dags/{DAG}/dagRuns", body)["dag_run_id"])

    def states() -> set[str]:
        return {airflow.get(f"dags/{DAG}/dagRuns/{run_id}")["state"] for run_id in runs}

    _wait_for(lambda: states() <= {"success", "failed"})
    if "failed" in states():
        raise StackError(
            "CB-STACK-RANGE-FAILED",
            f"a range of {', '.join(runs)} failed: see its task's log in the UI",
        )
    return _task_seconds(airflow, {*runs})


def _backfill(airflow: AirflowApi, days: Sequence[Period]) -> dict[str, float]:
    first, last = days[0].start, days[-1].start
    conf = {"reason": "benchmark"}
    airflow.backfill(DAG, first, last, conf=conf, max_active_runs=ACTIVE_RUNS)
    _wait_for(lambda: airflow.run_counts(DAG, first, last).done >= len(days))
    if failed := airflow.failures(DAG, first, last):
        raise StackError(
            "CB-STACK-DAYS-FAILED", f"{', '.join(failed[:3])} failed: see the task's log in the UI"
        )
    return _task_seconds(airflow, {run["dag_run_id"] for run in airflow.runs(DAG, first, last)})


def _wait_for(done: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not done():
        if time.monotonic() > deadline:
            raise StackError(
                "CB-STACK-AIRFLOW-NOT-DONE",
                f"Airflow was not done within {PATIENCE_SECONDS} s: see the runs in the UI, and "
                "run the benchmark again on a machine with less load",
            )
        time.sleep(0.5)


def _task_seconds(airflow: AirflowApi, run_ids: set[str]) -> dict[str, float]:
    """Return the seconds within the tasks of some runs, summed by task."""
    seconds: dict[str, float] = {}
    for run_id in run_ids:
        path = f"dags/{DAG}/dagRuns/{run_id}/taskInstances"
        for task in airflow.get(path)["task_instances"]:
            taken = seconds.get(task["task_id"], 0.0) + (task["duration"] or 0.0)
            seconds[task["task_id"]] = taken
    return seconds


def _require_confirmed(stage: Stage, days: Sequence[Period]) -> None:
    """Close some of the days again: they must be closed already, with the same numbers."""
    for day in days[:: max(1, len(days) // SAMPLE)][:SAMPLE]:
        outcome = close_day(stage.settings, day, Run("benchmark")).outcome
        if outcome != "confirmed":
            raise StackError(
                "CB-STACK-DAY-NOT-CLOSED",
                f"{day.label} was not closed, or not to the same numbers: {outcome}; see the "
                "task's log in the UI",
            )


def _cpu_seconds(stack: Stack) -> dict[str, float]:
    """Return the CPU seconds so far by component, with those of processes that have ended."""
    seconds = {
        who: sum(processes.cpu_seconds(pid) for name in names for pid in stack.processes_of(name))
        for who, names in PROCESSES.items()
    }
    return {**seconds, "this process": processes.cpu_seconds(os.getpid())}


def _report(results: Results, legs: dict[str, Leg]) -> None:
    table = Table("way", "days", "seconds", title="A year of days: seconds a day")
    for heading in ("in close_day", "in publish_counter", "Airflow's CPU", "servers' CPU", "load"):
        table.add_column(heading, max_width=9)
    for name, leg in legs.items():
        cpu, tasks = leg.cpu_seconds_a_day, leg.task_seconds_a_day
        table.add_row(
            name,
            str(leg.days),
            f"{leg.seconds_a_day:.2f}",
            f"{tasks.get('close_day', 0.0):.2f}",
            f"{tasks.get('publish_counter', 0.0):.2f}",
            f"{cpu['scheduler and tasks'] + cpu['rest of Airflow']:.2f}",
            f"{cpu['primary, replicas, poolers'] + cpu['store and metadata']:.2f}",
            f"{leg.load}",
        )
    console.print(table)
    ranges = [leg.seconds_a_day for name, leg in legs.items() if name.startswith("range")]
    backfilled = legs[BACKFILL].seconds_a_day
    times_faster = round(backfilled / median(ranges), 2)
    halves_times_faster = round(backfilled / legs[TWO_HALVES].seconds_a_day, 2)
    console.print(
        f"  a range is {times_faster} times as fast as a backfill, two are {halves_times_faster}"
    )
    results.write(
        "Year",
        {
            "legs": {name: asdict(leg) for name, leg in legs.items()},
            "range_times_faster_than_backfill": times_faster,
            "two_ranges_times_faster_than_backfill": halves_times_faster,
            "active_runs_of_the_backfill": ACTIVE_RUNS,
        },
    )
