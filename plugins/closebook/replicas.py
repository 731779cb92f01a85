"""The fence on the primary, the choice of a replica, and the one read transaction of a close.

Why the fence is exact. A row belongs to a period by a timestamp that the database gives it:
now(), the start of its transaction, or later. So a row of a period that ended at T was written
by a transaction that began before T. Once the primary's clock has passed T (plus a grace for a
backend that was descheduled between taking its time and reporting it), every such transaction
either shows in pg_stat_activity or pg_prepared_xacts, or has ended. If none shows, all of them
have ended, and their commit records lie below the insert position of the write-ahead log read
after that. A replica that has replayed up to there has them all.
It assumes track_activities = on (a session without it holds the close up), timestamps assigned
by the database, and that nobody writes through a replication connection, whose transactions
PostgreSQL does not show. Rows that come late all the same are found when the enclosing period
closes.
"""

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

import psycopg
from psycopg import sql
from psycopg.rows import DictRow, dict_row

from closebook.errors import ClosebookError, NotReady, Transient, WrongData
from closebook.periods import Period
from closebook.queries import query
from closebook.settings import Replica, Settings

POLL_SECONDS = 0.05
FENCE_CONNECT_ATTEMPTS = 40
PAGE_HEADER_BYTES = 24
SEGMENT_HEADER_BYTES = 40

Result = TypeVar("Result")


class ReplicaLost(Transient):
    """The replica that was being read failed, or cancelled the read: another one may do."""


@dataclass(frozen=True)
class Fence:
    """A position of the primary's log (in bytes) that lies after every commit of a period."""

    position: int
    observed_at: datetime

    @property
    def lsn(self) -> str:
        """The position as PostgreSQL writes it."""
        return f"{self.position >> 32:X}/{self.position & 0xFFFFFFFF:X}"


@dataclass(frozen=True)
class ReplicaStatus:
    """What a replica says of itself. Its incarnation is the start time of its postmaster."""

    replica: Replica
    in_recovery: bool
    replay_position: int
    replay_paused: bool
    last_replayed_at: datetime | None
    postmaster_started_at: datetime
    open_transactions: int


@dataclass(frozen=True)
class Source:
    """An open read transaction on a replica: one snapshot, proved to hold the whole period."""

    connection: psycopg.Connection[DictRow]
    replica: Replica
    fence: Fence
    snapshot_text: str

    def rows(self, name: str, parameters: Mapping[str, object]) -> list[DictRow]:
        """Run sql/replica/<name>.sql and return its rows: for the few, not for the bulk."""
        with _lost_replica(self.replica):
            return self.connection.execute(query(f"replica/{name}"), parameters).fetchall()

    def copy_into(
        self,
        store: psycopg.Connection[Any],
        name: str,
        staged_table: str,
        parameters: Mapping[str, object],
    ) -> None:
        """Stream the rows of sql/replica/<name>.sql into a staged table of the store."""
        reading = sql.SQL("copy ({}) to stdout").format(sql.SQL(query(f"replica/{name}")))
        writing = sql.SQL("copy {} from stdin").format(sql.Identifier(staged_table))
        with (
            self.connection.cursor() as source_cursor,
            store.cursor() as store_cursor,
            store_cursor.copy(writing) as into_store,
            _lost_replica(self.replica),
            source_cursor.copy(reading, parameters) as from_replica,
        ):
            for block in from_replica:
                with _store_error():
                    into_store.write(block)


def read(settings: Settings, period: Period, work: Callable[[Source], Result]) -> Result:
    """Do the work in one read transaction on a replica that provably holds the whole period.

    When the replica fails half-way everything is thrown away and the work starts again, on
    another replica if there is one. Raises NotReady when the period may still change or no
    replica has it yet, Transient when the replicas kept failing.
    """
    fence = raise_fence(settings, period)
    avoided: Replica | None = None
    for attempt in range(settings.read_attempts):
        status = choose_replica(settings, fence, avoided)
        try:
            with _read_transaction(settings, fence, status) as source:
                return work(source)
        except ReplicaLost as error:
            avoided, last_error = status.replica, error
            time.sleep(POLL_SECONDS * 2**attempt)
    raise Transient(
        f"{period}: reading failed {settings.read_attempts} times, last on {avoided}: {last_error}"
    )


