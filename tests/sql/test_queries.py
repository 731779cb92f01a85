"""Every SQL file has cases, and every case holds on a real server. See cases.py for their form."""

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, date, datetime
from pathlib import Path

import psycopg
import pytest
from psycopg import sql

from closebook.platform.contract import CONTRACT
from closebook.platform.fence import Fence
from closebook.platform.history import History
from closebook.platform.source import Source
from closebook.settings import Replica
from closebook.sql import SQL_FOLDER, query
from local.stack import Stack
from tests.sql import cases, runs
from tests.sql.cases import Case
from tests.sql.runs import Connection, Servers

ALL_CASES = [case for name in sorted(cases.case_files()) for case in cases.load(name)]
SQL_FILES = sorted(SQL_FOLDER.rglob("*.sql"))
STAGED = sorted(case.columns_of for case in ALL_CASES if case.columns_of is not None)


@pytest.fixture(scope="module")
def servers(
    stack: Stack, module_platform_database: str, module_store_database: str
) -> Iterator[Servers]:
    with Servers.connected(stack, module_platform_database, module_store_database) as servers:
        yield servers


@pytest.mark.parametrize("case", ALL_CASES, ids=str)
def test_case(servers: Servers, case: Case) -> None:
    servers.run(case)


def test_a_case_waits_for_no_vacuum_of_the_tables_whose_ids_it_restarts(servers: Servers) -> None:
    case = next(case for case in ALL_CASES if case.query_name == "schema_migrations/insert")
    lock = "lock table reporting.{} in share update exclusive mode"
    with psycopg.connect(servers.stack.store_admin(servers.store)) as vacuum:
        for table in runs.IDENTITY_COLUMNS:
            vacuum.execute(sql.SQL(lock).format(sql.Identifier(table)))
        servers.run(case)


def test_every_sql_file_has_cases_and_all_cases_are_of_an_sql_file() -> None:
    assert {case.query_name for case in ALL_CASES} == cases.query_names()
    assert cases.case_files() == cases.query_names()


def test_one_file_says_which_transactions_and_one_which_entries_are_of_a_period() -> None:
    condition = r"(\w+) >= %\(period_start\)s\s+and \1 < %\(period_end\)s"
    found = {
        str(path.relative_to(SQL_FOLDER).with_suffix(""))
        for path in SQL_FOLDER.rglob("*.sql")
        if re.search(condition, path.read_text(encoding="utf-8"))
    }
    assert found == {
        "shared/settled_transactions",
        "shared/posted_entries",
        # What the other condition is compared with.
        "doctor/bare_hour",
        # Columns that shared/posted_entries does not name, since a view may lack them.
        "statement_line_details/read",
    }


def test_no_query_compares_by_is_not_distinct_from() -> None:
    """PostgreSQL has no hash join for it: two sets of 100,000 rows take 10,000,000,000 steps."""
    paths = [path for path in SQL_FOLDER.glob("*/*.sql") if path.parent.name != "reporting"]
    assert len(paths) > 100, "the search found too little: the test would be empty"
    found = {
        path.relative_to(SQL_FOLDER).as_posix()
        for path in paths
        if "is not distinct from" in re.sub(r"--.*", "", path.read_text(encoding="utf-8")).lower()
    }
    assert found == set()


def test_no_two_cases_of_a_file_have_the_same_name() -> None:
    names = [str(case) for case in ALL_CASES]
    assert len(set(names)) == len(names)


@pytest.mark.parametrize(
    "query_name", sorted({case.query_name for case in ALL_CASES if case.expected_columns})
)
def test_the_cases_of_a_query_name_all_of_its_columns(servers: Servers, query_name: str) -> None:
    of_query = [case for case in ALL_CASES if case.query_name == query_name]
    first = next(case for case in of_query if case.expected_columns)
    named = {column for case in of_query for column in case.expected_columns}
    assert named == servers.columns_of(first)


# ---- from the replica to the store -----------------------------------------------------


@pytest.mark.parametrize("query_name", STAGED)
def test_rows_arrive_in_their_staged_table_as_the_replica_gave_them(
    servers: Servers, query_name: str
) -> None:
    name = query_name.removesuffix("/read")
    staged = sql.Identifier("pg_temp", f"staged_{name}")
    with given_rows_of(servers, query_name) as (source, parameters, store):
        store.execute(query(f"{name}/stage"))
        source.copy_into(store, query_name, staged, parameters)
        sent = source.rows(query_name, parameters)
        arrived = store.execute(sql.SQL("table {}").format(staged)).fetchall()
    assert sent
    assert sorted(map(repr, arrived)) == sorted(map(repr, sent))


