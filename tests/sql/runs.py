"""Running a case: its rows, its sessions and its query, on a real server, then rolled back."""

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, LiteralString

import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import make_conninfo
from psycopg.rows import DictRow, dict_row, tuple_row

from closebook.platform.contract import contract_of
from closebook.sql import query
from closebook.store.decision_key import RECORDS
from local.stack import Stack
from tests.decisions import proven
from tests.sql.cases import Case, Expected, Row, completed

SESSION_SETTINGS = {
    # Far from UTC and not by whole hours: what depends on the session's zone shows.
    "timezone": "Asia/Kathmandu",
    "lock_timeout": "50ms",
    # Plans that keep rows in no order by luck: an order must come from the query.
    "enable_indexscan": "off",
    "enable_indexonlyscan": "off",
    "enable_bitmapscan": "off",
    "enable_mergejoin": "off",
    "enable_sort": "off",
}
ROLES = {
    "health/read_server": "closebook_fence",
    "doctor/untracked": "closebook_fence",
    "desk": "closebook_desk",
    "reported": "closebook_desk",
    "statement_manifests/latest": "closebook_desk",
    "statement_decisions/obstacles": "closebook_desk",
    "statement_decisions/insert": "closebook_desk",
    "manifest_exceptions/of_manifest": "closebook_desk",
    "closes/last_closed": "closebook_desk",
    "statement_decisions/involved_runs": "closebook_desk",
    "session/transaction": "closebook_desk",
    "decision_key/insert": "closebook_owner",
    "schema_migrations/applied": "closebook_owner",
    "schema_migrations/insert": "closebook_owner",
    "schema_migrations/lock": "closebook_owner",
}
IDENTITY_COLUMNS = {
    "closes": "close_id",
    "tie_outs": "tie_out_id",
    "statement_manifests": "manifest_id",
    "statement_decisions": "decision_id",
    "document_failures": "failure_id",
    "reissue_requests": "request_id",
    "counter_publications": "publication_id",
    "platform_histories": "history_id",
    "close_readings": "reading_id",
    "health_samples": "sample_id",
    "health_alerts": "alert_id",
}
# Where ids that the database gives begin in a case, above those of the rows that are given.
FIRST_NEW_ID = 1000

Connection = psycopg.Connection[DictRow]


