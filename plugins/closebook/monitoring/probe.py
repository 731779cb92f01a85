"""What the platform's servers say of their health: catalog and statistics views, no table.

On the primary this runs under the fence role, on a replica under the reader's. A server that does
not answer is a finding, not an error.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

import psycopg
from psycopg.rows import DictRow, dict_row

from closebook.errors import ClosebookError, Misconfigured, Transient
from closebook.monitoring import query_plans
from closebook.monitoring.query_plans import Plan
from closebook.monitoring.thresholds import LONG_QUERY_SECONDS, SLOW_STATEMENT_MS
from closebook.periods import Grain, Period
from closebook.platform.connections import primary_connection
from closebook.platform.fence import Fence, cluster_name
from closebook.platform.history import History
from closebook.platform.replica_status import replica_status
from closebook.postgres import answer_within, first_line
from closebook.settings import Replica, Settings
from closebook.sql import query

PRIMARY = "primary"
ANSWER_SECONDS = 10.0

Connection = psycopg.Connection[DictRow]


@dataclass(frozen=True)
class Sessions:
    """The client connections of one role in one state; long queries are counted among them."""

    role_name: str
    state: str
    session_count: int
    long_query_count: int
    longest_query_seconds: float


@dataclass(frozen=True)
class StatementTotals:
    """What one statement of a role has taken since ``reset_at``; blocks are those it touched."""

    role_name: str
    query_id: int
    call_count: int
    total_ms: float
    row_count: int
    block_count: int
    is_own: bool
    reset_at: datetime


@dataclass(frozen=True)
class Figures:
    """What a server that answers says. ``statements`` is None without pg_stat_statements."""

    fence: Fence | None
    cluster: str
    role_name: str
    postmaster_started_at: datetime
    stats_reset_at: datetime | None
    index_blocks_hit: int
    index_blocks_read: int
    connection_limit: int
    sessions: tuple[Sessions, ...]
    statements: tuple[StatementTotals, ...] | None
    lag_bytes: int | None = None
    lag_seconds: float | None = None
    plans: tuple[Plan, ...] = ()
    history: History | None = None

    @property
    def foreign_sessions(self) -> tuple[Sessions, ...]:
        """Those of others: a close may take long."""
        return tuple(one for one in self.sessions if one.role_name != self.role_name)

    @property
    def own_statements(self) -> tuple[StatementTotals, ...] | None:
        """Closebook's own, or None where nothing counts them."""
        if self.statements is None:
            return None
        return tuple(one for one in self.statements if one.is_own)


@dataclass(frozen=True)
class ServerHealth:
    """One server: its figures, or the problem that kept it from giving any."""

    name: str
    kind: str
    figures: Figures | None
    problem: str | None = None


def primary_health(settings: Settings) -> ServerHealth:
    """Ask the primary."""

    def ask() -> Figures:
        with primary_connection(settings) as connection, answer_within(connection, ANSWER_SECONDS):
            server = _server(connection)
            if server["in_recovery"]:
                raise Misconfigured("closebook_primary leads to a replica: it is in recovery")
            return _figures(connection, "primary", server)

    return _answered(PRIMARY, "primary", ask)


def replica_health(
    settings: Settings,
    replica: Replica,
    primary: ServerHealth,
    last_closed: Mapping[Grain, Period],
) -> ServerHealth:
    """Ask a replica; how far it is behind is known where the primary has answered before."""

    def ask() -> Figures:
        status = replica_status(replica)
        if not status.in_recovery:
            raise Transient(f"{replica.name} was promoted: it is not a replica any more")
        fence = None if primary.figures is None else primary.figures.fence
        # How far a replica of another log is behind, nobody can say.
        is_comparable = fence is not None and status.history.may_equal(fence.history)
        if fence is not None and fence.cluster != status.cluster:
            raise Misconfigured(
                f"{replica.name} is {status.cluster}, and the primary is {fence.cluster}: "
                "point the connections of both at one platform"
            )
        with (
            psycopg.connect(
                replica.conninfo,
                autocommit=True,
                prepare_threshold=None,
                row_factory=dict_row,
                cursor_factory=psycopg.ClientCursor,
            ) as connection,
            answer_within(connection, ANSWER_SECONDS),
        ):
            return _figures(
                connection,
                "replica",
                _server(connection),
                lag_bytes=status.lag_bytes(fence) if fence and is_comparable else None,
                lag_seconds=status.lag_seconds(fence) if fence and is_comparable else None,
                history=status.history,
                plans=query_plans.plans(connection, last_closed, settings.index_names),
            )

    return _answered(replica.name, "replica", ask)


def _answered(name: str, kind: str, ask: Callable[[], Figures]) -> ServerHealth:
    try:
        return ServerHealth(name, kind, ask())
    except psycopg.Error as error:
        return ServerHealth(name, kind, None, first_line(error))
    except ClosebookError as error:
        return ServerHealth(name, kind, None, str(error).split("\n", 1)[0])


def _server(connection: Connection) -> DictRow:
    row = connection.execute(query("health/read_server")).fetchone()
    assert row is not None  # noqa: S101  # the query has one row
    return row


def _figures(
    connection: Connection,
    folder: str,
    server: DictRow,
    *,
    lag_bytes: int | None = None,
    lag_seconds: float | None = None,
    plans: tuple[Plan, ...] = (),
    history: History | None = None,
) -> Figures:
    sessions = connection.execute(
        query(f"{folder}/pg_stat_activity"), {"long_query_seconds": LONG_QUERY_SECONDS}
    ).fetchall()
    cluster = cluster_name(server)
    position = server["flush_position"]
    return Figures(
        fence=None
        if position is None
        else Fence(position, History.from_row(server), server["observed_at"], cluster),
        history=history or History.from_row(server),
        cluster=cluster,
        role_name=server["role_name"],
        postmaster_started_at=server["postmaster_started_at"],
        stats_reset_at=server["stats_reset_at"],
        index_blocks_hit=server["index_blocks_hit"],
        index_blocks_read=server["index_blocks_read"],
        connection_limit=server["connection_limit"],
        sessions=tuple(Sessions(**row) for row in sessions),
        statements=_statements(connection, folder) if server["has_statements"] else None,
        lag_bytes=lag_bytes,
        lag_seconds=lag_seconds,
        plans=plans,
    )


def _statements(connection: Connection, folder: str) -> tuple[StatementTotals, ...] | None:
    try:
        rows = connection.execute(
            query(f"{folder}/pg_stat_statements"), {"slow_statement_ms": SLOW_STATEMENT_MS}
        ).fetchall()
    except (
        psycopg.errors.UndefinedFunction,  # in a schema that the role does not look into
        psycopg.errors.UndefinedTable,
        psycopg.errors.ObjectNotInPrerequisiteState,  # made, and its library is not loaded
    ):
        return None
    return tuple(StatementTotals(**row) for row in rows)