def test_account_movement_arrives_below_its_close_and_no_account_twice(servers: Servers) -> None:
    name = "daily_account_movement/read"
    table = sql.Identifier("reporting", "daily_account_movement")
    key = [sql.SQL("5::bigint"), sql.SQL("date '2026-03-10'")]
    with given_rows_of(servers, name) as (source, parameters, store):
        runs.give(store, "reporting.closes", [{"close_id": 5}])
        source.copy_into(store, name, table, parameters, key)
        sent = source.rows(name, parameters)
        arrived = store.execute(sql.SQL("table {}").format(table)).fetchall()
        with pytest.raises(psycopg.errors.UniqueViolation):
            source.copy_into(store, name, table, parameters, key)
    below = {"close_id": 5, "business_day": date(2026, 3, 10)}
    assert len(sent) > 1
    assert sorted(map(repr, arrived)) == sorted(repr(below | row) for row in sent)


@contextmanager
def given_rows_of(
    servers: Servers, query_name: str
) -> Iterator[tuple[Source, Mapping[str, object], Connection]]:
    """A source that has what the query's first case gives, its parameters, and the store."""
    given = next(case for case in ALL_CASES if case.query_name == query_name and case.given)
    with (
        runs.rolled_back(servers.platform_admin) as platform,
        runs.rolled_back(servers.store_admin) as store,
    ):
        for table, rows in given.given.items():
            runs.give(platform, table, rows)
        if given.optional:
            runs.add_columns(platform, runs.read_view(query_name), given.optional)
        fence = Fence(0, History("", 1, ()), datetime.now(UTC), cluster="")
        relations = platform.execute(
            query("replica/contract_relations"), {"views": [*CONTRACT]}
        ).fetchall()
        yield Source(platform, Replica("a", ""), fence, "", 0, 60, relations), given.params, store


def test_the_movement_has_the_columns_of_the_table_that_it_is_copied_into(servers: Servers) -> None:
    """A day's movement is not staged: it goes into the table, behind close and day."""
    name = "daily_account_movement"
    parameters = {
        "period_start": datetime(2026, 3, 10, tzinfo=UTC),
        "period_end": datetime.now(UTC),
        "left_out_currencies": [],
        "has_text_keys": False,
    }
    with servers.platform_admin.transaction(force_rollback=True):
        sent = servers.platform_admin.execute(query(f"{name}/read"), parameters).description
    with servers.store_admin.transaction(force_rollback=True):
        table = servers.store_admin.execute(f"table reporting.{name}").description
    key = [("close_id", "int8"), ("business_day", "date")]

    assert [(column.name, column.type_display) for column in table or ()] == [
        *key,
        *((column.name, column.type_display) for column in sent or ()),
    ]


@pytest.mark.parametrize("query_name", STAGED)
def test_a_staged_table_ends_with_its_transaction(servers: Servers, query_name: str) -> None:
    name = query_name.removesuffix("/read")
    with servers.store_admin.transaction():
        servers.store_admin.execute(query(f"{name}/stage"))
    with pytest.raises(psycopg.errors.UndefinedTable):
        servers.store_admin.execute(sql.SQL("table {}").format(sql.Identifier(f"staged_{name}")))


# ---- the form of the files -------------------------------------------------------------


@pytest.mark.parametrize("path", SQL_FILES, ids=lambda p: p.relative_to(SQL_FOLDER).as_posix())
class TestForm:
    def test_begins_with_a_comment_that_says_what_it_does(self, path: Path) -> None:
        assert re.match(r"-- [A-Z].*\S", path.read_text(encoding="utf-8"))

    def test_is_lower_case_outside_of_comments_and_literals(self, path: Path) -> None:
        code = _code(path)
        assert code == code.lower()

    def test_has_named_parameters_and_no_other_markers(self, path: Path) -> None:
        # psycopg reads a percent sign in a comment as a marker too.
        rest = re.sub(r"%\([a-z0-9_]+\)s", "", path.read_text(encoding="utf-8"))
        assert "%" not in rest
        code = _code(path).replace("::", "").replace("$$", "")
        assert not re.search(r"[{}$]|:[a-z]", code)

    def test_selects_columns_by_name(self, path: Path) -> None:
        assert not re.search(r"(select|,|\.)\s*\*|^\s*table\b", _code(path), re.MULTILINE)


def _code(path: Path) -> str:
    # The name of this collation has to be in upper case.
    text = path.read_text(encoding="utf-8").replace('collate "C"', "")
    return re.sub(r"'[^']*'", "''", re.sub(r"--.*", "", text))