@dataclass(frozen=True)
class Servers:
    """The stack, with one platform and one reporting database for all cases."""

    stack: Stack
    platform: str
    store: str
    platform_admin: Connection
    store_admin: Connection

    @classmethod
    @contextmanager
    def connected(cls, stack: Stack, platform: str, store: str) -> Iterator["Servers"]:
        """Connect as superuser to both databases: a case's role is set in its transaction."""
        with (
            _connect(stack.primary_admin(platform)) as platform_admin,
            _connect(stack.store_admin(store)) as store_admin,
        ):
            yield cls(stack, platform, store, platform_admin, store_admin)

    def run(self, case: Case) -> None:
        """Run a case and fail with what differs. Nothing of it stays."""
        with self._prepared(case) as connection:
            _check(case, connection)
            if case.then is None and case.columns_of is None:
                return
            connection.execute("reset role")
            if case.then is not None:
                _compare(Expected(case.then["expect"]), connection.execute(case.then["select"]))
            if case.columns_of is not None:
                self._compare_columns(case, connection)

    def columns_of(self, case: Case) -> set[str]:
        """The columns that the query of a case gives, of all its statements."""
        with self._prepared(case) as connection:
            params = _params(case, connection)
            cursor = connection.execute(case.text, params or None)
            columns = {name for name, _ in _columns(cursor)}
            while cursor.nextset():
                columns |= {name for name, _ in _columns(cursor)}
        return columns

    @contextmanager
    def _prepared(self, case: Case) -> Iterator[Connection]:
        """A connection with what the case gives, in the role that runs its query."""
        with ExitStack() as stack:
            for session in case.sessions:
                stack.enter_context(self._session(case, **session))
            if case.query_name.startswith("primary/"):
                fence = stack.enter_context(_connect(self.stack.fence(self.platform)))
                # Several statements in one message take no parameters but in their text.
                fence.cursor_factory = psycopg.ClientCursor
                yield fence
            elif case.server == "replica":
                yield stack.enter_context(_connect(self.stack.reader("replica_a", self.platform)))
            elif is_of_platform(case.query_name):
                connection = stack.enter_context(rolled_back(self.platform_admin))
                with connection.pipeline():
                    _give(case, connection)
                for view, amount in case.major.items():
                    make_major(connection, view, amount)
                if case.optional:
                    add_columns(connection, read_view(case.query_name), case.optional)
                connection.execute("set transaction read only")
                _set_role(connection, case.query_name)
                yield connection
            else:
                connection = stack.enter_context(rolled_back(self.store_admin))
                with connection.pipeline():
                    _restart_identities(connection)
                    _give(case, connection)
                _set_role(connection, case.query_name)
                yield connection

    def _compare_columns(self, case: Case, connection: Connection) -> None:
        assert case.columns_of is not None
        table = f"staged_{case.query_name.removesuffix('/stage')}"
        with rolled_back(self.platform_admin) as platform:
            wanted = _columns(platform.execute(query(case.columns_of), case.params))
        made = connection.execute(sql.SQL("table {}").format(sql.Identifier(table)))
        assert _columns(made) == wanted

    @contextmanager
    def _session(
        self,
        case: Case,
        *,
        do: Sequence[Any],
        undo: Sequence[LiteralString] = (),
        application_name: str = "other",
        database: str | None = None,
        replication: str | None = None,
        role: str | None = None,
        password: str | None = None,
    ) -> Iterator[None]:
        stack = self.stack
        if is_of_platform(case.query_name):
            conninfo = stack.primary_admin(database or self.platform)
        else:
            conninfo = stack.store_admin(database or self.store)
        if role is not None:
            secret = password or stack.secrets[role]
            conninfo = make_conninfo(conninfo, user=role, password=secret)
        with psycopg.connect(
            conninfo,
            autocommit=True,
            application_name=application_name,
            replication=replication,
            # What a replication connection understands.
            cursor_factory=psycopg.ClientCursor,
        ) as connection:
            for statement in do:
                _do(connection, statement)
            try:
                yield
            finally:
                # Its transaction must be seen to have ended before the next case looks.
                connection.rollback()
                for statement in undo:
                    connection.execute(statement)


def role_of(query_name: str) -> str:
    """The role that runs a query in production."""
    folder = query_name.partition("/")[0]
    usual = "closebook_reader" if is_of_platform(query_name) else "closebook_store"
    return ROLES.get(query_name) or ROLES.get(folder, usual)


def is_of_platform(query_name: str) -> bool:
    """Whether a query runs on a server of the platform: sql/README.md has the rule."""
    folder, _, name = query_name.partition("/")
    if folder == "doctor":
        return name != "store"
    return (
        folder in {"adoption", "primary", "replica", "shared"} or name.partition("_")[0] == "read"
    )


@contextmanager
def rolled_back(connection: Connection) -> Iterator[Connection]:
    """A transaction of which nothing stays."""
    try:
        with connection.pipeline():
            connection.execute("begin")
            for name, value in SESSION_SETTINGS.items():
                connection.execute("select set_config(%s, %s, true)", [name, value])
        yield connection
    finally:
        connection.rollback()


def give(connection: Connection, table: str, rows: Sequence[Row]) -> None:
    """Insert rows with their defaults. Foreign keys are left open: a case names what matters."""
    connection.execute("set local session_replication_role = replica")
    for row in completed(table, rows):
        connection.execute(
            sql.SQL("insert into {} ({}) overriding system value values ({})").format(
                sql.Identifier(*table.split(".")),
                sql.SQL(", ").join(map(sql.Identifier, row)),
                sql.SQL(", ").join(map(sql.Placeholder, row)),
            ),
            row,
        )
    connection.execute("set local session_replication_role = origin")


def make_major(connection: psycopg.Connection[Any], view: str, amount: str) -> None:
    """Let a view of the contract have amounts in major units: an expression of its `minor` ones."""
    columns = [
        sql.SQL("{} as {}").format(
            sql.SQL(re.sub(r"\bminor\b", column.removesuffix("_major") + "_minor", amount)),
            sql.Identifier(column),
        )
        if column.endswith("_major")
        else sql.Identifier(column)
        for column in contract_of({view})[view]
    ]
    _make_view(connection, view, columns)


