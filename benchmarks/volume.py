"""The day beside the old report and the bare scan; the hour beside a full count. On a replica."""

from typing import Any, cast

import psycopg
from psycopg import sql

from benchmarks.legacy.old_report import COLUMNS, Row, old_report, statement
from benchmarks.platform import LEGACY_DATABASE, Stage
from benchmarks.timing import Results, alternate
from closebook.periods import Period
from closebook.queries import query

Connection = psycopg.Connection[tuple[Any, ...]]


def measure(stage: Stage, results: Results) -> None:
    """Assert that all ways give the same numbers, then let them take turns."""
    stack = stage.stack
    with (
        psycopg.connect(stack.replica_admin("replica_a", "platform"), autocommit=True) as replica,
        psycopg.connect(
            stack.replica_admin("replica_a", LEGACY_DATABASE), autocommit=True
        ) as legacy,
        # As a close reads: the contract's views, through the pooler.
        psycopg.connect(
            stack.reader("replica_a"), autocommit=True, prepare_threshold=None
        ) as reader,
    ):
        _measure_day(reader, replica, legacy, stage.day, results)
        _measure_hour(reader, replica, stage.hour, results)


def _measure_day(
    reader: Connection, replica: Connection, legacy: Connection, day: Period, results: Results
) -> None:
    bounds = _bounds(day)
    new = day_cells(reader, bounds)
    old = old_report(legacy, day.start, day.end)
    assert sorted(new) == sorted(old), "the old report and daily_volume.sql differ"  # noqa: S101
    ((counted, amount_minor),) = replica.execute(statement("bare_scan"), bounds).fetchall()
    assert sum(row[6] for row in new) == counted  # noqa: S101
    assert sum(row[7] for row in new) == amount_minor  # noqa: S101
    timed = alternate(
        {
            "old report": lambda: old_report(legacy, day.start, day.end),
            "daily_volume.sql": lambda: _copy(reader, "daily_volume", bounds),
            "rows not sent": lambda: _execute(reader, "daily_volume", bounds),
            "bare scan": lambda: replica.execute(statement("bare_scan"), bounds).fetchall(),
        }
    )
    old_seconds = timed["old report"].median_seconds
    results.report(
        "Daily volume",
        timed,
        "bare scan",
        day=day.label,
        transactions_of_the_day=counted,
        rows_of_the_report=len(new),
        old_report_over_daily_volume=round(
            old_seconds / timed["daily_volume.sql"].median_seconds, 1
        ),
        old_report_over_rows_not_sent=round(old_seconds / timed["rows not sent"].median_seconds, 1),
    )


def _measure_hour(reader: Connection, replica: Connection, hour: Period, results: Results) -> None:
    bounds = _bounds(hour)
    rows = _rows(reader, "hourly_volume", bounds)
    ((counted, amount_minor),) = replica.execute(statement("bare_scan"), bounds).fetchall()
    assert sum(row[3] for row in rows) == counted  # noqa: S101
    assert sum(row[4] for row in rows) == amount_minor  # noqa: S101
    timed = alternate(
        {
            "full count": lambda: replica.execute(statement("live_count")).fetchall(),
            "hourly_volume.sql": lambda: _copy(reader, "hourly_volume", bounds),
            "bare scan": lambda: replica.execute(statement("bare_scan"), bounds).fetchall(),
        }
    )
    ratio = timed["full count"].median_seconds / timed["hourly_volume.sql"].median_seconds
    results.report(
        "Hourly volume",
        timed,
        "bare scan",
        hour=hour.label,
        transactions_of_the_hour=counted,
        full_count_over_hourly_volume=round(ratio, 1),
    )


def day_cells(reader: Connection, bounds: dict[str, object]) -> list[Row]:
    """The rows of daily_volume.sql at the day's grain, in the old report's order of columns."""
    cursor = reader.execute(query("replica/daily_volume"), bounds)
    names = [column.name for column in cursor.description or ()]
    places = [names.index(name) for name in COLUMNS]
    hour = names.index("hour_start")
    return [
        cast("Row", tuple(row[place] for place in places)) for row in cursor if row[hour] is None
    ]


def _rows(reader: Connection, name: str, bounds: dict[str, object]) -> list[tuple[Any, ...]]:
    return reader.execute(query(f"replica/{name}"), bounds).fetchall()


def _copy(reader: Connection, name: str, bounds: dict[str, object]) -> int:
    """Read a query's rows as a close does, which never makes objects of them; return the bytes."""
    statement_text = sql.SQL("copy ({}) to stdout").format(sql.SQL(query(f"replica/{name}")))
    with reader.cursor() as cursor, cursor.copy(statement_text, bounds) as blocks:
        return sum(len(block) for block in blocks)


def _execute(reader: Connection, name: str, bounds: dict[str, object]) -> None:
    """Let the replica make a query's rows, and keep them: what the replica itself takes."""
    statement_text = sql.SQL("explain (analyze, timing off) {}").format(
        sql.SQL(query(f"replica/{name}"))
    )
    reader.execute(statement_text, bounds).fetchall()


def _bounds(period: Period) -> dict[str, object]:
    return {"period_start": period.start, "period_end": period.end}
