"""The read transaction of a close: one snapshot on one replica."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any, LiteralString

import psycopg
from psycopg import sql
from psycopg.rows import DictRow

from closebook.keys import BIGINT_KEYS, KeyTypes
from closebook.periods import Period
from closebook.platform.connections import close, connect_to
from closebook.platform.contract import (
    CONTRACT,
    bound_query,
    contract_of,
    optional_columns,
    optional_of,
)
from closebook.platform.contract_differences import require_contract, require_encoding
from closebook.platform.fence import Fence
from closebook.platform.replica_status import OpenReplica, ReplicaLost, replica_error
from closebook.platform.uncomputable_values import UncomputableValue, found_in, without
from closebook.platform.unreadable_rows import UnreadableRow
from closebook.postgres import Fault, answer_within, described, fault_of, store_error
from closebook.settings import Replica, Settings
from closebook.sql import query

ANSWER_SECONDS = 5.0
# A replica sends each row in a message of its own; writing many at once to the store is faster.
ROWS_AT_ONCE = 500


@dataclass(frozen=True)
class Source:
    """An open read transaction on a replica: one snapshot, proved to hold the whole period.

    Nothing that the snapshot sees was written beyond ``replay_position`` of the log (in bytes).
    ``relations`` are the views that were compared with the contract, as rows of
    sql/replica/contract_relations.sql; ``in_major`` are those with amounts in major units.
    ``keys`` are the types of their keys, and of the store's. ``optional`` are the optional columns
    that they have. ``uncomputable`` are values that the views cannot compute: each query has null
    in their place.
    """

    connection: psycopg.Connection[DictRow]
    replica: Replica
    fence: Fence
    snapshot_text: str
    replay_position: int
    statement_timeout_seconds: int
    relations: Sequence[DictRow]
    in_major: frozenset[str] = frozenset()
    keys: KeyTypes = BIGINT_KEYS
    optional: frozenset[str] = frozenset()
    uncomputable: Sequence[UncomputableValue] = ()

    def without_uncomputable(self, period: Period, error: UnreadableRow) -> "Source":
        """Return this read, without the values that its views cannot compute for the period.

        Raises the error, by which an earlier read ended, if they cannot be left out.
        """
        with _replica_error(self.replica):
            values = found_in(self.connection, period, self.in_major)
        if not values:
            raise error
        return replace(self, uncomputable=tuple(values))

    def rows(self, name: str, parameters: Mapping[str, object]) -> list[DictRow]:
        """Run sql/<name>.sql and return its rows. For a few rows; `copy_into` is for many."""
        with self.reading():
            return self.connection.execute(*self._bound(name, parameters)).fetchall()

    def copy_into(
        self,
        store: psycopg.Connection[Any],
        name: str,
        table: sql.Identifier,
        parameters: Mapping[str, object],
        key: Sequence[sql.Composable] = (),
    ) -> None:
        """Stream the rows of sql/<name>.sql into a table of the store.

        The table has the columns of the query, in the same order and of the same types. ``key`` are
        expressions for the columns before those; they have the same value in each row. Raises
        ReplicaLost if a view was replaced since the read began: its types were not compared.
        """
        columns = sql.SQL(", ").join([*key, sql.SQL("found.*")])
        text, bound = self._bound(name, parameters)
        reading = sql.SQL("copy (select {} from ({}) as found) to stdout (format binary)").format(
            columns, sql.SQL(text)
        )
        writing = sql.SQL("copy {} from stdin (format binary)").format(table)
        with (
            self.connection.cursor() as source_cursor,
            store.cursor() as store_cursor,
            store_cursor.copy(writing) as into_store,
            self.reading(),
            source_cursor.copy(reading, bound) as from_replica,
        ):
            rows = iter(from_replica)
            while block := b"".join(islice(rows, ROWS_AT_ONCE)):
                with _store_error():
                    into_store.write(block)
        if self._views() != self.relations:  # guard: contract.views-stay-the-same
            raise ReplicaLost(
                "CB-RETRY-VIEWS-REPLACED",
                f"{self.replica.name}: a view of reporting_source was replaced during the read",
            )

    @contextmanager
    def second_reader(self) -> Iterator["Source"]:
        """Open a second connection with the same snapshot, for another thread."""
        (exported,) = self.rows("replica/export_snapshot", {})
        name = sql.Literal(exported["snapshot_name"])
        connection = connected(self.replica)
        second = replace(self, connection=connection)
        try:
            _begin_snapshot(self.replica, connection)
            with second.reading():
                with _snapshot_error(self.replica):
                    connection.execute(sql.SQL("set transaction snapshot {}").format(name))
                _limit_statements(connection, self.statement_timeout_seconds)
            yield second
        finally:
            close(connection)

    def close(self) -> None:
        """End the read transaction before its ``with`` block ends; later reads fail.

        An open snapshot can delay the replay of the replica, or the vacuum of the primary.
        """
        close(self.connection)

    def _bound(
        self, name: str, parameters: Mapping[str, object]
    ) -> tuple[LiteralString, Mapping[str, object]]:
        text, bound = bound_query(name, self.in_major, parameters, self.keys)
        if not self.uncomputable:
            return text, bound
        columns = {
            view: [*of_view, *optional_of(view, self.optional, self.in_major)]
            for view, of_view in contract_of(self.in_major).items()
        }
        return without(text, bound, self.uncomputable, columns)

    def _views(self) -> list[DictRow]:
        return self.rows("replica/contract_relations", {"views": [*CONTRACT]})

    @contextmanager
    def reading(self) -> Iterator[None]:
        """Raise ReplicaLost for a failing or hanging server, and else as `replica_error`."""
        with (
            _replica_error(self.replica),
            answer_within(self.connection, self.statement_timeout_seconds + ANSWER_SECONDS),
        ):
            yield


@contextmanager
def read_transaction(
    settings: Settings, fence: Fence, chosen: OpenReplica, keys: KeyTypes = BIGINT_KEYS
) -> Iterator[Source]:
    """Open a snapshot on the replica that was chosen. The caller closes the connection.

    A pooler may have connected to another server since the choice: a rebuilt replica, which may be
    behind the fence. So the server's start time is compared. A replica that was promoted in the
    meantime is refused too. Raises Misconfigured, before a row is read, if the platform's views are
    not as the contract says, their keys are not of the types that the store has (``keys``), or the
    encoding of its texts is not known.
    """
    status, connection = chosen.status, chosen.connection
    replica, statement_timeout = status.replica, settings.statement_timeout_seconds
    _begin_snapshot(replica, connection)
    with _replica_error(replica), answer_within(connection, ANSWER_SECONDS):
        _limit_statements(connection, statement_timeout)
        identity = connection.execute(query("replica/read_identity")).fetchone()
        views = {"views": [*CONTRACT]}
        relations = connection.execute(query("replica/contract_relations"), views).fetchall()
        columns = connection.execute(query("replica/contract_columns"), views).fetchall()
    assert identity is not None  # noqa: S101  # a select without from has one row
    if not identity["in_recovery"]:  # guard: replica.read-in-recovery
        raise ReplicaLost(
            "CB-RETRY-REPLICA-PROMOTED",
            f"{replica.name} was promoted: it is not a replica any more",
        )
    # guard: replica.same-server
    if identity["postmaster_started_at"] != status.postmaster_started_at:
        raise ReplicaLost(
            "CB-RETRY-REPLICA-RESTARTED",
            f"{replica.name} was restarted between the choice and the read",
        )
    # Not kept for the next read: a view may be replaced between two closes.
    require_encoding(replica.name, identity["database_encoding"])
    require_contract(replica.name, columns, settings.major_amounts, keys)
    yield Source(
        connection=connection,
        replica=replica,
        fence=fence,
        snapshot_text=identity["snapshot_text"],
        replay_position=identity["replay_position"],
        statement_timeout_seconds=statement_timeout,
        relations=relations,
        in_major=settings.major_amounts,
        keys=keys,
        optional=optional_columns(columns, settings.major_amounts),
    )


def connected(replica: Replica) -> psycopg.Connection[DictRow]:
    """Connect to a replica. Raises ReplicaLost, or Misconfigured when it refuses."""
    with _replica_error(replica):
        return connect_to(replica)


def roll_back(chosen: OpenReplica) -> None:
    """End the transaction of a replica after an error. Raises ReplicaLost if it is lost."""
    with _replica_error(chosen.status.replica):
        chosen.connection.rollback()


def _begin_snapshot(replica: Replica, connection: psycopg.Connection[DictRow]) -> None:
    """Set the connection up so that the next statement begins a read-only snapshot."""
    with _replica_error(replica):  # guard: replica.lost-before-the-read
        connection.autocommit = False
        # guard: replica.one-snapshot
        connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        connection.read_only = True


def _limit_statements(connection: psycopg.Connection[Any], seconds: int) -> None:
    connection.execute("select set_config('statement_timeout', %s, true)", [f"{seconds}s"])


@contextmanager
def _replica_error(replica: Replica) -> Iterator[None]:
    """Raise the error that `replica_error` returns for an error of psycopg."""
    try:
        yield
    except psycopg.Error as error:
        raise replica_error(replica, error) from None


@contextmanager
def _snapshot_error(replica: Replica) -> Iterator[None]:
    """Raise ReplicaLost if the exported snapshot does not exist: its session has ended."""
    try:
        yield
    except psycopg.Error as error:
        # PostgreSQL 15 calls its name invalid, 16 and later undefined.
        if fault_of(error) not in (Fault.ROWS, Fault.ABSENT):
            raise
        raise ReplicaLost(
            "CB-RETRY-REPLICA-LOST-SNAPSHOT",
            f"{replica.name} lost its snapshot: {described(error)}",
        ) from None


@contextmanager
def _store_error() -> Iterator[None]:
    try:
        yield
    except psycopg.Error as error:
        # Not chained: the text of the cause may quote the row that was being written.
        raise store_error(error) from None
