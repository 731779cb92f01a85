"""The choice of a replica past the fence, and the one read transaction of a close."""

import os
import socket
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar

import psycopg
from psycopg import sql
from psycopg.rows import DictRow, dict_row

from closebook.errors import Misconfigured, NotReady, Transient, WrongData
from closebook.fence import Fence, cluster_name, raise_fence
from closebook.periods import Period
from closebook.queries import query
from closebook.settings import Replica, Settings

POLL_SECONDS = 0.05
STATUS_SECONDS = 2.0
ANSWER_SECONDS = 5.0

Result = TypeVar("Result")


class ReplicaLost(Transient):
    """The replica that was being read failed, or cancelled the read: another one may do."""


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
    longest_answer_seconds: float

    def rows(self, name: str, parameters: Mapping[str, object]) -> list[DictRow]:
        """Run sql/replica/<name>.sql and return its rows: for the few, not for the bulk."""
        with (
            _lost_replica(self.replica),
            _hung_up_after(self.connection, self.longest_answer_seconds),
        ):
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
            _hung_up_after(self.connection, self.longest_answer_seconds),
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


def choose_replica(settings: Settings, fence: Fence, avoided: Replica | None) -> ReplicaStatus:
    """Return the least busy replica that has replayed past the fence, once there is one.

    A replica to be avoided is taken only when no other one will do. Raises NotReady after the
    bound on waiting, with what each replica lacks.
    """
    deadline = time.monotonic() + settings.replica_wait_seconds
    while True:
        with ThreadPoolExecutor(len(settings.replicas)) as pool:
            answers = list(pool.map(_ask, settings.replicas))
        ready = [a for a in answers if isinstance(a, ReplicaStatus) and _is_past(a, fence)]
        if ready:
            return min(ready, key=lambda s: (s.replica == avoided, s.open_transactions))
        if time.monotonic() >= deadline:
            raise NotReady(
                f"no replica has reached {fence.lsn} within "
                f"{settings.replica_wait_seconds:g} s: "
                + "; ".join(_describe_lack(answer, fence) for answer in answers)
            )
        time.sleep(POLL_SECONDS)


def replica_status(replica: Replica) -> ReplicaStatus:
    """Ask a replica how far it is, in a transaction of its own. Raises ReplicaLost.

    A replica that does not answer within STATUS_SECONDS counts as lost.
    """
    with (
        _lost_replica(replica),
        psycopg.connect(
            replica.conninfo, autocommit=True, prepare_threshold=None, row_factory=dict_row
        ) as connection,
        _hung_up_after(connection, STATUS_SECONDS),
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
        with _lost_replica(replica), _hung_up_after(connection, ANSWER_SECONDS):
            connection.execute(
                "select set_config('statement_timeout', %s, true)",
                [f"{settings.statement_timeout_seconds}s"],
            )
            identity = connection.execute(query("replica/read_identity")).fetchone()
        assert identity is not None  # noqa: S101  # a select without from has one row
        if not identity["in_recovery"]:
            raise ReplicaLost(f"{replica.name} was promoted: it is not a replica any more")
        if cluster_name(identity) != fence.cluster:
            raise Misconfigured(
                f"{replica.name} is {cluster_name(identity)}, and the primary is {fence.cluster}: "
                "point the connections of both at one platform"
            )
        if identity["postmaster_started_at"] != status.postmaster_started_at:
            raise ReplicaLost(f"{replica.name} was restarted between the choice and the read")
        longest_answer = settings.statement_timeout_seconds + ANSWER_SECONDS
        yield Source(connection, replica, fence, identity["snapshot_text"], longest_answer)
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
        # Without the chain: the server's detail would show values of the row.
        raise WrongData(
            f"{replica.name} refused a query: {_first_line(error)}; compare the platform's "
            "reporting_source views with docs/contract.md"
        ) from None


@contextmanager
def _hung_up_after(connection: psycopg.Connection[Any], seconds: float) -> Iterator[None]:
    """Cut the connection when the time is over: a frozen server answers no time-out of its own."""

    def hang_up() -> None:
        with (
            suppress(psycopg.OperationalError, OSError),
            socket.socket(fileno=os.dup(connection.fileno())) as line,
        ):
            line.shutdown(socket.SHUT_RDWR)

    timer = threading.Timer(seconds, hang_up)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


@contextmanager
def _store_error() -> Iterator[None]:
    try:
        yield
    except psycopg.Error as error:
        # Without the chain, which would show the row that was being written.
        raise Transient(f"the reporting store failed: {_first_line(error)}") from None


def _ask(replica: Replica) -> ReplicaStatus | ReplicaLost:
    try:
        return replica_status(replica)
    except ReplicaLost as error:
        return error


def _is_past(status: ReplicaStatus, fence: Fence) -> bool:
    return status.in_recovery and status.replay_position >= fence.position


def _describe_lack(status: ReplicaStatus | ReplicaLost, fence: Fence) -> str:
    if isinstance(status, ReplicaLost):
        return str(status)
    if not status.in_recovery:
        return f"{status.replica.name} was promoted: it is not a replica any more"
    lag_bytes = fence.position - status.replay_position
    last = status.last_replayed_at.isoformat() if status.last_replayed_at else "never"
    paused = ", replay is paused (pg_wal_replay_resume())" if status.replay_paused else ""
    return f"{status.replica.name} is {lag_bytes} bytes behind, last replayed {last}{paused}"


def _first_line(error: BaseException) -> str:
    return str(error).strip().split("\n", 1)[0]
