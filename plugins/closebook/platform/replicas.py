"""The choice of a replica past the fence, and the one read transaction of a close."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any, TypeVar

import psycopg
from psycopg import sql
from psycopg.rows import DictRow

from closebook.errors import ClosebookError, Misconfigured, NotReady, Transient, WrongData
from closebook.periods import Period
from closebook.platform.fence import Fence, raise_fence
from closebook.platform.replica_status import (
    OpenReplica,
    ReplicaLost,
    ReplicaStatus,
    connect_to,
    open_replica,
)
from closebook.postgres import first_line, hung_up_after, is_lost
from closebook.settings import Replica, Settings
from closebook.sql import query

FIRST_PAUSE_SECONDS = 0.05
LONGEST_PAUSE_SECONDS = 1.0
ANSWER_SECONDS = 5.0
# A replica sends each row by itself, and a write takes as long for one as for many.
ROWS_AT_ONCE = 500

Result = TypeVar("Result")


@dataclass(frozen=True)
class Source:
    """An open read transaction on a replica: one snapshot, proved to hold the whole period."""

    connection: psycopg.Connection[DictRow]
    replica: Replica
    fence: Fence
    snapshot_text: str
    statement_timeout_seconds: int

    def rows(self, name: str, parameters: Mapping[str, object]) -> list[DictRow]:
        """Run sql/replica/<name>.sql and return its rows: for the few, not for the bulk."""
        with self.reading():
            return self.connection.execute(query(f"replica/{name}"), parameters).fetchall()

    def copy_into(
        self,
        store: psycopg.Connection[Any],
        name: str,
        table: sql.Identifier,
        parameters: Mapping[str, object],
        key: Sequence[sql.Composable] = (),
    ) -> None:
        """Stream the rows of sql/replica/<name>.sql into a table of the store.

        The table has the query's columns, in the query's order, and of the same types: PostgreSQL
        refuses another one. Before them stand the columns of ``key``: expressions that have the
        same value in each row.
        """
        columns = sql.SQL(", ").join([*key, sql.SQL("found.*")])
        reading = sql.SQL("copy (select {} from ({}) as found) to stdout (format binary)").format(
            columns, sql.SQL(query(f"replica/{name}"))
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
        (exported,) = self.rows("export_snapshot", {})
        name = sql.Literal(exported["snapshot_name"])
        connection = _connected(self.replica)
        with _one_snapshot(self.replica, connection):
            beside = replace(self, connection=connection)
            with beside.reading():
                with _snapshot_gone(self.replica):
                    connection.execute(sql.SQL("set transaction snapshot {}").format(name))
                _limit_statements(connection, self.statement_timeout_seconds)
            yield beside

    def let_go(self) -> None:
        """End the read once all is read; a read after that fails.

        While a snapshot is open the replica waits with its replay, or the primary with its vacuum.
        """
        _let_go(self.connection)

    @contextmanager
    def reading(self) -> Iterator[None]:
        """Raise ReplicaLost for a failing or hanging server, WrongData for a wrong query."""
        with (
            _replica_error(self.replica),
            hung_up_after(self.connection, self.statement_timeout_seconds + ANSWER_SECONDS),
        ):
            yield


OpenSource = Callable[[], AbstractContextManager[Source]]


def read(settings: Settings, period: Period, work: Callable[[Source], Result]) -> Result:
    """Do the work in one read transaction on a replica that provably holds the whole period.

    When the replica fails half-way everything is thrown away and the work starts again, on
    another replica if there is one. Raises NotReady when the period may still change or no
    replica has it yet, Transient when the replicas kept failing, Misconfigured when none of
    them can ever serve.
    """
    fence = raise_fence(settings, period)
    avoided: Replica | None = None
    for attempt in range(settings.read_attempts):
        chosen = choose_replica(settings, fence, avoided)
        try:
            with _read_transaction(settings, fence, chosen) as source:
                return work(source)
        except ReplicaLost as error:
            avoided, last_error = chosen.status.replica, error
            time.sleep(FIRST_PAUSE_SECONDS * 2**attempt)
    raise Transient(
        f"{period}: reading failed {settings.read_attempts} times, last on "
        f"{chosen.status.replica.name}: {last_error}"
    )


def read_both(
    settings: Settings, period: Period, work: Callable[[Source, OpenSource], Result]
) -> Result:
    """Do the work in a read transaction on each of two replicas that are past the same fence.

    The second begins when the work opens it, so that neither waits for the other. Raises
    Misconfigured when there is only one replica, NotReady when only one is fit, else as
    `read` does; a replica that fails half-way is Transient, since nobody is left to take over.
    """
    if len(settings.replicas) == 1:
        raise Misconfigured(
            "a cross-check needs two replicas and CLOSEBOOK_REPLICAS names one: switch cross_check "
            "off, or name another"
        )
    fence = raise_fence(settings, period)
    # The second's turn may come in minutes, and who idles that long may be cut off on the way: each
    # is connected to anew when it is read.
    first = choose_replica(settings, fence, None).leave()
    others = tuple(r for r in settings.replicas if r != first.replica)
    try:
        second = choose_replica(replace(settings, replicas=others), fence, None).leave()
    except (NotReady, Misconfigured) as lacking:
        raise type(lacking)(
            f"the cross-check has no second replica beside {first.replica.name}: {lacking}"
        ) from None
    with _connected_read(settings, fence, first) as source:
        return work(source, lambda: _connected_read(settings, fence, second))


def choose_replica(settings: Settings, fence: Fence, avoided: Replica | None) -> OpenReplica:
    """Return the least busy replica that has replayed past the fence, once there is one.

    A replica to be avoided is taken only when no other one will do. No snapshot is held while
    this waits, and no connection but the chosen one's is left open. Raises NotReady after the
    bound on waiting, with what each replica lacks; Misconfigured when that is nothing that
    waiting can bring.
    """
    deadline = time.monotonic() + settings.replica_wait_seconds
    pause_seconds = FIRST_PAUSE_SECONDS
    with ThreadPoolExecutor(len(settings.replicas)) as pool:
        while True:
            answers = list(pool.map(lambda replica: _ask(replica, fence), settings.replicas))
            opened = [answer for answer in answers if isinstance(answer, OpenReplica)]
            ready = [answer for answer in opened if answer.status.lack(fence) is None]
            chosen = min(
                ready,
                key=lambda r: (r.status.replica == avoided, r.status.open_transactions),
                default=None,
            )
            for other in opened:
                if other is not chosen:
                    other.leave()
            if chosen is not None:
                return chosen
            lacks = "; ".join(
                str(a.status.lack(fence) if isinstance(a, OpenReplica) else a) for a in answers
            )
            if all(isinstance(answer, Misconfigured) for answer in answers):
                raise Misconfigured(f"no replica can be read: {lacks}")
            remaining_seconds = deadline - time.monotonic()
            if remaining_seconds <= 0:
                raise NotReady(
                    f"no replica has reached {fence.lsn} within "
                    f"{settings.replica_wait_seconds:g} s: {lacks}"
                )
            time.sleep(min(pause_seconds, remaining_seconds))
            pause_seconds = min(2 * pause_seconds, LONGEST_PAUSE_SECONDS)


def _ask(replica: Replica, fence: Fence) -> OpenReplica | ClosebookError:
    try:
        asked = open_replica(replica)
    except (ReplicaLost, Misconfigured) as error:
        return error
    if asked.status.cluster != fence.cluster:
        asked.leave()
        return Misconfigured(
            f"{replica.name} is {asked.status.cluster}, and the primary is {fence.cluster}: "
            "point the connections of both at one platform"
        )
    return asked


@contextmanager
def _connected_read(settings: Settings, fence: Fence, status: ReplicaStatus) -> Iterator[Source]:
    chosen = OpenReplica(status, _connected(status.replica))
    with _read_transaction(settings, fence, chosen) as source:
        yield source


@contextmanager
def _read_transaction(settings: Settings, fence: Fence, chosen: OpenReplica) -> Iterator[Source]:
    """Open the snapshot after the replica was seen past the fence; close its connection after.

    Both are proved to be the same running server by its start time, since a pooler's connection
    outlives its server's: a replica that was replaced in between may be behind the fence again,
    and a promoted one is no replica any more.
    """
    status, connection = chosen.status, chosen.connection
    replica, statement_timeout = status.replica, settings.statement_timeout_seconds
    with _one_snapshot(replica, connection):
        with _replica_error(replica), hung_up_after(connection, ANSWER_SECONDS):
            _limit_statements(connection, statement_timeout)
            identity = connection.execute(query("replica/read_identity")).fetchone()
        assert identity is not None  # noqa: S101  # a select without from has one row
        if not identity["in_recovery"]:
            raise ReplicaLost(f"{replica.name} was promoted: it is not a replica any more")
        if identity["postmaster_started_at"] != status.postmaster_started_at:
            raise ReplicaLost(f"{replica.name} was restarted between the choice and the read")
        yield Source(connection, replica, fence, identity["snapshot_text"], statement_timeout)


def _connected(replica: Replica) -> psycopg.Connection[DictRow]:
    with _replica_error(replica):
        return connect_to(replica)


@contextmanager
def _one_snapshot(replica: Replica, connection: psycopg.Connection[DictRow]) -> Iterator[None]:
    """Let the next statement begin a transaction of one snapshot, read only; close it after."""
    try:
        with _replica_error(replica):
            connection.autocommit = False
            connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
            connection.read_only = True
        yield
    finally:
        _let_go(connection)


def _let_go(connection: psycopg.Connection[Any]) -> None:
    """End a read transaction. A server that has ended it already, or is gone, is no matter."""
    # PgBouncer closes the server's connection when a client leaves within a transaction.
    with suppress(psycopg.Error), hung_up_after(connection, ANSWER_SECONDS):
        connection.rollback()
    connection.close()


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
