"""Runs the phases one after another and prints the table that compares them."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import asdict
from typing import Any

import psycopg

from benchmarks.offload.jobs import (
    Job,
    closebook_way,
    old_way,
    require_same_statements,
    running,
)
from benchmarks.offload.payments import PAYMENTS_ROLE, REPORTS_ROLE, Latencies, pay, prepare
from benchmarks.offload.primary import Observed, observing
from benchmarks.platform import Stage
from benchmarks.timing import Results, console, side_by_side
from local.addresses import REPLICAS
from local.stack import Stack

PAYMENTS_A_SECOND = 150


def measure(stage: Stage, results: Results, seconds: int) -> None:
    """Run payments alone and beside each way of reporting; compare the primary's load."""
    stack = stage.stack
    stage.spoil()
    conninfo = prepare(stack)
    phases: dict[str, tuple[Callable[[], list[Job]], bool]] = {
        "payments alone": (list, False),
        "the old way": (lambda: old_way(stage, conninfo[REPORTS_ROLE]), False),
        "Closebook": (lambda: closebook_way(stage), False),
        "Closebook, feedback": (lambda: closebook_way(stage), True),
    }
    rows: dict[str, dict[str, Any]] = {}
    shown: dict[str, dict[str, str]] = {}
    for name, (jobs_of, feedback) in phases.items():
        console.print(f"{name}: {seconds} s")
        _clean_tables(stack)
        stage.forget_closes()
        jobs = jobs_of()
        # The jobs finish their current work after the payments have ended: that is not measured.
        with (
            _feedback(stack) if feedback else nullcontext(),
            running(jobs),
            observing(stack) as seen,
        ):
            latencies = pay(conninfo[PAYMENTS_ROLE], stage.size.users, PAYMENTS_A_SECOND, seconds)
        rows[name] = {
            "payments": asdict(latencies),
            "primary": seen.as_json(),
            "jobs": {
                job.name: {
                    "done_count": job.done_count,
                    "seconds": round(job.seconds, 2),
                    "failures": job.failures,
                }
                for job in jobs
            },
        }
        shown[name] = _shown(latencies, seen, jobs)
    require_same_statements(stage, conninfo[REPORTS_ROLE])
    console.print(side_by_side("What reporting costs the primary", shown))
    results.write(
        "Offload",
        {"seconds_of_a_phase": seconds, "payments_a_second": PAYMENTS_A_SECOND, "phases": rows},
    )


def _shown(latencies: Latencies, seen: Observed, jobs: Sequence[Job]) -> dict[str, str]:
    return {
        "p50 ms": f"{latencies.p50_ms:,.1f}",
        "p95 ms": f"{latencies.p95_ms:,.1f}",
        "p99 ms": f"{latencies.p99_ms:,.1f}",
        "share of time": f"{1 - seen.share(PAYMENTS_ROLE):.3%}",
        "CPU s": f"{seen.cpu_seconds:,.1f}",
        "locks waited for": f"{seen.lock_wait_share:.1%}",
        "log MB": f"{seen.wal_bytes / 1e6:,.0f}",
        "replay lag s": f"{seen.replay_lag_seconds_max:.2f}",
        "reads cancelled": str(seen.reads_cancelled),
        "dead rows": f"{seen.wallets_dead_rows:,}",
        "jobs failed": str(sum(len(job.failures) for job in jobs)),
    }


def _clean_tables(stack: Stack) -> None:
    """Vacuum and checkpoint, so that each phase begins in the same state."""
    with psycopg.connect(stack.primary_admin("platform"), autocommit=True) as primary:
        primary.execute("vacuum (analyze)")
        primary.execute("checkpoint")
    stack.replica_wait()


@contextmanager
def _feedback(stack: Stack) -> Iterator[None]:
    """Turn hot_standby_feedback on: replicas report to the primary which rows they still read."""
    _set_feedback(stack, "on")
    try:
        yield
    finally:
        _set_feedback(stack, "off")


def _set_feedback(stack: Stack, value: str) -> None:
    for replica in REPLICAS:
        with psycopg.connect(stack.replica_admin(replica), autocommit=True) as connection:
            connection.execute(f"alter system set hot_standby_feedback = {value}".encode())
            connection.execute("select pg_reload_conf()")
