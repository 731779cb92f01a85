"""The one read of a close: a transaction on a replica, with one snapshot."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any

import psycopg
from psycopg import sql
from psycopg.rows import DictRow

from closebook.errors import Transient, WrongData
from closebook.platform.connections import close, connect_to
from closebook.platform.fence import Fence
from closebook.platform.replica_status import OpenReplica, ReplicaLost
from closebook.postgres import first_line, hung_up_after, is_lost
from closebook.settings import Replica, Settings
from closebook.sql import query

ANSWER_SECONDS = 5.0
# A replica sends each row by itself, and a write takes as long for one as for many.
ROWS_AT_ONCE = 500


@dataclass(frozen=True)
class Source:
    """An open read transaction on a replica: one snapshot, proved to hold the whole period."""

    connection: psycopg.Connection[DictRow]
    replica: Replica
    fence: Fence
    snapshot_text: str
    statement_timeout_seconds: int

    def rows(self, name: str, parameters: Mapping[str, object]) -> list[DictRow]:
        """Run sql/<name>.sql and return its rows: for the few, not for the bulk."""
        with self.reading():
            return self.connection.execute(query(name), parameters).fetchall()

    def copy_into(
        self,
        store: psycopg.Connection[Any],
        name: str,
        table: sql.Identifier,
        parameters: Mapping[str, object],
        key: Sequence[sql.Composable] = (),
    ) -> None:
        """Stream the rows of sql/<name>.sql into a table of the store.

        The table has the query's columns, in the query's order, and of the same types: PostgreSQL
        refuses another one. Before them stand the columns of ``key``: expressions that have the
        same value in each row.
        """
        columns = sql.SQL(", ").join([*key, sql.SQL("found.*")])
        reading = sql.SQL("copy (select {} from ({}) as found) to stdout (format binary)").format(
            columns, sql.SQL(query(name))
        )
        writing = sql.SQL("copy {} from stdin (format binary)").format(table)
        with (
            self.connection.cursor() as source_cursor,
            store.cursor() as store_cursor,
            store_cursor.copy(writing) as into_store,
            self.reading(),
            source_cursor.copy(reading, parameters) as from_replica,
        ):
            rows = iter(from_replica)
            while block := b"".join(islice(rows, ROWS_AT_ONCE)):
                with _store_error():
                    into_store.write(block)

    @contextmanager
    def beside(self) -> Iterator["Source"]:
        """A second reader of the same snapshot, with a connection of its own for another thread."""
        (exported,) = self.rows("replica/export_snapshot", {})
        name = sql.Literal(exported["snapshot_name"])
        connection = connected(self.replica)
        beside = replace(self, connection=connection)
        try:
            _begin_snapshot(self.replica, connection)
            with beside.reading():
                with _snapshot_gone(self.replica):
                    connection.execute(sql.SQL("set transaction snapshot {}").format(name))
                _limit_statements(connection, self.statement_timeout_seconds)
            yield beside
        finally:
            close(connection)

    def close(self) -> None:
        """End the read before its ``with`` block ends; a read after that fails.

        While a snapshot is open the replica waits with its replay, or the primary with its vacuum.
        """
        close(self.connection)

    @contextmanager
    def reading(self) -> Iterator[None]:
        """Raise ReplicaLost for a failing or hanging server, WrongData for a wrong query."""
        with (
            _replica_error(self.replica),
            hung_up_after(self.connection, self.statement_timeout_seconds + ANSWER_SECONDS),
        ):
            yield


@contextmanager
def read_transaction(settings: Settings, fence: Fence, chosen: OpenReplica) -> Iterator[Source]:
    """Open the snapshot, after the replica was seen past the fence; whoever chose it closes it.

    Both are proved to be the same running server by its start time, since a pooler's connection
    outlives its server's: a replica that was replaced in between may be behind the fence again,
    and a promoted one is no replica any more.
    """
    status, connection = chosen.status, chosen.connection
    replica, statement_timeout = status.replica, settings.statement_timeout_seconds
    _begin_snapshot(replica, connection)
    with _replica_error(replica), hung_up_after(connection, ANSWER_SECONDS):
        _limit_statements(connection, statement_timeout)
        identity = connection.execute(query("replica/read_identity")).fetchone()
    assert identity is not None  # noqa: S101  # a select without from has one row
    if not identity["in_recovery"]:  # guard: replica.read-in-recovery
        raise ReplicaLost(f"{replica.name} was promoted: it is not a replica any more")
    # guard: replica.same-server
    if identity["postmaster_started_at"] != status.postmaster_started_at:
        raise ReplicaLost(f"{replica.name} was restarted between the choice and the read")
    yield Source(connection, replica, fence, identity["snapshot_text"], statement_timeout)


def connected(replica: Replica) -> psycopg.Connection[DictRow]:
    """Connect to a replica. Raises ReplicaLost, or WrongData when it refuses."""
    with _replica_error(replica):
        return connect_to(replica)


def _begin_snapshot(replica: Replica, connection: psycopg.Connection[DictRow]) -> None:
    """Let the next statement begin a transaction of one snapshot, read only."""
    with _replica_error(replica):  # guard: replica.lost-before-the-read
        connection.autocommit = False
        # guard: replica.one-snapshot
        connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        connection.read_only = True


def _limit_statements(connection: psycopg.Connection[Any], seconds: int) -> None:
    connection.execute("select set_config('statement_timeout', %s, true)", [f"{seconds}s"])


@contextmanager
def _replica_error(replica: Replica) -> Iterator[None]:
    """Turn what a failing server says into ReplicaLost; a wrong query stays an error of ours.

    Neither keeps psycopg's own error, whose text may quote a row.
    """
    try:
        yield
    except psycopg.Error as error:
        if is_lost(error):
            raise ReplicaLost(f"{replica.name} failed: {first_line(error)}") from None
        # What is wrong with the query itself names columns; all else may quote a value.
        is_named = isinstance(error, psycopg.ProgrammingError)
        reason = first_line(error) if is_named else f"{type(error).__name__}, {error.sqlstate}"
        raise WrongData(
            f"{replica.name} refused a query: {reason}; compare the platform's "
            "reporting_source views with docs/contract.md"
        ) from None


@contextmanager
def _snapshot_gone(replica: Replica) -> Iterator[None]:
    """Raise ReplicaLost for a snapshot that is not there: its session has ended meanwhile."""
    try:
        yield
    except (psycopg.DataError, psycopg.ProgrammingError) as error:
        # PostgreSQL 15 calls its name invalid, 16 and later undefined.
        raise ReplicaLost(f"{replica.name} lost its snapshot: {first_line(error)}") from None


@contextmanager
def _store_error() -> Iterator[None]:
    try:
        yield
    except psycopg.Error as error:
        # Without the chain, which would show the row that was being written.
        raise Transient(f"the reporting store failed: {first_line(error)}") from None
