"""The load of the primary by role: CPU, waits and log; and the state of the replicas."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from statistics import median
from typing import Any

import psycopg
from psycopg.rows import DictRow, dict_row

from benchmarks.offload.payments import PAYMENTS_ROLE
from local import processes
from local.addresses import PLATFORM_DATABASE, PRIMARY, REPLICAS
from local.stack import Stack

SAMPLE_EVERY_SECONDS = 0.5

Connection = psycopg.Connection[DictRow]

STATEMENTS_BY_ROLE = """
    select pg_roles.rolname as role_name, sum(calls)::bigint as calls,
        sum(total_exec_time)::double precision as execution_ms
    from pg_stat_statements
    inner join pg_roles on pg_stat_statements.userid = pg_roles.oid
    where rolname <> current_user
    group by rolname
"""
WAITING = """
    select count(*) filter (where wait_event_type = 'Lock') as waiting, count(*) as backends
    from pg_stat_activity
    where usename = %s and state <> 'idle'
"""
LAG = """
    select coalesce(max(pg_wal_lsn_diff(pg_current_wal_lsn(), replay_lsn)), 0)::bigint as lag_bytes,
        coalesce(max(extract(epoch from replay_lag)), 0)::double precision as lag_seconds
    from pg_stat_replication
"""
CONFLICTS = """
    select confl_snapshot + confl_lock + confl_bufferpin + confl_deadlock + confl_tablespace
        as cancelled
    from pg_stat_database_conflicts
    where datname = %s
"""
DEAD_ROWS = """
    select n_dead_tup as dead_rows, pg_total_relation_size(relid) as bytes
    from pg_stat_user_tables
    where schemaname = 'platform' and relname = 'wallets'
"""


@dataclass
class Observed:
    """What was measured of the primary and its replicas during a phase."""

    execution_ms: dict[str, float] = field(default_factory=dict)
    """Execution time by role from pg_stat_statements, without the role that measures."""
    calls: dict[str, int] = field(default_factory=dict)
    cpu_seconds: float = 0.0
    """CPU seconds of all processes of the primary."""
    lock_wait_share: float = 0.0
    """Of the samples of the payments' busy backends, how many waited for a lock."""
    wal_bytes: int = 0
    replay_lag_bytes_max: int = 0
    replay_lag_seconds_median: float = 0.0
    replay_lag_seconds_max: float = 0.0
    reads_cancelled: int = 0
    """Queries that were cancelled by conflicts with recovery, on both replicas."""
    wallets_dead_rows: int = 0
    wallets_bytes: int = 0

    def share(self, role: str) -> float:
        """The role's share of the primary's execution time."""
        return self.execution_ms.get(role, 0.0) / max(sum(self.execution_ms.values()), 1e-9)

    def as_json(self) -> dict[str, Any]:
        """All figures as JSON, with each role's share."""
        return {
            **asdict(self),
            "execution_share": {role: round(self.share(role), 6) for role in self.execution_ms},
        }


@contextmanager
def observing(stack: Stack) -> Iterator[Observed]:
    """Measure the primary and its replicas; the result is complete when the block has ended."""
    seen = Observed()
    with psycopg.connect(
        stack.primary_admin(PLATFORM_DATABASE), autocommit=True, row_factory=dict_row
    ) as primary:
        primary.execute("select pg_stat_statements_reset()")
        cancelled = _cancelled(stack)
        log_start = _one(primary, "select pg_current_wal_lsn()::text as lsn")["lsn"]
        cpu_start = cpu_seconds(stack)
        with _sampling(primary, seen):
            yield seen
        seen.cpu_seconds = round(cpu_seconds(stack) - cpu_start, 2)
        seen.wal_bytes = _one(
            primary,
            "select pg_wal_lsn_diff(pg_current_wal_lsn(), %s::pg_lsn)::bigint as bytes",
            log_start,
        )["bytes"]
        seen.reads_cancelled = _cancelled(stack) - cancelled
        for row in primary.execute(STATEMENTS_BY_ROLE).fetchall():
            seen.execution_ms[row["role_name"]] = round(row["execution_ms"], 2)
            seen.calls[row["role_name"]] = row["calls"]
        wallets = _one(primary, DEAD_ROWS)
        seen.wallets_dead_rows, seen.wallets_bytes = wallets["dead_rows"], wallets["bytes"]


@contextmanager
def _sampling(primary: Connection, seen: Observed) -> Iterator[None]:
    stopping = threading.Event()
    waits: list[DictRow] = []
    lags: list[DictRow] = []

    def sample() -> None:
        while not stopping.wait(SAMPLE_EVERY_SECONDS):
            waits.append(_one(primary, WAITING, PAYMENTS_ROLE))
            lags.append(_one(primary, LAG))

    thread = threading.Thread(target=sample)
    thread.start()
    try:
        yield
    finally:
        stopping.set()
        thread.join()
    busy = sum(row["backends"] for row in waits)
    seen.lock_wait_share = round(sum(row["waiting"] for row in waits) / max(busy, 1), 4)
    if lags:
        seen.replay_lag_bytes_max = max(row["lag_bytes"] for row in lags)
        seconds = [row["lag_seconds"] for row in lags]
        seen.replay_lag_seconds_median = round(median(seconds), 4)
        seen.replay_lag_seconds_max = round(max(seconds), 3)


def _one(connection: Connection, statement: str, *parameters: object) -> DictRow:
    row = connection.execute(statement.encode(), parameters or None).fetchone()
    assert row is not None  # noqa: S101  # each of these has one row
    return row


def _cancelled(stack: Stack) -> int:
    total = 0
    for replica in REPLICAS:
        conninfo = stack.replica_admin(replica, PLATFORM_DATABASE)
        with psycopg.connect(conninfo, row_factory=dict_row) as connection:
            total += _one(connection, CONFLICTS, PLATFORM_DATABASE)["cancelled"]
    return total


def cpu_seconds(stack: Stack) -> float:
    """Return the CPU seconds of the primary's processes, with those that have ended."""
    return sum(processes.cpu_seconds(pid) for pid in stack.processes_of(PRIMARY))
