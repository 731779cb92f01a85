"""On a replica: a day's close, the old report and a bare scan; an hour's close and a full count."""

from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import psycopg
from psycopg import sql

from benchmarks import contract_indexes
from benchmarks.legacy.old_report import COLUMNS, Row, old_report, statement
from benchmarks.platform import LARGE, Stage
from benchmarks.timing import Results, Timed, alternate
from closebook.periods import Period
from closebook.sql import query
from local.addresses import PLATFORM_DATABASE
from local.stack import Stack

Connection = psycopg.Connection[tuple[Any, ...]]
Bounds = dict[str, object]
Ways = dict[str, Callable[[], object]]
Cell = tuple[str, str, str, str, str, int, int, int, int]
"""A row of daily_report.sql: a row of the old report, without its merchant."""

OLD = "old report"
DAILY_REPORT = Path(__file__).with_name("daily_report.sql")


@dataclass(frozen=True)
class Connections:
    """Connections that read the same rows of one replica in different ways."""

    reader: Connection
    """As a close reads: through the pooler, from the contract's views."""
    replica: Connection
    tuned: Connection
    """With the reader's settings."""
    alone: Connection
    """Without parallel workers."""


def measure(stage: Stage, results: Results) -> None:
    """Assert that all ways give the same numbers, then time them in turns."""
    with connected(stage.stack) as connections:
        _measure_day(connections, stage.stack, stage.day, results)
        # Many rounds where a way takes a few milliseconds and noise is large; fewer where a full
        # count of 50,000,000 rows takes ten seconds.
        rounds = 31 if stage.size.transactions < LARGE.transactions else 11
        counts = _full_counts(connections)
        _measure_hour("Hourly volume", connections, stage.hour, results, rounds, counts)
        _measure_hour("Busiest hour", connections, stage.busiest_hour, results, 31, {})


@contextmanager
def connected(stack: Stack) -> Iterator[Connections]:
    """Connect to the replica in all of the ways."""
    with ExitStack() as opened:

        def connect(conninfo: str, **how: Any) -> Connection:
            return opened.enter_context(psycopg.connect(conninfo, autocommit=True, **how))

        on_replica = stack.replica_admin("replica_a", PLATFORM_DATABASE)
        connections = Connections(
            reader=connect(stack.reader("replica_a"), prepare_threshold=None),
            replica=connect(on_replica),
            tuned=connect(on_replica),
            alone=connect(on_replica, options="-c max_parallel_workers_per_gather=0"),
        )
        _set_as_the_reader(connections.tuned)
        yield connections


def day_ways(connections: Connections, day: Period) -> Ways:
    """The day as a close and as the old report has it, and the bare scan of its rows."""
    reader, replica, bounds = connections.reader, connections.replica, day.bounds
    return {
        "daily_report.sql": lambda: reader.execute(DAILY_REPORT.read_bytes(), bounds).fetchall(),
        "daily_volume.sql": lambda: copy_rows(reader, "daily_volume/read", bounds),
        "rows not sent": lambda: _execute(reader, "daily_volume/read", bounds),
        "bare scan": lambda: replica.execute(statement("bare_scan"), bounds).fetchall(),
        # So that the scan may use a second process too.
        "bare scan, reader's settings": lambda: connections.tuned.execute(
            statement("bare_scan"), bounds
        ).fetchall(),
    }


def hour_ways(connections: Connections, hour: Period) -> Ways:
    """The hour with the plan of the bare scan and as a close reads it; and the bare scan."""
    reader, tuned, bounds = connections.reader, connections.tuned, hour.bounds
    hourly_volume = query("hourly_volume/read")
    return {
        "hourly_volume.sql": lambda: tuned.execute(hourly_volume, bounds).fetchall(),
        "the same by COPY and pooler": lambda: copy_rows(reader, "hourly_volume/read", bounds),
        "bare scan": lambda: tuned.execute(statement("bare_scan"), bounds).fetchall(),
    }