def raise_fence(settings: Settings, period: Period) -> Fence:
    """Return a log position after every commit that can hold a row of the period.

    Waits out the grace after the period's end. Raises NotReady when the period has not ended or
    a transaction that began before its end is still open, Transient without the primary.
    """
    wait_until = period.end + timedelta(seconds=settings.fence_grace_seconds)
    with _fence_connection(settings) as connection:
        while True:
            clock, backends, prepared, log = _run_fence(connection)
            observed_at: datetime = clock["observed_at"].astimezone(UTC)
            if observed_at >= wait_until:
                break
            remaining = (wait_until - observed_at).total_seconds()
            if remaining > 2 * settings.fence_grace_seconds:
                raise NotReady(f"{period} has not ended: it is {observed_at.isoformat()} now")
            time.sleep(remaining)
    _refuse_open_writer(period, observed_at, backends)
    if prepared is not None and prepared["prepared_at"] < period.end:
        raise NotReady(
            f"{period}: the prepared transaction {prepared['gid']!r} of "
            f"{prepared['role_name']} (since {prepared['prepared_at'].isoformat()}) may still "
            "commit into it: commit or roll it back on the primary"
        )
    return Fence(_end_of_last_record(log), observed_at)


def choose_replica(settings: Settings, fence: Fence, avoided: Replica | None) -> ReplicaStatus:
    """Return the least busy replica that has replayed past the fence, once there is one.

    A replica to be avoided is taken only when no other one will do. Raises NotReady after the
    bound on waiting, with what each replica lacks.
    """
    deadline = time.monotonic() + settings.replica_wait_seconds
    while True:
        ready: list[ReplicaStatus] = []
        lacking: list[str] = []
        for replica in settings.replicas:
            try:
                status = replica_status(replica)
            except ReplicaLost as error:
                lacking.append(str(error))
                continue
            if not status.in_recovery:
                lacking.append(f"{replica.name} was promoted: it is not a replica any more")
            elif status.replay_position < fence.position:
                lacking.append(_describe_lag(status, fence))
            else:
                ready.append(status)
        if ready:
            return min(ready, key=lambda s: (s.replica == avoided, s.open_transactions))
        if time.monotonic() >= deadline:
            raise NotReady(
                f"no replica has reached {fence.lsn} within "
                f"{settings.replica_wait_seconds:g} s: " + "; ".join(lacking)
            )
        time.sleep(POLL_SECONDS)


def replica_status(replica: Replica) -> ReplicaStatus:
    """Ask a replica how far it is, in a transaction of its own. Raises ReplicaLost."""
    with (
        _lost_replica(replica),
        psycopg.connect(
            replica.conninfo, autocommit=True, prepare_threshold=None, row_factory=dict_row
        ) as connection,
    ):
        row = connection.execute(query("replica/replica_status")).fetchone()
    assert row is not None  # noqa: S101  # a select without from has one row
    return ReplicaStatus(
        replica=replica,
        in_recovery=row["in_recovery"],
        replay_position=row["replay_position"] or 0,
        replay_paused=bool(row["replay_paused"]),
        last_replayed_at=row["last_replayed_at"],
        postmaster_started_at=row["postmaster_started_at"],
        open_transactions=row["open_transactions"],
    )


@contextmanager
def _read_transaction(settings: Settings, fence: Fence, status: ReplicaStatus) -> Iterator[Source]:
    """Open the snapshot after the replica was seen past the fence.

    Both are proved to be the same running server by its start time: a replica that was replaced
    in between may be behind the fence again, and a promoted one is no replica any more.
    """
    replica = status.replica
    with _lost_replica(replica):
        # Prepared statements and session settings do not survive PgBouncer's transaction mode.
        connection = psycopg.connect(replica.conninfo, prepare_threshold=None, row_factory=dict_row)
    try:
        connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        connection.read_only = True
        with _lost_replica(replica):
            connection.execute(
                "select set_config('statement_timeout', %s, true)",
                [f"{settings.statement_timeout_seconds}s"],
            )
            identity = connection.execute(query("replica/read_identity")).fetchone()
        assert identity is not None  # noqa: S101  # a select without from has one row
        if not identity["in_recovery"]:
            raise ReplicaLost(f"{replica.name} was promoted: it is not a replica any more")
        if identity["postmaster_started_at"] != status.postmaster_started_at:
            raise ReplicaLost(f"{replica.name} was restarted between the choice and the read")
        yield Source(connection, replica, fence, identity["snapshot_text"])
    finally:
        connection.close()


