"""The fence: a position of the primary's log after every commit that can belong to a period.

Why it is exact. A row belongs to a period by a timestamp that the database gives it: now(), the
start of its transaction, or later. So a row of a period that ended at T was written by a
transaction that began before T. Once the primary's clock has passed T (plus a grace period, for a
backend that has read the clock and not yet reported its transaction), every such transaction shows
in pg_stat_activity with its start, or is among the prepared ones, which do not show theirs, or has
ended. So: wait until no backend shows one; the prepared transactions of that moment are the only
others; wait until these are gone too. All of them have ended then, and their commit records lie
below the insert position of the log that is read after that. A replica that has replayed up to
there, on the same timeline, has them all. The flush position is not enough: a transaction that
commits asynchronously is gone before its commit record is flushed.

An application may give the timestamp itself, before it begins its transaction. Such a row of the
period may be written by a transaction that began after T. A grace longer than half a second covers
that: the fence then also waits for the transactions that began in the first seconds after T, as
many seconds as the grace has more than half a second.

It assumes track_activities = on (a session without it delays the close), timestamps assigned by
the database or no older than that, a clock that is not set back, that the roles of
CLOSEBOOK_READ_ONLY_ROLES write nothing, and that nobody writes through a replication connection,
whose transactions PostgreSQL does not show. Rows that come late all the same are found when the
enclosing period closes.
"""

import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import psycopg
from psycopg.rows import DictRow

from closebook.errors import ClosebookError, Misconfigured, NotReady, Transient
from closebook.periods import Period
from closebook.platform.connections import primary_connection
from closebook.platform.history import History, lsn
from closebook.postgres import Fault, answer_within, described, fault_of, is_in_recovery
from closebook.settings import Settings
from closebook.sql import query

POLL_SECONDS = 0.1
ANSWER_SECONDS = 10.0
# Within this time a backend shows the transaction whose start it has read from the clock.
REPORTED_WITHIN_SECONDS = 0.5
PAGE_HEADER_BYTES = 24
SEGMENT_HEADER_BYTES = 40


@dataclass(frozen=True)
class Fence:
    """A position of the primary's log (in bytes) that lies after every commit of a period.

    `end_of_log` and the health probe use the class for the end of the log too, where no period is
    meant. ``history`` says of which log: positions of two logs cannot be compared. ``cluster``
    names the database and the cluster for people.
    """

    position: int
    history: History
    observed_at: datetime
    cluster: str

    @property
    def lsn(self) -> str:
        """The position as PostgreSQL writes it."""
        return lsn(self.position)


@dataclass(frozen=True)
class _Observation:
    """The results of sql/primary/fence.sql, in the order of its statements."""

    observed_at: datetime
    cluster: str
    oldest_backend: DictRow | None
    prepared: list[DictRow]
    log: DictRow
    history: History

    @property
    def fence(self) -> Fence:
        """The end of the log, which is a fence for each period that no transaction keeps open."""
        return Fence(_end_of_last_record(self.log), self.history, self.observed_at, self.cluster)


def take_fence(settings: Settings, period: Period) -> Fence:
    """Return a log position after every commit that can hold a row of the period.

    Waits out the grace after the period's end, and for a bounded time for transactions that
    began before it, or so shortly after it that their rows may be older. Raises NotReady when the
    period has not ended or such a transaction stays open, Transient without the primary,
    Misconfigured when the primary refuses.
    """
    seen = _wait_for_end(settings, period)
    may_write_until = period.end + _age_of_timestamps(settings)
    deadline = time.monotonic() + settings.fence_wait_seconds
    prepared_before_end: set[str] | None = None
    while True:
        open_transaction = _open_backend(period, seen, may_write_until)
        if open_transaction is None:
            # A transaction that is prepared later than this began too late to be an obstacle.
            if prepared_before_end is None:
                # guard: fence.prepared-transactions
                prepared_before_end = {row["transaction_id"] for row in seen.prepared}
            open_transaction = _open_prepared(period, seen, prepared_before_end)
        if open_transaction is None:
            return seen.fence
        if time.monotonic() >= deadline:
            raise open_transaction
        time.sleep(POLL_SECONDS)
        seen = _observe(settings)


def end_of_log(settings: Settings) -> Fence:
    """Return where the primary's log ends now: no fence of a period, since nothing is waited for.

    Raises Transient without the primary, Misconfigured when the primary refuses.
    """
    return _observe(settings).fence


def _wait_for_end(settings: Settings, period: Period) -> _Observation:
    """Return the first observation that the primary's clock puts past the end and the grace."""
    end = period.end + timedelta(seconds=settings.fence_grace_seconds)  # guard: fence.grace
    while True:
        seen = _observe(settings)
        remaining = (end - seen.observed_at).total_seconds()
        if remaining <= 0:  # guard: fence.period-has-ended
            return seen
        if remaining > settings.fence_wait_seconds + settings.fence_grace_seconds:
            raise NotReady(
                "CB-WAIT-PERIOD-NOT-ENDED",
                f"{period} has not ended: it is {seen.observed_at.isoformat()} now",
            )
        time.sleep(remaining)


