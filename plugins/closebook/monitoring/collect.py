"""One collection of health: it probes every server, stores the samples, and raises the alerts."""

import logging
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from closebook.errors import Transient
from closebook.monitoring.probe import (
    QueryTotals,
    ServerHealth,
    ServerStatistics,
    primary_health,
    replica_health,
)
from closebook.monitoring.thresholds import Alert, ServerMetrics, SlowQuery, exceeded_thresholds
from closebook.periods import Grain, Period
from closebook.platform.history import History
from closebook.settings import Settings
from closebook.sql import query
from closebook.store.session import Store, on_store

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class ServerAlert:
    """An alert with the name of its server."""

    server_name: str
    alert: Alert

    def __str__(self) -> str:
        return f"{self.server_name}: {self.alert.name}: {self.alert.detail}"


def collect(settings: Settings) -> list[ServerAlert]:
    """Store one health sample of the primary and of each replica, and return the alerts.

    A server that does not answer gets an alert. The collection also deletes the samples that are
    older than 90 days. Raises Transient if the store cannot be reached or if no server answers.
    """
    with on_store(settings) as store:
        last_closed = _last_closed(store)
        closed_from = _closed_from(store)
    servers = _probe(settings, last_closed)
    collected_at = datetime.now(UTC)
    alerts: list[ServerAlert] = []
    with on_store(settings) as store:
        for server in servers:
            alerts += _store_health(store, server, collected_at, closed_from)
        store.execute(query("health/purge"))
    for alert in alerts:
        _log.warning("%s", alert)
    # guard: health.no-server-fails-the-run
    if all(server.statistics is None for server in servers):
        problems = "; ".join(f"{server.name}: {server.problem}" for server in servers)
        raise Transient(
            "CB-RETRY-PLATFORM-SILENT", f"no server of the platform answers: {problems}"
        )
    return alerts


def _last_closed(store: Store) -> dict[Grain, Period]:
    rows = store.execute(query("closes/last_closed"))
    return {Grain(row["grain"]): Period.from_register(row) for row in rows}


def _closed_from(store: Store) -> History | None:
    """Return the history of the platform that closes are read from, or None before the first."""
    row = store.execute(query("platform_histories/current")).fetchone()
    return None if row is None else History.from_row(row)


def _probe(settings: Settings, last_closed: Mapping[Grain, Period]) -> list[ServerHealth]:
    # The primary comes first: a replica that has no lag has replayed the primary's position by now.
    primary = primary_health(settings)
    with ThreadPoolExecutor(len(settings.replicas)) as pool:
        replicas = pool.map(
            lambda replica: replica_health(settings, replica, primary, last_closed),
            settings.replicas,
        )
        return [primary, *replicas]


def _store_health(
    store: Store, server: ServerHealth, collected_at: datetime, closed_from: History | None
) -> list[ServerAlert]:
    """Store the sample of a server and its alerts, and return the alerts."""
    row = store.execute(query("health/insert_sample"), _sample(server, collected_at)).fetchone()
    assert row is not None  # noqa: S101  # the insert returns its row
    sample_id = row["sample_id"]
    if server.statistics is not None:
        _store_details(store, server.statistics, sample_id)
    alerts = [*_alerts(store, server, sample_id), *_other_history(server, closed_from)]
    for alert in alerts:
        store.execute(
            query("health/insert_alert"),
            {"sample_id": sample_id, "alert_name": alert.name, "detail": alert.detail},
        )
    return [ServerAlert(server.name, alert) for alert in alerts]


# The columns that are null in the sample of a server that did not answer.
_STATISTICS_COLUMNS = (
    *("postmaster_started_at", "stats_reset_at", "index_blocks_hit", "index_blocks_read"),
    *("lag_bytes", "lag_seconds", "connection_count", "connection_limit"),
    *("long_query_count", "longest_query_seconds", "statements_reset_at"),
    *("load_call_count", "load_ms", "load_row_count", "load_block_count"),
)