def read_view(query_name: str) -> str:
    """The view of the contract that a query reads."""
    [view] = re.findall(r"\bfrom reporting_source\.(\w+)", query(query_name))
    return str(view)


def add_columns(connection: psycopg.Connection[Any], view: str, added: Mapping[str, str]) -> None:
    """Let a view of the contract have further columns: expressions of those that it has."""
    columns = [
        sql.SQL("{} as {}").format(sql.SQL(expression), sql.Identifier(column))
        for column, expression in added.items()
    ]
    _make_view(connection, view, [sql.SQL("kept.*"), *columns])


def _make_view(
    connection: psycopg.Connection[Any], view: str, columns: Sequence[sql.Composable]
) -> None:
    """Make a view of the contract again, of these columns of what it was."""
    name = sql.Identifier("reporting_source", view)
    found = connection.cursor(row_factory=tuple_row).execute(
        "select pg_get_viewdef(%s::regclass)", [name.as_string()]
    )
    [(before,)] = found.fetchall()
    statements = "drop view {view}; create view {view} as select {columns} from ({before}) as kept;"
    connection.execute(
        sql.SQL(statements + " grant select on {view} to closebook_reader").format(
            view=name,
            columns=sql.SQL(", ").join(columns),
            before=sql.SQL(before.rstrip().rstrip(";")),
        )
    )


def _restart_identities(connection: Connection) -> None:
    """By setval: unlike `alter table` it waits for no vacuum of a table."""
    for table, column in IDENTITY_COLUMNS.items():
        connection.execute(
            "select setval(pg_get_serial_sequence(%s, %s), %s, false)",
            [f"reporting.{table}", column, FIRST_NEW_ID],
        )


def _give(case: Case, connection: Connection) -> None:
    for table, rows in case.given.items():
        if table.startswith("staged_"):
            _set_role(connection, case.query_name)
            connection.execute(query(f"{table.removeprefix('staged_')}/stage"))
            connection.execute("reset role")
        give(connection, table, rows)


def _set_role(connection: Connection, query_name: str) -> None:
    connection.execute(sql.SQL("set local role {}").format(sql.Identifier(role_of(query_name))))


def _do(connection: psycopg.Connection[Any], statement: LiteralString | Mapping[str, Any]) -> None:
    if isinstance(statement, str):
        connection.execute(statement)
    elif "fails" in statement:
        with pytest.raises(psycopg.Error):
            connection.execute(statement["fails"])
    else:
        connection.execute(query(statement["query"]), statement["params"])


def _check(case: Case, connection: Connection) -> None:
    if case.error is not None:
        with pytest.raises(getattr(psycopg.errors, case.error)), connection.transaction():
            connection.execute(case.text, _params(case, connection))
        return
    cursor = connection.execute(case.text, _params(case, connection) or None)
    if case.expect is not None:
        _compare(case.expect, cursor)
    if case.expect_each is not None:
        for number, expected in enumerate(case.expect_each):
            assert number == 0 or cursor.nextset()
            _compare(expected, cursor)
        assert not cursor.nextset()


def _params(case: Case, connection: Connection) -> Mapping[str, Any]:
    """The parameters of a case. What the desk writes is proven for the transaction."""
    for name in RECORDS:
        if case.query_name == name:
            return proven(connection, case.params, name)
    return case.params


def _compare(expected: Expected, cursor: psycopg.Cursor[DictRow]) -> None:
    rows = [{column: _in_utc(value) for column, value in row.items()} for row in cursor]
    difference = expected.difference(rows)
    if difference is not None:
        pytest.fail(difference, pytrace=False)


def _in_utc(value: object) -> object:
    return value.astimezone(UTC) if isinstance(value, datetime) else value


def _columns(cursor: psycopg.Cursor[Any]) -> list[tuple[str, int]]:
    return [(column.name, column.type_code) for column in cursor.description or ()]


def _connect(conninfo: str) -> Connection:
    return psycopg.connect(conninfo, autocommit=True, prepare_threshold=None, row_factory=dict_row)
