"""The health of the platform's servers: asked for, judged by the thresholds, kept in the store."""

import logging
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from closebook.errors import Transient
from closebook.monitoring import thresholds
from closebook.monitoring.probe import (
    Figures,
    ServerHealth,
    StatementTotals,
    primary_health,
    replica_health,
)
from closebook.monitoring.thresholds import Alert, SlowStatement, Vitals
from closebook.periods import Grain, Period
from closebook.platform.history import History
from closebook.settings import Settings
from closebook.sql import query
from closebook.store.session import Store, on_store

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Finding:
    """An alert, and the server that it is about."""

    server_name: str
    alert: Alert

    def __str__(self) -> str:
        return f"{self.server_name}: {self.alert.name}: {self.alert.detail}"


def collect(settings: Settings) -> list[Finding]:
    """Ask the primary and each replica how they are, keep it, and return what is not as it should.

    A server that does not answer is such a finding. What is older than health is kept is taken
    away. Raises Transient when the store is out of reach, or no server at all answers.
    """
    with on_store(settings) as store:
        last_closed = _last_closed(store)
        closed_from = _closed_from(store)
    servers = _ask(settings, last_closed)
    collected_at = datetime.now(UTC)
    findings: list[Finding] = []
    with on_store(settings) as store:
        for server in servers:
            findings += _keep(store, server, collected_at, closed_from)
        store.execute(query("health/purge"))
    for finding in findings:
        _log.warning("%s", finding)
    if all(server.figures is None for server in servers):
        problems = "; ".join(f"{server.name}: {server.problem}" for server in servers)
        raise Transient(f"no server of the platform answers: {problems}")
    return findings


def _last_closed(store: Store) -> dict[Grain, Period]:
    rows = store.execute(query("closes/last_closed"))
    return {Grain(row["grain"]): Period.from_register(row) for row in rows}


def _closed_from(store: Store) -> History | None:
    """Return the history of the platform that closes are read from, or None before the first."""
    row = store.execute(query("platform_histories/current")).fetchone()
    return None if row is None else History.from_row(row)


def _ask(settings: Settings, last_closed: Mapping[Grain, Period]) -> list[ServerHealth]:
    # The primary first: what its log held then, a replica that is abreast has by now.
    primary = primary_health(settings)
    with ThreadPoolExecutor(len(settings.replicas)) as pool:
        replicas = pool.map(
            lambda replica: replica_health(settings, replica, primary, last_closed),
            settings.replicas,
        )
        return [primary, *replicas]


def _keep(
    store: Store, server: ServerHealth, collected_at: datetime, closed_from: History | None
) -> list[Finding]:
    """Write what a server said, judge it by what came since the sample before, write that too."""
    written = store.execute(query("health/insert_sample"), _sample(server, collected_at)).fetchone()
    assert written is not None  # noqa: S101  # the insert returns its row
    sample_id = written["sample_id"]
    if server.figures is not None:
        _keep_parts(store, server.figures, sample_id)
    alerts = [*_alerts(store, server, sample_id), *_other_history(server, closed_from)]
    for alert in alerts:
        row = {"sample_id": sample_id, "alert_name": alert.name, "detail": alert.detail}
        store.execute(query("health/insert_alert"), row)
    return [Finding(server.name, alert) for alert in alerts]


def _sample(server: ServerHealth, collected_at: datetime) -> dict[str, Any]:
    figures = server.figures
    row: dict[str, Any] = {
        "collected_at": collected_at,
        "server_name": server.name,
        "server_kind": server.kind,
        "problem": server.problem,
        **dict.fromkeys(_FIGURES),
    }
    if figures is None:
        return row
    return row | {
        "postmaster_started_at": figures.postmaster_started_at,
        "stats_reset_at": figures.stats_reset_at,
        "index_blocks_hit": figures.index_blocks_hit,
        "index_blocks_read": figures.index_blocks_read,
        "lag_bytes": figures.lag_bytes,
        "lag_seconds": figures.lag_seconds,
        "connection_count": _connection_count(figures),
        "connection_limit": figures.connection_limit,
        "long_query_count": _long_query_count(figures),
        "longest_query_seconds": _longest_query_seconds(figures),
        **_load(figures.own_statements),
    }


