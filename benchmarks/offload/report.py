"""The phases one after another, and the table that sets them side by side."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import asdict
from typing import Any

import psycopg
from rich.table import Table

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
from benchmarks.timing import Results, console
from local.addresses import REPLICAS
from local.stack import Stack

PAYMENTS_A_SECOND = 150


def measure(stage: Stage, results: Results, users: int, seconds: int) -> None:
    """Let payments arrive, alone and beside each way of reporting; compare what the primary did."""
    stack = stage.stack
    conninfo = prepare(stack)
    phases: dict[str, tuple[Callable[[], list[Job]], bool]] = {
        "payments alone": (list, False),
        "the old way": (lambda: old_way(stage, conninfo[REPORTS_ROLE]), False),
        "Closebook": (lambda: closebook_way(stage), False),
        "Closebook, feedback": (lambda: closebook_way(stage), True),
    }
    rows: dict[str, dict[str, Any]] = {}
    table = _table()
    for name, (jobs_of, feedback) in phases.items():
        console.print(f"{name}: {seconds} s")
        _clean_tables(stack)
        stage.forget_closes()
        jobs = jobs_of()
        # The jobs end what they are at when no payments arrive any more: that is not observed.
        with (
            _feedback(stack) if feedback else nullcontext(),
            running(jobs),
            observing(stack) as seen,
        ):
            latencies = pay(conninfo[PAYMENTS_ROLE], users, PAYMENTS_A_SECOND, seconds)
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
        _add_row(table, name, latencies, seen)
    require_same_statements(stage, conninfo[REPORTS_ROLE])
    console.print(table)
    results.write(
        "Offload",
        {"seconds_of_a_phase": seconds, "payments_a_second": PAYMENTS_A_SECOND, "phases": rows},
    )


def _table() -> Table:
    return Table(
        *("beside payments", "ms: p50", "p95", "p99", "share", "CPU s", "locked", "log MB"),
        *("lag s", "cancelled", "dead rows"),
        title="What reporting costs the primary",
    )


def _add_row(table: Table, name: str, latencies: Latencies, seen: Observed) -> None:
    table.add_row(
        name,
        *(f"{ms:,.1f}" for ms in (latencies.p50_ms, latencies.p95_ms, latencies.p99_ms)),
        f"{1 - seen.share(PAYMENTS_ROLE):.3%}",
        f"{seen.cpu_seconds:,.1f}",
        f"{seen.lock_wait_share:.1%}",
        f"{seen.wal_bytes / 1e6:,.0f}",
        f"{seen.replay_lag_seconds_max:.2f}",
        str(seen.reads_cancelled),
        f"{seen.wallets_dead_rows:,}",
    )


def _clean_tables(stack: Stack) -> None:
    """Let every phase begin with no dead rows of the one before, and nothing left to write."""
    with psycopg.connect(stack.primary_admin("platform"), autocommit=True) as primary:
        primary.execute("vacuum (analyze)")
        primary.execute("checkpoint")
    stack.replica_wait()


@contextmanager
def _feedback(stack: Stack) -> Iterator[None]:
    """Have the replicas tell the primary what they still read."""
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