def _sample(server: ServerHealth, collected_at: datetime) -> dict[str, Any]:
    statistics = server.statistics
    row: dict[str, Any] = {
        "collected_at": collected_at,
        "server_name": server.name,
        "server_kind": server.kind,
        "problem": server.problem,
        **dict.fromkeys(_STATISTICS_COLUMNS),
    }
    if statistics is None:
        return row
    return row | {
        "postmaster_started_at": statistics.postmaster_started_at,
        "stats_reset_at": statistics.stats_reset_at,
        "index_blocks_hit": statistics.index_blocks_hit,
        "index_blocks_read": statistics.index_blocks_read,
        "lag_bytes": statistics.lag_bytes,
        "lag_seconds": statistics.lag_seconds,
        "connection_count": statistics.connection_count,
        "connection_limit": statistics.connection_limit,
        "long_query_count": statistics.long_query_count,
        "longest_query_seconds": statistics.longest_query_seconds,
        **_load(statistics.own_queries),
    }


def _load(own_queries: Sequence[QueryTotals]) -> dict[str, Any]:
    """Return the load columns: the totals of Closebook's own queries, or nothing without any."""
    if not own_queries:
        return {}
    return {
        "statements_reset_at": own_queries[0].reset_at,
        "load_call_count": sum(one.call_count for one in own_queries),
        "load_ms": sum(one.total_ms for one in own_queries),
        "load_row_count": sum(one.row_count for one in own_queries),
        "load_block_count": sum(one.block_count for one in own_queries),
    }


def _store_details(store: Store, statistics: ServerStatistics, sample_id: int) -> None:
    """Store the connections, the slow queries of other roles and the query plans of a sample."""
    for sessions in statistics.sessions:
        store.execute(
            query("health/insert_connection"),
            {
                "sample_id": sample_id,
                "role_name": sessions.role_name,
                "state": sessions.state,
                "connection_count": sessions.session_count,
            },
        )
    for totals in statistics.other_queries:
        store.execute(
            query("health/insert_statement"),
            {
                "sample_id": sample_id,
                "role_name": totals.role_name,
                "query_id": totals.query_id,
                "call_count": totals.call_count,
                "total_ms": totals.total_ms,
            },
        )
    for plan in statistics.plans:
        store.execute(
            query("health/insert_plan"),
            {
                "sample_id": sample_id,
                "query_name": plan.query_name,
                "meant_index": plan.expected_index,
                "scans": "; ".join(plan.scans),
                "is_as_meant": plan.is_as_expected,
            },
        )


def _other_history(server: ServerHealth, closed_from: History | None) -> Iterable[Alert]:
    history = None if server.statistics is None else server.statistics.history
    # guard: health.history
    if history and closed_from and not history.may_equal(closed_from):
        yield Alert(
            "other_history",
            f"timeline {history.timeline} of cluster {history.system_identifier}, and closes are "
            f"read from timeline {closed_from.timeline} of cluster {closed_from.system_identifier}",
        )


def _alerts(store: Store, server: ServerHealth, sample_id: int) -> Iterable[Alert]:
    statistics = server.statistics
    if statistics is None:
        # guard: health.server-down
        yield Alert("server_down", server.problem or "the server does not answer")
        return
    yield from exceeded_thresholds(_metrics(store, statistics, sample_id))
    for plan in statistics.plans:
        if not plan.is_as_expected:  # guard: health.changed-plan
            yield Alert(
                "plan_changed",
                f"{plan.query_name} should use the index {plan.expected_index}, but its plan is "
                f"now: {'; '.join(plan.scans)}",
            )


def _metrics(store: Store, statistics: ServerStatistics, sample_id: int) -> ServerMetrics:
    interval = store.execute(query("health/interval"), {"sample_id": sample_id}).fetchone()
    assert interval is not None  # noqa: S101  # the sample was inserted before
    slow_queries = store.execute(query("health/slow_statements"), {"sample_id": sample_id})
    return ServerMetrics(
        index_blocks_hit=interval["index_blocks_hit"],
        index_blocks_read=interval["index_blocks_read"],
        lag_bytes=statistics.lag_bytes,
        lag_seconds=statistics.lag_seconds,
        connection_count=statistics.connection_count,
        connection_limit=statistics.connection_limit,
        long_query_count=statistics.long_query_count,
        longest_query_seconds=statistics.longest_query_seconds,
        clock_offset=statistics.clock_offset,
        slow_queries=tuple(SlowQuery(**row) for row in slow_queries),
    )