_FIGURES = (
    *("postmaster_started_at", "stats_reset_at", "index_blocks_hit", "index_blocks_read"),
    *("lag_bytes", "lag_seconds", "connection_count", "connection_limit"),
    *("long_query_count", "longest_query_seconds", "statements_reset_at"),
    *("load_call_count", "load_ms", "load_row_count", "load_block_count"),
)


def _load(statements: Sequence[StatementTotals] | None) -> dict[str, Any]:
    """What Closebook's own statements have taken, where the server counts them."""
    if not statements:
        return {}
    return {
        "statements_reset_at": statements[0].reset_at,
        "load_call_count": sum(one.call_count for one in statements),
        "load_ms": sum(one.total_ms for one in statements),
        "load_row_count": sum(one.row_count for one in statements),
        "load_block_count": sum(one.block_count for one in statements),
    }


def _connection_count(figures: Figures) -> int:
    return sum(one.session_count for one in figures.sessions)


def _long_query_count(figures: Figures) -> int:
    return sum(one.long_query_count for one in figures.foreign_sessions)


def _longest_query_seconds(figures: Figures) -> float:
    return max((one.longest_query_seconds for one in figures.foreign_sessions), default=0.0)


def _keep_parts(store: Store, figures: Figures, sample_id: int) -> None:
    for sessions in figures.sessions:
        store.execute(
            query("health/insert_connection"),
            {
                "sample_id": sample_id,
                "role_name": sessions.role_name,
                "state": sessions.state,
                "connection_count": sessions.session_count,
            },
        )
    for statement in figures.statements or ():
        if not statement.is_own:
            store.execute(
                query("health/insert_statement"),
                {
                    "sample_id": sample_id,
                    "role_name": statement.role_name,
                    "query_id": statement.query_id,
                    "call_count": statement.call_count,
                    "total_ms": statement.total_ms,
                },
            )
    for plan in figures.plans:
        store.execute(
            query("health/insert_plan"),
            {
                "sample_id": sample_id,
                "query_name": plan.query_name,
                "meant_index": plan.meant_index,
                "scans": "; ".join(plan.scans),
                "is_as_meant": plan.is_as_meant,
            },
        )


def _other_history(server: ServerHealth, closed_from: History | None) -> Iterable[Alert]:
    history = None if server.figures is None else server.figures.history
    if history and closed_from and not history.may_equal(closed_from):  # guard: health: the history
        yield Alert(
            "other_history",
            f"timeline {history.timeline} of cluster {history.system_identifier}, and closes are "
            f"read from timeline {closed_from.timeline} of cluster {closed_from.system_identifier}",
        )


def _alerts(store: Store, server: ServerHealth, sample_id: int) -> Iterable[Alert]:
    figures = server.figures
    if figures is None:
        yield Alert("server_down", server.problem or "it does not answer")
        return
    interval = store.execute(query("health/interval"), {"sample_id": sample_id}).fetchone()
    assert interval is not None  # noqa: S101  # the sample was written just now
    slow = store.execute(query("health/slow_statements"), {"sample_id": sample_id})
    yield from thresholds.judge(
        Vitals(
            index_blocks_hit=interval["index_blocks_hit"],
            index_blocks_read=interval["index_blocks_read"],
            lag_bytes=figures.lag_bytes,
            lag_seconds=figures.lag_seconds,
            connection_count=_connection_count(figures),
            connection_limit=figures.connection_limit,
            long_query_count=_long_query_count(figures),
            longest_query_seconds=_longest_query_seconds(figures),
            slow_statements=tuple(SlowStatement(**row) for row in slow),
        )
    )
    for plan in figures.plans:
        if not plan.is_as_meant:
            yield Alert(
                "plan_changed",
                f"{plan.query_name} is meant for the index {plan.meant_index}, and would run as "
                f"{'; '.join(plan.scans)}",
            )
