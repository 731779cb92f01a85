"""The cost of each index of the contract for a write: pgbench with and without it, in turns.

On a copy of the platform that has the primary and foreign keys' indexes alone, without durability
(fsync off): so what is compared is the work of the server, not the wait for a disk.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

import psycopg
from psycopg import sql
from rich.progress import Progress
from rich.table import Table

from benchmarks import contract_indexes
from benchmarks.offload import payments
from benchmarks.offload.primary import cpu_seconds
from benchmarks.platform import Stage
from benchmarks.timing import Results, console, side_by_side
from local.addresses import PLATFORM_DATABASE
from local.stack import Stack

DATABASE = "platform_index_cost"
PAYMENT = payments.FOLDER / "payment.pgbench"
# The writes that maintain an index.
WRITES: Mapping[str, Path] = {
    "transactions_settled_hour": PAYMENT,
    "ledger_entries_posted_at": PAYMENT,
}


@dataclass
class Cost:
    """Writes a second, the primary's CPU and bytes of log a write, a figure for each round."""

    writes_a_second: dict[str, list[float]] = field(default_factory=dict)
    cpu_us: dict[str, list[float]] = field(default_factory=dict)
    log_bytes: dict[str, list[float]] = field(default_factory=dict)
    index_bytes: int = 0

    def add(self, way: str, a_second: float, cpu_us: float, log_bytes: float) -> None:
        """Keep one round's figures of one way."""
        self.writes_a_second.setdefault(way, []).append(a_second)
        self.cpu_us.setdefault(way, []).append(cpu_us)
        self.log_bytes.setdefault(way, []).append(log_bytes)

    def as_json(self) -> dict[str, Any]:
        """The rounds, their medians, and what the index takes of the writes a second."""
        a_second = {way: median(rounds) for way, rounds in self.writes_a_second.items()}
        return {
            "writes_a_second": self.writes_a_second,
            "median_writes_a_second": a_second,
            "cost_percent": round(100 * (1 - a_second["with"] / a_second["without"]), 1),
            "cpu_us_a_write": {
                way: round(median(rounds), 1) for way, rounds in self.cpu_us.items()
            },
            "log_bytes_a_write": {
                way: round(median(rounds)) for way, rounds in self.log_bytes.items()
            },
            "index_bytes": self.index_bytes,
        }


def measure(stage: Stage, results: Results, *, seconds: int) -> None:
    """Write for so many seconds without and with each index, round after round."""
    definitions = contract_indexes.definitions()
    costs = {name: Cost() for name in definitions}
    with _scratch(stage.stack) as conninfo, Progress(console=console, transient=True) as bar:
        task = bar.add_task("measuring", total=2 * results.rounds() * len(definitions))
        with psycopg.connect(conninfo, autocommit=True) as primary:
            for name, definition in definitions.items():
                for number in range(results.rounds()):
                    # The table grows with each turn, so neither way is always the first.
                    ways = ("without", "with") if number % 2 else ("with", "without")
                    for way in ways:
                        bar.update(task, description=f"{way} {name}")
                        if way == "with":
                            primary.execute(definition.encode())
                        costs[name].add(
                            way, *_write(stage, primary, conninfo, WRITES[name], seconds)
                        )
                        if way == "with":
                            costs[name].index_bytes = _drop(primary, name)
                        bar.advance(task)
    measured = {name: cost.as_json() for name, cost in costs.items()}
    for name, cost in measured.items():
        console.print(_table(name, cost))
    results.write("Index cost", {"seconds_a_round": seconds, "indexes": measured})


@contextmanager
def _scratch(stack: Stack) -> Iterator[str]:
    """A database to write into; dropped at the end."""
    admin = stack.primary_admin()
    with psycopg.connect(admin, autocommit=True) as primary:
        stack.drop_platform(DATABASE)
        primary.execute(
            sql.SQL("create database {} template {} strategy file_copy").format(
                sql.Identifier(DATABASE), sql.Identifier(PLATFORM_DATABASE)
            )
        )
    try:
        with psycopg.connect(stack.primary_admin(DATABASE), autocommit=True) as primary:
            for name in contract_indexes.definitions():
                _drop(primary, name)
            # An autovacuum would run in some turns and not in others.
            for table in ("transactions", "ledger_entries", "wallets"):
                primary.execute(
                    sql.SQL("alter table {} set (autovacuum_enabled = off)").format(
                        sql.Identifier("platform", table)
                    )
                )
        payments.prepare(stack, DATABASE)
        yield stack.primary_admin(DATABASE)
    finally:
        stack.drop_platform(DATABASE)


def _write(
    stage: Stage,
    primary: psycopg.Connection[Any],
    conninfo: str,
    script: Path,
    seconds: int,
) -> tuple[float, float, float]:
    """Return writes a second, microseconds of CPU and bytes of log a write."""
    primary.execute("checkpoint")
    log, cpu = _log_position(primary), cpu_seconds(stage.stack)
    done = payments.flood(conninfo, script, stage.size.users, seconds)
    used, written = cpu_seconds(stage.stack) - cpu, _log_position(primary) - log
    return done.a_second, 1e6 * used / done.count, written / done.count


def _log_position(primary: psycopg.Connection[Any]) -> int:
    [(position,)] = primary.execute(
        "select (pg_current_wal_insert_lsn() - '0/0')::bigint"
    ).fetchall()
    return int(position)


def _drop(primary: psycopg.Connection[Any], name: str) -> int:
    """Drop an index of the platform's; return how many bytes it had."""
    index = sql.Identifier("platform", name)
    [(size,)] = primary.execute(
        sql.SQL("select pg_relation_size({})").format(sql.Literal(f"platform.{name}"))
    ).fetchall()
    primary.execute(sql.SQL("drop index {}").format(index))
    return int(size)


def _table(name: str, cost: Mapping[str, Any]) -> Table:
    shown = {
        way: {
            "writes a second": f"{cost['median_writes_a_second'][way]:,.0f}",
            "CPU µs a write": f"{cost['cpu_us_a_write'][way]:,.0f}",
            "log bytes a write": f"{cost['log_bytes_a_write'][way]:,}",
        }
        for way in ("without", "with")
    }
    takes = f"{cost['cost_percent']} % of the writes a second, {cost['index_bytes'] / 1e6:,.0f} MB"
    return side_by_side(f"{name} takes {takes}", shown)
