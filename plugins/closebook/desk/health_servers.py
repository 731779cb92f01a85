"""The servers on the Health page: their current metrics, and the load of Closebook on each."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from psycopg.rows import DictRow

from closebook.monitoring.thresholds import hit_rate


@dataclass(frozen=True)
class Metric:
    """A current metric of a server as text. ``has_alert`` is true while an alert is about it."""

    name: str
    text: str
    is_known: bool
    has_alert: bool


@dataclass(frozen=True)
class Server:
    """A server with its metrics, or with the problem that prevented them.

    ``number`` (from 1) selects the colour of its lines in the charts.
    """

    name: str
    kind: str
    number: int
    problem: str | None
    metrics: tuple[Metric, ...]


@dataclass(frozen=True)
class Load:
    """The queries that Closebook ran on a server in a range of time, from pg_stat_statements.

    A value is None if no sample in the range has it.
    """

    server_name: str
    server_kind: str
    query_count: int | None
    seconds: float | None
    row_count: int | None
    block_count: int | None


def servers(latest: Sequence[DictRow], alerts: Sequence[DictRow]) -> list[Server]:
    """Return the servers of the last collection.

    The rows are those of sql/desk/health_latest.sql and sql/desk/health_alerts_now.sql.
    """
    return [
        Server(
            row["server_name"],
            row["server_kind"],
            number,
            row["problem"],
            ()
            if row["problem"]
            else _metrics(
                row,
                {
                    alert["alert_name"]
                    for alert in alerts
                    if alert["server_name"] == row["server_name"]
                },
            ),
        )
        for number, row in enumerate(latest, start=1)
    ]


def _metrics(row: DictRow, alert_names: set[str]) -> tuple[Metric, ...]:
    rate = hit_rate(row["index_blocks_hit"], row["index_blocks_read"])
    lag_seconds = row["lag_seconds"]
    return (
        Metric(
            "Index hit rate",
            "too few reads" if rate is None else f"{rate:.2%}",
            is_known=rate is not None,
            has_alert="index_hit_rate" in alert_names,
        ),
        Metric(
            "Replication lag",
            _lag_text(row["server_kind"], lag_seconds),
            is_known=lag_seconds is not None,
            has_alert="replication_lag" in alert_names,
        ),
        Metric(
            "Connections",
            f"{row['connection_count']:,} of {row['connection_limit']:,}",
            is_known=True,
            has_alert="connections" in alert_names,
        ),
        Metric(
            "Longest query",
            f"{row['longest_query_seconds']:,.1f} s",
            is_known=True,
            has_alert=not alert_names.isdisjoint({"long_queries", "slow_statements"}),
        ),
    )


def _lag_text(server_kind: str, lag_seconds: float | None) -> str:
    if server_kind == "primary":
        return "not a replica"
    return "unknown" if lag_seconds is None else f"{lag_seconds:,.1f} s"


def loads(latest: Sequence[DictRow], series: Sequence[DictRow]) -> list[Load]:
    """Return the load of each server: the sums over all rows of sql/desk/health_series.sql."""
    return [
        _load(
            server["server_name"],
            server["server_kind"],
            [row for row in series if row["server_name"] == server["server_name"]],
        )
        for server in latest
    ]


def _load(server_name: str, server_kind: str, rows: Sequence[DictRow]) -> Load:
    milliseconds = _sum(rows, "load_ms")
    return Load(
        server_name,
        server_kind,
        query_count=_sum(rows, "load_call_count"),
        seconds=None if milliseconds is None else milliseconds / 1000,
        row_count=_sum(rows, "load_row_count"),
        block_count=_sum(rows, "load_block_count"),
    )


def _sum(rows: Sequence[DictRow], column: str) -> Any:
    """Return the sum of the known values of a column, or None if no value is known."""
    known = [row[column] for row in rows if row[column] is not None]
    return sum(known) if known else None


def replica_block_share(loads: Sequence[Load]) -> float | None:
    """Return the share of the blocks that Closebook read on replicas, of all that it read.

    Returns None if it read none, or if the load of the primary or of all replicas is not known.
    """
    block_counts = {"primary": 0, "replica": 0}
    known = [load for load in loads if load.block_count is not None]
    for load in known:
        block_counts[load.server_kind] += load.block_count or 0
    total = sum(block_counts.values())
    if not total or {load.server_kind for load in known} != block_counts.keys():
        return None
    return block_counts["replica"] / total