def _measure_day(connections: Connections, stack: Stack, day: Period, results: Results) -> None:
    reader, replica = connections.reader, connections.replica
    bounds = day.bounds
    cells, report = sorted(day_cells(reader, bounds)), day_report(reader, bounds)
    ((counted, amount_minor),) = replica.execute(statement("bare_scan"), bounds).fetchall()
    assert sum(row[6] for row in cells) == counted  # noqa: S101
    assert sum(row[7] for row in cells) == amount_minor  # noqa: S101
    assert without_merchants(cells) == sorted(report), "the report and the day differ"  # noqa: S101
    contestants = day_ways(connections, day)
    rows: list[Row] = []

    def run_old_report() -> None:
        rows[:] = old_report(replica, day.start, day.end)

    @contextmanager
    def as_it_was() -> Iterator[None]:
        with contract_indexes.hidden(stack, PLATFORM_DATABASE):
            yield
        assert sorted(rows) == cells, "the old report and the day differ"  # noqa: S101

    timed = alternate(
        contestants | {OLD: run_old_report},
        results.rounds(),
        warmed=tuple(contestants),
        within={OLD: as_it_was},
    )
    results.report(
        "Daily volume",
        timed,
        "bare scan",
        day=day.label,
        transactions_of_the_day=counted,
        rows_of_the_report=len(report),
        rows_with_the_merchant=len(cells),
        times_as_fast_as=_times_as_fast(timed, [OLD]),
    )


def _set_as_the_reader(connection: Connection) -> None:
    """Give a session the settings that the reader's role has."""
    connection.execute("""
        select set_config(split_part(setting, '=', 1), split_part(setting, '=', 2), false)
        from pg_roles cross join unnest(rolconfig) as setting
        where rolname = 'closebook_reader'
    """)


def _full_counts(connections: Connections) -> Ways:
    return {
        "full count": lambda: connections.replica.execute(statement("live_count")).fetchall(),
        "full count, by one process": lambda: connections.alone.execute(
            statement("live_count")
        ).fetchall(),
    }


def _measure_hour(
    title: str,
    connections: Connections,
    hour: Period,
    results: Results,
    rounds: int,
    counts: Ways,
) -> None:
    reader, tuned = connections.reader, connections.tuned
    bounds = hour.bounds
    rows = reader.execute(query("hourly_volume/read"), bounds).fetchall()
    ((counted, amount_minor),) = tuned.execute(statement("bare_scan"), bounds).fetchall()
    assert sum(row[3] for row in rows) == counted  # noqa: S101
    assert sum(row[4] for row in rows) == amount_minor  # noqa: S101
    contestants = hour_ways(connections, hour)
    timed = alternate(contestants | counts, results.rounds(rounds), warmed=tuple(contestants))
    results.report(
        title,
        timed,
        "bare scan",
        hour=hour.label,
        transactions_of_the_hour=counted,
        times_as_fast_as=_times_as_fast(timed, counts),
    )


def day_cells(reader: Connection, bounds: Bounds) -> list[Row]:
    """The rows of daily_volume.sql at the day's grain, in the old report's order of columns."""
    cursor = reader.execute(query("daily_volume/read"), bounds)
    names = [column.name for column in cursor.description or ()]
    places = [names.index(name) for name in COLUMNS]
    hour = names.index("hour_start")
    return [
        cast("Row", tuple(row[place] for place in places)) for row in cursor if row[hour] is None
    ]


def day_report(reader: Connection, bounds: Bounds) -> list[Cell]:
    """The rows of daily_report.sql."""
    rows = reader.execute(DAILY_REPORT.read_bytes(), bounds).fetchall()
    return [cast("Cell", row) for row in rows]


def without_merchants(rows: Iterable[Row]) -> list[Cell]:
    """Sum a day's rows over their merchants, in order."""
    sums: dict[tuple[str, ...], tuple[int, ...]] = {}
    for _, *dimensions_and_sums in rows:
        key = cast("tuple[str, ...]", tuple(dimensions_and_sums[:5]))
        numbers = cast("tuple[int, ...]", tuple(dimensions_and_sums[5:]))
        earlier = sums.get(key, (0,) * len(numbers))
        sums[key] = tuple(a + b for a, b in zip(earlier, numbers, strict=True))
    return sorted(cast("Cell", key + numbers) for key, numbers in sums.items())


def _times_as_fast(timed: dict[str, Timed], slow: Collection[str]) -> dict[str, dict[str, float]]:
    """Return, for each slow way, how many times faster each other way is."""
    return {
        way: {
            name: round(timed[way].median_seconds / one.median_seconds, 1)
            for name, one in timed.items()
            if name not in slow
        }
        for way in slow
    }


def copy_rows(reader: Connection, name: str, bounds: Bounds) -> int:
    """Read a query's rows by COPY, as a close does, and return the bytes."""
    statement_text = sql.SQL("copy ({}) to stdout").format(sql.SQL(query(name)))
    with reader.cursor() as cursor, cursor.copy(statement_text, bounds) as blocks:
        return sum(len(block) for block in blocks)


def _execute(reader: Connection, name: str, bounds: Bounds) -> None:
    """Run a query without fetching its rows: the time that the replica itself takes."""
    statement_text = sql.SQL("explain (analyze, timing off) {}").format(sql.SQL(query(name)))
    reader.execute(statement_text, bounds).fetchall()
