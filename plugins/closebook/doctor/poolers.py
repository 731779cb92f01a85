"""The pooler in front of a replica: its mode, and whether its pool has room for a close."""

from collections.abc import Iterator

import psycopg
from psycopg.rows import DictRow

from closebook.doctor.finding import Finding, Severity
from closebook.platform.connections import close, connect_to
from closebook.postgres import Fault, answer_within, described, fault_of
from closebook.settings import Replica

SECOND_CONNECTION_SECONDS = 3.0
# A pooler in transaction mode gives two idle clients one process, unless others take it meanwhile.
_TRIES = 5


def pooler_observations(replica: Replica) -> Iterator[Finding]:
    """Tell of a pooler in another mode than transaction mode, or with a pool of one.

    Raises psycopg.Error when the replica cannot be asked.
    """
    first = connect_to(replica)
    second = None
    try:
        # A pooler tells its clients a process id of its own making.
        is_pooled = _process_of(first) != first.info.backend_pid
        if not is_pooled:
            return
        refusal = _refused_transaction(first)
        if refusal is not None:
            yield Finding(
                code="pooler-statement-mode",
                subject=replica.name,
                what=refusal,
                why="A close reads in one transaction, in one snapshot; this pooler allows none.",
                mend="pool_mode = transaction in pgbouncer.ini, then RELOAD on its console.",
            )
            return
        second = connect_to(replica)
        if not _has_room_for_two(first, second):
            yield Finding(
                code="pooler-too-small",
                subject=replica.name,
                what="while one transaction was open, a second one got no connection for "
                f"{SECOND_CONNECTION_SECONDS:g} s",
                why="A day reads over two connections at once: with a pool of one it waits for "
                "itself, and fails with query_wait_timeout. The same shows while others fill it.",
                mend="default_pool_size in pgbouncer.ini above the slots of the Airflow pool "
                "replica_reads (docs/settings.md#pools), then RELOAD.",
            )
        elif not any(_process_of(first) == _process_of(second) for _ in range(_TRIES)):
            yield Finding(
                code="pooler-session-mode",
                subject=replica.name,
                what="PgBouncer is in session mode, so it keeps a connection for each client",
                why="The closes work so. Its pool must have a connection for each client that is "
                "connected, not only for each one that reads.",
                mend="Nothing, or pool_mode = transaction.",
                severity=Severity.NOTE,
            )
    finally:
        close(first)
        if second is not None:
            close(second)


def _process_of(connection: psycopg.Connection[DictRow]) -> int:
    row = connection.execute("select pg_backend_pid() as process_id").fetchone()
    assert row is not None  # noqa: S101  # a select without from has one row
    return int(row["process_id"])


def _refused_transaction(connection: psycopg.Connection[DictRow]) -> str | None:
    """Return what the pooler says to a transaction, None if it allows it."""
    try:
        with connection.transaction():
            _process_of(connection)
    except psycopg.Error as error:
        if fault_of(error) is not Fault.REFUSED:
            raise
        return described(error)
    return None


def _has_room_for_two(
    first: psycopg.Connection[DictRow], second: psycopg.Connection[DictRow]
) -> bool:
    with first.transaction():
        _process_of(first)
        try:
            with answer_within(second, SECOND_CONNECTION_SECONDS):
                _process_of(second)
        except psycopg.Error as error:
            if fault_of(error) is not Fault.LOST:
                raise
            return False
    return True
