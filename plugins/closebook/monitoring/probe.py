"""The health of one server of the platform, from catalog and statistics views only.

The queries run under the fence role on the primary, and under the reader role on a replica. They
read no table. A server that does not answer is a result, not an error.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

import psycopg
from psycopg.rows import DictRow

from closebook.errors import ClosebookError, Misconfigured, Transient
from closebook.monitoring.query_plans import QueryPlan, query_plans
from closebook.monitoring.thresholds import LONG_QUERY_SECONDS, SLOW_QUERY_MS, ClockOffset
from closebook.periods import Grain, Period
from closebook.platform.connections import connect_to, primary_connection
from closebook.platform.fence import Fence, cluster_name
from closebook.platform.history import History
from closebook.platform.replica_status import replica_is_primary, replica_status
from closebook.postgres import Fault, answer_within, described, fault_of
from closebook.settings import Replica, Settings
from closebook.sql import query

PRIMARY = "primary"
TIMEOUT_SECONDS = 10.0

Connection = psycopg.Connection[DictRow]


@dataclass(frozen=True)
class SessionGroup:
    """The client connections of one role in one state, and the long queries that they run."""

    role_name: str
    state: str
    session_count: int
    long_query_count: int
    longest_query_seconds: float


@dataclass(frozen=True)
class QueryTotals:
    """One row of pg_stat_statements: a query of one role, with its totals since ``reset_at``.

    ``block_count`` counts the blocks that the query read from memory or disk. ``is_own`` is true
    for a query of Closebook's own role.
    """

    role_name: str
    query_id: int
    call_count: int
    total_ms: float
    row_count: int
    block_count: int
    is_own: bool
    reset_at: datetime


@dataclass(frozen=True)
class ServerStatistics:
    """The statistics of a server that answered.

    ``queries`` is None on a server without pg_stat_statements. ``log_end`` is the end of the
    primary's log on its disk; None on a replica.
    """

    log_end: Fence | None
    role_name: str
    postmaster_started_at: datetime
    stats_reset_at: datetime | None
    index_blocks_hit: int
    index_blocks_read: int
    connection_limit: int
    sessions: tuple[SessionGroup, ...]
    queries: tuple[QueryTotals, ...] | None
    lag_bytes: int | None = None
    lag_seconds: float | None = None
    plans: tuple[QueryPlan, ...] = ()
    history: History | None = None
    clock_offset: ClockOffset | None = None

    @property
    def connection_count(self) -> int:
        """The number of client connections."""
        return sum(one.session_count for one in self.sessions)

    @property
    def long_query_count(self) -> int:
        """The number of long queries of other roles. A close may run long queries."""
        return sum(one.long_query_count for one in self._other_sessions)

    @property
    def longest_query_seconds(self) -> float:
        """How long the longest query of another role has run; 0 if none runs."""
        return max((one.longest_query_seconds for one in self._other_sessions), default=0.0)

    @property
    def own_queries(self) -> tuple[QueryTotals, ...]:
        """The queries of Closebook's own role; none on a server without pg_stat_statements."""
        return tuple(one for one in self.queries or () if one.is_own)

    @property
    def other_queries(self) -> tuple[QueryTotals, ...]:
        """The slow queries of other roles; none on a server without pg_stat_statements."""
        return tuple(one for one in self.queries or () if not one.is_own)

    @property
    def _other_sessions(self) -> tuple[SessionGroup, ...]:
        return tuple(one for one in self.sessions if one.role_name != self.role_name)


@dataclass(frozen=True)
class ServerHealth:
    """One server with its statistics, or with the problem that prevented them."""

    name: str
    kind: str
    statistics: ServerStatistics | None
    problem: str | None = None


def primary_health(settings: Settings) -> ServerHealth:
    """Return the health of the primary. Raises nothing if the primary does not answer."""

    def probe() -> ServerStatistics:
        with (
            primary_connection(settings) as connection,
            answer_within(connection, TIMEOUT_SECONDS),
        ):
            server, clock_offset = _server(connection)
            if server["in_recovery"]:  # guard: health.primary-is-a-primary
                raise Misconfigured(
                    "CB-CONFIG-PRIMARY-IS-REPLICA",
                    "closebook_primary leads to a replica: it is in recovery",
                )
            return _statistics(connection, "primary", server, clock_offset)

    return _health(PRIMARY, "primary", probe)