def _age_of_timestamps(settings: Settings) -> timedelta:
    """How much older than its transaction's start the grace lets a row's timestamp be."""
    # guard: fence.older-timestamps
    return timedelta(seconds=max(0.0, settings.fence_grace_seconds - REPORTED_WITHIN_SECONDS))


def _open_backend(period: Period, seen: _Observation, may_write_until: datetime) -> NotReady | None:
    """Return the error that names the backend which may still commit into the period, if any.

    A transaction that began at ``may_write_until`` or later writes no row of the period.
    """
    backend = seen.oldest_backend
    if backend is None:
        return None
    who = (
        f"pid {backend['pid']}, role {backend['role_name']}, "
        f"application {backend['application_name']!r}, state {backend['state']}"
    )
    if backend["began_at"] is None:
        return NotReady(
            "CB-WAIT-HIDDEN-TRANSACTIONS",
            # guard: fence.hidden-transactions
            f"{period}: a backend ({who}) hides its transactions: set track_activities = on for it",
        )
    if backend["began_at"] < may_write_until:  # guard: fence.open-transactions
        age_seconds = (seen.observed_at - backend["began_at"]).total_seconds()
        return NotReady(
            "CB-WAIT-OPEN-TRANSACTION",
            f"{period}: a transaction open for {age_seconds:.1f} s ({who}) may still commit into "
            "it: wait for it, or end it on the primary; a role that writes nothing can be named in "
            "CLOSEBOOK_READ_ONLY_ROLES",
        )
    return None


def _open_prepared(
    period: Period, seen: _Observation, prepared_before_end: set[str]
) -> NotReady | None:
    """Return the error that names the prepared transaction which may still commit, if any."""
    for row in seen.prepared:
        if row["transaction_id"] in prepared_before_end:
            return NotReady(
                "CB-WAIT-PREPARED-TRANSACTION",
                f"{period}: the prepared transaction {row['gid']!r} of {row['role_name']} "
                f"(prepared {row['prepared_at'].isoformat()}) may have begun before its end: "
                "commit it or roll it back on the primary",
            )
    return None


def _observe(settings: Settings) -> _Observation:
    """Run the fence's four statements. Raises Transient, or Misconfigured for a refusal."""
    parameters = {"read_only_roles": [*settings.read_only_roles]}
    try:
        with primary_connection(settings) as connection, answer_within(connection, ANSWER_SECONDS):
            cursor = connection.execute(query("primary/fence"), parameters)
            results = [cursor.fetchall()]
            while cursor.nextset():
                results.append(cursor.fetchall())
    except psycopg.Error as error:
        raise _failed(error) from None
    (clock,), backends, prepared, (log,) = results
    if not clock["sees_all_backends"]:  # guard: fence.sees-all-backends
        raise Misconfigured(
            "CB-CONFIG-FENCE-SEES-NOBODY",
            "the fence role does not see what other roles do on the primary: "
            "grant pg_monitor to it (sql/platform/roles.sql)",
        )
    return _Observation(
        clock["observed_at"].astimezone(UTC),
        cluster_name(clock),
        backends[0] if backends else None,
        prepared,
        log,
        History.from_row(clock | log),
    )


def _failed(error: psycopg.Error) -> ClosebookError:
    if is_in_recovery(error):  # guard: fence.on-a-primary
        return Misconfigured(
            "CB-CONFIG-PRIMARY-IS-REPLICA",
            "closebook_primary leads to a replica: it is in recovery",
        )
    if fault_of(error) in (Fault.LOST, Fault.DAMAGED):
        return Transient(
            "CB-RETRY-FENCE-FAILED", f"the fence failed on the primary: {described(error)}"
        )
    return Misconfigured(
        "CB-CONFIG-FENCE-REFUSED",
        f"the primary refuses the fence: {described(error)}; compare the rights of its role "
        "with sql/platform/roles.sql, and run sql/platform/grants.sql on the platform",
    )


def cluster_name(identity: DictRow) -> str:
    """Name a database of a cluster, the same on the primary and on its replicas."""
    return f"database {identity['database_name']} of cluster {identity['system_identifier']}"


def _end_of_last_record(log: DictRow) -> int:
    """The end of the last record that was inserted into the log, as a replica counts it.

    At the start of a page the insert position lies after the page's header. A replica that has
    replayed everything reports the position before the header, and does not advance while the
    primary is idle.
    """
    position: int = log["insert_position"]
    if position % log["segment_bytes"] == SEGMENT_HEADER_BYTES:
        return position - SEGMENT_HEADER_BYTES
    if position % log["block_bytes"] == PAGE_HEADER_BYTES:  # guard: fence.page-headers
        return position - PAGE_HEADER_BYTES
    return position
