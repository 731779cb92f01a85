"""The status of a replica: which log it follows, how far it is behind a fence, and why."""

from dataclasses import dataclass
from datetime import datetime
from typing import Self

import psycopg
from psycopg.rows import DictRow

from closebook.errors import ClosebookError, Misconfigured, Transient, WrongData
from closebook.platform.connections import close, connect_to
from closebook.platform.fence import Fence, cluster_name
from closebook.platform.history import History
from closebook.postgres import Fault, answer_within, described, fault_of
from closebook.settings import Replica
from closebook.sql import query

ANSWER_SECONDS = 2.0


class ReplicaLost(Transient):
    """A replica failed or cancelled the read: another replica can be read."""


@dataclass(frozen=True)
class ReplicaStatus:
    """A replica at ``observed_at`` of its own clock; positions are bytes of the log.

    Without a WAL receiver, ``receiver_status``, ``last_message_at`` and ``announced_position``
    are None: the replica is not connected. ``announced_position`` is where the primary's log
    ended at the last message. ``postmaster_started_at`` changes when the server is restarted.
    """

    replica: Replica
    cluster: str
    history: History
    in_recovery: bool
    receiver_status: str | None
    last_message_at: datetime | None
    announced_position: int | None
    received_position: int
    replay_position: int
    replay_paused: bool
    last_replayed_at: datetime | None
    postmaster_started_at: datetime
    open_transactions: int
    observed_at: datetime

    def lag_bytes(self, fence: Fence) -> int:
        """The bytes of the log up to the fence that are not replayed yet."""
        return max(0, fence.position - self.replay_position)

    def lag_seconds(self, fence: Fence) -> float | None:
        """The seconds since the replica was last known to have everything; None if never.

        It needs a fence, which was read on the primary: a replica alone cannot distinguish an idle
        primary from a connection that is cut.
        """
        if not self.lag_bytes(fence):
            return 0.0
        known = [self.last_replayed_at, self._caught_up_at]
        newest = max((instant for instant in known if instant is not None), default=None)
        return None if newest is None else (self.observed_at - newest).total_seconds()

    def is_primary_of(self, fence: Fence) -> bool:
        """Whether this is the very primary of the fence, and not a replica that was promoted.

        A promotion begins a timeline. A server that is no replica and writes the log of the fence
        is the one that the fence was taken on.
        """
        return not self.in_recovery and self.history.may_equal(fence.history)

    def unfit_reason(self, fence: Fence) -> str | None:
        """Return why a close with this fence cannot read the replica, or None if it can."""
        name = self.replica.name
        if not self.in_recovery:  # guard: replica.chosen-in-recovery
            return f"{name} was promoted: it is not a replica any more"
        # guard: replica.same-timeline
        if self.history.timeline != fence.history.timeline:
            return (
                f"{name} follows timeline {self.history.timeline}, and the primary writes timeline "
                f"{fence.history.timeline}: if that lasts, rebuild it from the primary"
            )
        if not self.history.may_equal(fence.history):  # guard: replica.same-history
            return (
                f"{name} follows another timeline {self.history.timeline} than the primary writes: "
                f"its history is {self.history.switch_points_text}, and the primary's is "
                f"{fence.history.switch_points_text}; rebuild it from the primary"
            )
        if not self.lag_bytes(fence):  # guard: replica.past-the-fence
            return None
        seconds = self.lag_seconds(fence)
        age = "an unknown time" if seconds is None else f"{seconds:.1f} s"
        return f"{name} is {self.lag_bytes(fence)} bytes and {age} behind: {self._reason(fence)}"

    @property
    def _caught_up_at(self) -> datetime | None:
        """The time of the last message, if everything that it announced is replayed."""
        if self.announced_position is None or self.replay_position < self.announced_position:
            return None
        return self.last_message_at

    def _reason(self, fence: Fence) -> str:
        if self.receiver_status is None or self.last_message_at is None:
            link = "it is not connected to the primary (its log says why)"
        else:
            silent_seconds = (self.observed_at - self.last_message_at).total_seconds()
            link = (
                f"its WAL receiver is {self.receiver_status}, "
                f"the last message came {silent_seconds:.1f} s ago"
            )
        if self.replay_paused:
            return f"replay is paused (pg_wal_replay_resume()), {link}"
        if self.received_position >= fence.position:
            return f"it has received the log and not replayed it yet, {link}"
        return link