def replica_health(
    settings: Settings,
    replica: Replica,
    primary: ServerHealth,
    last_closed: Mapping[Grain, Period],
) -> ServerHealth:
    """Return the health of a replica. Raises nothing if the replica does not answer.

    The replication lag is known only if the primary answered before.
    """

    def probe() -> ServerStatistics:
        status = replica_status(replica)
        log_end = None if primary.statistics is None else primary.statistics.log_end
        # guard: health.replica-is-a-replica
        if log_end is not None and status.is_primary_of(log_end):
            raise replica_is_primary(replica)
        if not status.in_recovery:
            raise Transient(
                "CB-RETRY-REPLICA-PROMOTED",
                f"{replica.name} was promoted: it is not a replica any more",
            )
        # The lag of a replica that follows another log is not known.
        is_comparable = log_end is not None and status.history.may_equal(log_end.history)
        if log_end is not None and log_end.cluster != status.cluster:
            raise Misconfigured(
                "CB-CONFIG-TWO-PLATFORMS",
                f"{replica.name} is {status.cluster}, and the primary is {log_end.cluster}: "
                "point the connections of both at one platform",
            )
        with (
            connect_to(replica, cursor_factory=psycopg.ClientCursor) as connection,
            answer_within(connection, TIMEOUT_SECONDS),
        ):
            return _statistics(
                connection,
                "replica",
                *_server(connection),
                lag_bytes=status.lag_bytes(log_end) if log_end and is_comparable else None,
                lag_seconds=status.lag_seconds(log_end) if log_end and is_comparable else None,
                history=status.history,
                plans=query_plans(
                    connection, last_closed, settings.index_names, settings.major_amounts
                ),
            )

    return _health(replica.name, "replica", probe)


def _health(name: str, kind: str, probe: Callable[[], ServerStatistics]) -> ServerHealth:
    try:
        return ServerHealth(name, kind, probe())
    except psycopg.Error as error:
        return ServerHealth(name, kind, None, described(error))
    except ClosebookError as error:
        return ServerHealth(name, kind, None, str(error).split("\n", 1)[0])


def _server(connection: Connection) -> tuple[DictRow, ClockOffset]:
    asked_at = datetime.now(UTC)
    row = connection.execute(query("health/read_server")).fetchone()
    assert row is not None  # noqa: S101  # the query has one row
    return row, ClockOffset.measured(asked_at, row["observed_at"], datetime.now(UTC))


def _statistics(
    connection: Connection,
    folder: str,
    server: DictRow,
    clock_offset: ClockOffset,
    *,
    lag_bytes: int | None = None,
    lag_seconds: float | None = None,
    plans: tuple[QueryPlan, ...] = (),
    history: History | None = None,
) -> ServerStatistics:
    sessions = connection.execute(
        query(f"{folder}/pg_stat_activity"), {"long_query_seconds": LONG_QUERY_SECONDS}
    ).fetchall()
    position = server["flush_position"]
    return ServerStatistics(
        log_end=None
        if position is None
        else Fence(position, History.from_row(server), server["observed_at"], cluster_name(server)),
        history=history or History.from_row(server),
        clock_offset=clock_offset,
        role_name=server["role_name"],
        postmaster_started_at=server["postmaster_started_at"],
        stats_reset_at=server["stats_reset_at"],
        index_blocks_hit=server["index_blocks_hit"],
        index_blocks_read=server["index_blocks_read"],
        connection_limit=server["connection_limit"],
        sessions=tuple(SessionGroup(**row) for row in sessions),
        queries=_query_totals(connection, folder) if server["has_statements"] else None,
        lag_bytes=lag_bytes,
        lag_seconds=lag_seconds,
        plans=plans,
    )


def _query_totals(connection: Connection, folder: str) -> tuple[QueryTotals, ...] | None:
    try:
        rows = connection.execute(
            query(f"{folder}/pg_stat_statements"), {"slow_statement_ms": SLOW_QUERY_MS}
        ).fetchall()
    except psycopg.Error as error:
        # The extension is in a schema outside the search path; or its library is not loaded.
        if fault_of(error) not in (Fault.ABSENT, Fault.REFUSED):
            raise
        return None
    return tuple(QueryTotals(**row) for row in rows)