@contextmanager
def _lost_replica(replica: Replica) -> Iterator[None]:
    """Turn what a failing server says into ReplicaLost; a wrong query stays an error of ours."""
    try:
        yield
    except (
        psycopg.OperationalError,  # lost, shut down, recovery conflict, time-out, too many
        psycopg.InterfaceError,
    ) as error:
        raise ReplicaLost(f"{replica.name} failed: {_first_line(error)}") from error
    except psycopg.Error as error:
        raise WrongData(
            f"{replica.name} refused a query: {_first_line(error)}; compare the platform's "
            "reporting_source views with docs/contract.md"
        ) from error


@contextmanager
def _store_error() -> Iterator[None]:
    try:
        yield
    except psycopg.Error as error:
        raise Transient(f"the reporting store failed: {_first_line(error)}") from error


@contextmanager
def _fence_connection(settings: Settings) -> Iterator[psycopg.Connection[DictRow]]:
    """Connect as the fence role, whose two connections closes side by side take turns at."""
    for attempt in range(FENCE_CONNECT_ATTEMPTS):
        try:
            connection = psycopg.connect(settings.primary, autocommit=True, row_factory=dict_row)
        except psycopg.OperationalError as error:
            last_error = error
            if "too many connections" not in str(error):
                break
            time.sleep(POLL_SECONDS * (1 + attempt % 4))
        else:
            with connection:
                yield connection
            return
    raise Transient(f"the primary cannot be asked for a fence: {_first_line(last_error)}")


def _run_fence(
    connection: psycopg.Connection[DictRow],
) -> tuple[DictRow, DictRow | None, DictRow | None, DictRow]:
    try:
        cursor = connection.execute(query("primary/fence"))
        first = [cursor.fetchone()]
        while cursor.nextset():
            first.append(cursor.fetchone())
    except psycopg.Error as error:
        raise Transient(f"the fence failed on the primary: {_first_line(error)}") from error
    clock, backend, prepared, log = first
    if clock is None or log is None:
        raise ClosebookError("sql/primary/fence.sql must give a clock first and a position last")
    return clock, backend, prepared, log


def _refuse_open_writer(period: Period, observed_at: datetime, backend: DictRow | None) -> None:
    if backend is None:
        return
    who = (
        f"pid {backend['pid']}, role {backend['role_name']}, "
        f"application {backend['application_name']!r}, state {backend['state']}"
    )
    if backend["began_at"] is None:
        raise NotReady(
            f"{period}: a backend ({who}) hides its transactions: set track_activities = on for it"
        )
    if backend["began_at"] < period.end:
        age = observed_at - backend["began_at"]
        raise NotReady(
            f"{period}: a transaction open for {age.total_seconds():.1f} s ({who}) may still "
            "commit into it: wait for it, or end it on the primary"
        )


def _end_of_last_record(log: DictRow) -> int:
    """The end of the last record that was inserted into the log, as a replica counts it.

    At the start of a page the insert position lies after the page's header; a replica that has
    replayed everything stands before it, and on an idle primary stays there.
    """
    position: int = log["insert_position"]
    if position % log["segment_bytes"] == SEGMENT_HEADER_BYTES:
        return position - SEGMENT_HEADER_BYTES
    if position % log["block_bytes"] == PAGE_HEADER_BYTES:
        return position - PAGE_HEADER_BYTES
    return position


def _describe_lag(status: ReplicaStatus, fence: Fence) -> str:
    lag_bytes = fence.position - status.replay_position
    last = status.last_replayed_at.isoformat() if status.last_replayed_at else "never"
    paused = ", replay is paused (pg_wal_replay_resume())" if status.replay_paused else ""
    return f"{status.replica.name} is {lag_bytes} bytes behind, last replayed {last}{paused}"


def _first_line(error: BaseException) -> str:
    return str(error).strip().split("\n", 1)[0]