@dataclass(frozen=True)
class OpenReplica:
    """The status of a replica, and the connection on which it was read, in autocommit.

    The ``with`` block that opens it owns the connection and closes it.
    """

    status: ReplicaStatus
    connection: psycopg.Connection[DictRow]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connection; its transaction ends."""
        close(self.connection)


def replica_status(replica: Replica) -> ReplicaStatus:
    """Return the status of a replica. Raises as `open_replica` does."""
    with open_replica(replica) as opened:
        return opened.status


def open_replica(replica: Replica) -> OpenReplica:
    """Connect to a replica and read its status, in a transaction of its own.

    Raises ReplicaLost if it fails or does not answer within ANSWER_SECONDS, Misconfigured if it
    refuses the query.
    """
    try:
        connection = connect_to(replica)
        try:
            return OpenReplica(_status(replica, connection), connection)
        except BaseException:
            close(connection)  # guard: replica.refusing-one-is-closed
            raise
    except psycopg.Error as error:
        if fault_of(error) in (Fault.RIGHTS, Fault.ABSENT):
            raise Misconfigured(
                "CB-CONFIG-REPLICA-STATUS-REFUSED",
                f"{replica.name} does not report its status: {described(error)}; "
                "run sql/platform/grants.sql on the platform",
            ) from None
        raise replica_error(replica, error) from None


def replica_is_primary(replica: Replica) -> Misconfigured:
    """Return the error to raise for a replica's connection that leads to the primary."""
    return Misconfigured(
        "CB-CONFIG-REPLICA-IS-PRIMARY",
        f"the Airflow connection of {replica.name} leads to the primary: point it at a replica, "
        "since no close may read the primary",
    )


def replica_error(  # noqa: PLR0911  # one for each fault
    replica: Replica, error: psycopg.Error
) -> ClosebookError:
    """Return the error to raise when a replica fails, or refuses a query or a log-in.

    Do not chain the error of psycopg to it, since its text may quote a row.
    """
    name, said = replica.name, described(error)
    match fault_of(error):
        case Fault.LOST:
            return ReplicaLost("CB-RETRY-REPLICA-FAILED", f"{name} failed: {said}")
        case Fault.DAMAGED:
            return ReplicaLost(
                "CB-RETRY-REPLICA-DAMAGED",
                f"{name} is damaged: {said}; rebuild it from the primary",
            )
        case Fault.LOGIN:
            return Misconfigured(
                "CB-CONFIG-REPLICA-LOGIN",
                f"{name} refuses the log-in of closebook_reader: {said}; correct its Airflow "
                "connection, and the users of its PgBouncer",
            )
        case Fault.RIGHTS:
            return Misconfigured(
                "CB-CONFIG-READER-RIGHTS",
                f"{name}: the reader lacks a right: {said}; run sql/platform/grants.sql on the "
                "platform",
            )
        case Fault.ABSENT:
            return Misconfigured(
                "CB-CONFIG-VIEW-BROKEN",
                f"{name}: a query needs a view, a column or a function that does not exist: "
                f"{said}; run the platform's views and sql/platform/grants.sql again, and compare "
                "them with docs/contract.md",
            )
        case Fault.REFUSED:
            return Misconfigured(
                "CB-CONFIG-READ-REFUSED",
                f"{name} refuses to be read: {said}; a PgBouncer needs pool_mode transaction or "
                "session, and the views must be as docs/contract.md says",
            )
        case Fault.ROWS:
            return WrongData(
                "CB-DATA-QUERY-REFUSED",
                f"{name} cannot compute a row: {said}; compare the platform's reporting_source "
                "views with docs/contract.md",
            )


def _status(replica: Replica, connection: psycopg.Connection[DictRow]) -> ReplicaStatus:
    with answer_within(connection, ANSWER_SECONDS):
        row = connection.execute(query("replica/replica_status")).fetchone()
    assert row is not None  # noqa: S101  # the query has one row
    return ReplicaStatus(
        replica=replica,
        cluster=cluster_name(row),
        history=History.from_row(row),
        in_recovery=row["in_recovery"],
        receiver_status=row["receiver_status"],
        last_message_at=row["last_message_at"],
        announced_position=row["announced_position"],
        received_position=row["received_position"] or 0,
        replay_position=row["replay_position"] or 0,
        replay_paused=bool(row["replay_paused"]),
        last_replayed_at=row["last_replayed_at"],
        postmaster_started_at=row["postmaster_started_at"],
        open_transactions=row["open_transactions"],
        observed_at=row["observed_at"],
    )
