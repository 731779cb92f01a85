"""What the roles of the reporting store may do: the store adds, the desk reads for its pages."""

from collections.abc import Iterator, Mapping
from typing import Any, LiteralString

import psycopg
import pytest
from psycopg import sql
from psycopg.rows import DictRow, dict_row

from closebook.errors import Misconfigured
from closebook.sql import query
from closebook.store import decision_key
from closebook.store.decision_key import RECORDS, write_proven
from local.stack import Stack
from tests.decisions import DECISION_KEY

TABLES = {
    "platform_histories",
    "lost_logs",
    "close_readings",
    "closes",
    "close_totals",
    "close_exceptions",
    "document_failures",
    "manifest_exceptions",
    "manifest_parts",
    "zip_plans",
    "tie_outs",
    "hourly_volume",
    "daily_volume",
    "daily_account_movement",
    "statements",
    "statement_lines",
    "statement_line_details",
    "statement_numbers",
    "renderers",
    "statement_documents",
    "statement_twins",
    "statement_manifests",
    "statement_versions",
    "statement_decisions",
    "decision_key",
    "run_starts",
    "named_people",
    "counter_publications",
    "health_samples",
    "health_connections",
    "health_statements",
    "health_plans",
    "health_alerts",
    "desk_log",
    "reissue_requests",
    "reissue_answers",
    "notifications",
    "statement_events",
    "statement_event_batches",
    "retention",
    "legal_holds",
    "line_archives",
    "removed_lines",
}
VIEWS = {
    "corrections",
    "late_rows",
    "current_hourly_volume",
    "current_daily_volume",
    "current_daily_account_movement",
    "released_statements",
    "health_intervals",
    "issued_statements",
    "statement_totals",
    "statement_locales",
    "check_results",
    "current_exceptions",
    "documents_not_made",
    "statement_names",
    "statement_files",
    "day_versions",
    "held_accounts",
    "retention_limit",
}
EVERYTHING = TABLES | VIEWS | {"migrations"}
# What the pages of the desk show. No line of a statement, but those that a function shows of a
# correction; no movement of an account, no address; a number and a name only as the search and the
# pages of a statement and of a release show them.
SHOWN = {
    "closes",
    "statement_versions",
    "statement_documents",
    "statement_twins",
    "statement_manifests",
    "statement_decisions",
    "reissue_requests",
    "reissue_answers",
    "named_people",
    "counter_publications",
    "health_samples",
    "health_connections",
    "health_plans",
    "health_alerts",
    "health_intervals",
    "current_hourly_volume",
    "current_daily_volume",
    "corrections",
    "late_rows",
    "issued_statements",
    "statement_totals",
    "statement_locales",
    "check_results",
    "manifest_exceptions",
    "current_exceptions",
    "documents_not_made",
    "statement_names",
    "zip_plans",
    "statement_files",
    # For finance and auditors
    "day_versions",
    "close_totals",
    "close_readings",
    "platform_histories",
    "desk_log",
    "held_accounts",
}
# What the desk adds, by functions that need a proof.
REQUESTS = {"reissue_requests", "reissue_answers"}
# The key of decisions, which the owner alone reads and sets.
KEY = {"decision_key"}
# Decisions are written by a function alone.
DECISIONS = {"statement_decisions", *REQUESTS}
# The transaction of a release writes them.
EVENTS = {"statement_events"}
LOG = {"desk_log"}
# The owner sets how long lines stay; functions write holds, and what was removed.
RETENTION = {"retention", "legal_holds", "removed_lines"}
# The owner says who an unknown person was.
NAMED = {"named_people"}
MUTABLE = {"is_current", "confirmed_at", "confirmation_count"}

Connection = psycopg.Connection[tuple[object, ...]]


@pytest.fixture(scope="module")
def owner(stack: Stack, module_store_database: str) -> Iterator[Connection]:
    with psycopg.connect(stack.store_owner(module_store_database), autocommit=True) as connection:
        connection.execute(
            "insert into reporting.closes (grain, period_start, period_end, time_zone,"
            " close_version, fence_lsn, fenced_at, snapshot_text, replica_name, code_version,"
            " run_id) values ('hour', '2026-03-10 14:00Z', '2026-03-10 15:00Z', 'UTC', 1, '0/1',"
            " '2026-03-10 15:00Z', '', '', '', '')"
        )
        yield connection


@pytest.fixture
def store(stack: Stack, module_store_database: str, owner: Connection) -> Iterator[Connection]:
    with psycopg.connect(stack.store(module_store_database), autocommit=True) as connection:
        yield connection


@pytest.fixture
def desk(stack: Stack, module_store_database: str, owner: Connection) -> Iterator[Connection]:
    with psycopg.connect(stack.desk(module_store_database), autocommit=True) as connection:
        yield connection


@pytest.mark.parametrize(
    ("role", "privilege", "relations"),
    [
        ("closebook_store", "select", EVERYTHING - KEY),
        ("closebook_store", "insert", TABLES - DECISIONS - EVENTS - LOG - NAMED - KEY - RETENTION),
        ("closebook_store", "update", set()),
        ("closebook_store", "delete", set()),
        ("closebook_store", "truncate", set()),
        ("closebook_store", "references", set()),
        ("closebook_store", "trigger", set()),
        ("closebook_desk", "select", SHOWN),
        ("closebook_desk", "insert", set()),
        ("closebook_desk", "update", set()),
        ("closebook_desk", "delete", set()),
        ("closebook_desk", "truncate", set()),
        ("closebook_desk", "references", set()),
        ("closebook_desk", "trigger", set()),
    ],
)
def test_a_role_has_a_privilege_on_these_and_on_nothing_else(
    owner: Connection, role: str, privilege: str, relations: set[str]
) -> None:
    granted = owner.execute(
        "select relname from pg_class where relnamespace = 'reporting'::regnamespace"
        " and relkind in ('r', 'v', 'm', 'p', 'f') and has_table_privilege(%s, oid, %s)",
        [role, privilege],
    )
    assert {row[0] for row in granted} == relations


@pytest.mark.parametrize(
    ("role", "columns"),
    [
        (
            "closebook_store",
            {("closes", column) for column in MUTABLE}
            | {("run_starts", "conf_sha256")}
            | {("notifications", column) for column in ("claimed_at", "outcome")},
        ),
        ("closebook_desk", set()),
    ],
)
def test_these_columns_may_be_updated_and_no_others(
    owner: Connection, role: str, columns: set[tuple[str, str]]
) -> None:
    granted = owner.execute(
        "select relname, attname from pg_attribute"
        " inner join pg_class on pg_class.oid = attrelid"
        " where relnamespace = 'reporting'::regnamespace and attnum > 0 and not attisdropped"
        " and relkind in ('r', 'v') and has_column_privilege(%s, attrelid, attnum, 'update')",
        [role],
    )
    assert set(granted) == columns


def test_the_desk_writes_no_column_of_any_table(owner: Connection, desk: Connection) -> None:
    granted = owner.execute(
        "select attname from pg_attribute inner join pg_class on pg_class.oid = attrelid"
        " where relnamespace = 'reporting'::regnamespace and attnum > 0 and not attisdropped"
        " and relkind in ('r', 'v')"
        " and has_column_privilege('closebook_desk', attrelid, attnum, 'insert')"
    )
    assert granted.fetchall() == []
    _refused(desk, sql.SQL("insert into reporting.desk_log (person) values ('ada')"))
    _refused(desk, sql.SQL("insert into reporting.desk_log (entry_id) values (7)"))
    _refused(desk, sql.SQL("update reporting.desk_log set person = 'nobody'"))
    _refused(desk, sql.SQL("alter table reporting.desk_log disable trigger desk_log_chain"))


@pytest.mark.parametrize("role", ["closebook_store", "closebook_desk"])
def test_a_role_can_become_no_other_role(owner: Connection, role: str) -> None:
    others = owner.execute(
        "select rolname from pg_roles where rolname <> %s and pg_has_role(%s, oid, 'member')",
        [role, role],
    )
    assert others.fetchall() == []


def test_no_role_of_the_store_is_a_superuser_or_may_bypass_a_check(owner: Connection) -> None:
    roles = owner.execute(
        "select rolname from pg_roles where rolname like 'closebook%%'"
        " and (rolsuper or rolcreaterole or rolcreatedb or rolreplication or rolbypassrls)"
    )
    assert roles.fetchall() == []


@pytest.mark.parametrize("table", sorted(TABLES))
@pytest.mark.parametrize("attempt", ["delete from {}", "truncate {}", "drop table {}"])
def test_the_store_deletes_no_rows_and_no_tables(
    store: Connection, table: str, attempt: str
) -> None:
    _refused(store, sql.SQL(attempt).format(sql.Identifier("reporting", table)))


@pytest.mark.parametrize("column", sorted(MUTABLE))
def test_the_store_may_say_which_close_is_current_and_confirmed(
    store: Connection, column: str
) -> None:
    updated = store.execute(
        sql.SQL("update reporting.closes set {0} = {0}").format(sql.Identifier(column))
    )
    assert updated.rowcount == 1


@pytest.mark.parametrize("column", ["period_end", "fence_lsn", "close_version", "fenced_at"])
def test_the_store_does_not_rewrite_a_close(store: Connection, column: str) -> None:
    _refused(store, sql.SQL("update reporting.closes set {0} = {0}").format(sql.Identifier(column)))


def test_the_store_cannot_reset_a_sequence(store: Connection) -> None:
    _refused(store, sql.SQL("select setval('reporting.closes_close_id_seq', 1)"))


@pytest.mark.parametrize("table", sorted(TABLES))
def test_the_desk_inserts_nothing_but_by_a_function(desk: Connection, table: str) -> None:
    _refused(
        desk, sql.SQL("insert into {} default values").format(sql.Identifier("reporting", table))
    )


@pytest.mark.parametrize("table", sorted(TABLES))
@pytest.mark.parametrize("attempt", ["delete from {}", "truncate {}", "drop table {}"])
def test_the_desk_deletes_no_rows_and_no_tables(desk: Connection, table: str, attempt: str) -> None:
    _refused(desk, sql.SQL(attempt).format(sql.Identifier("reporting", table)))


def test_the_desk_changes_no_decision(desk: Connection) -> None:
    _refused(desk, sql.SQL("update reporting.statement_decisions set decided_by = 'nobody'"))


def test_the_store_writes_no_decision(store: Connection) -> None:
    _refused(store, sql.SQL("insert into reporting.statement_decisions default values"))


def test_the_desk_makes_no_close_current(desk: Connection) -> None:
    _refused(desk, sql.SQL("update reporting.closes set is_current = true"))


@pytest.mark.parametrize(
    "hidden",
    [
        "select from reporting.statement_lines",
        "select from reporting.statements",
        "select holder_address from reporting.statements",
        "select account_id from reporting.daily_account_movement",
        "select offending_sample from reporting.tie_outs",
        "select amount_minor from reporting.close_exceptions",
        "select run_id from reporting.document_failures",
        "select inner_block from reporting.decision_key",
    ],
)
def test_the_desk_does_not_read_what_no_page_shows(desk: Connection, hidden: LiteralString) -> None:
    _refused(desk, sql.SQL(hidden))


@pytest.mark.parametrize(
    ("role", "functions"),
    [
        (
            "closebook_store",
            {
                "currency_label",
                "decision_obstacles",
                "exception_obstacles",
                "folded",
                "involved_runs",
                "key_label",
                "name_forms",
                "purge_health",
                "remove_archived_lines",
                "statement_differences",
                "statement_line_differences",
                "statement_line_detail_differences",
                "without_umlauts",
            },
        ),
        (
            "closebook_desk",
            {
                "corrected_lines",
                "corrected_statements",
                "decision_obstacles",
                "exception_obstacles",
                "folded",
                "involved_runs",
                "is_shown",
                "matching_statements",
                "record_decision",
                "record_legal_hold",
                "record_log_entry",
                "record_reissue_answer",
                "record_reissue_request",
                "release_before",
                "statements_quoting",
                "without_umlauts",
            },
        ),
        ("public", set()),
    ],
)
def test_a_role_may_call_these_functions_and_no_others(
    owner: Connection, role: str, functions: set[str]
) -> None:
    granted = owner.execute(
        "select proname from pg_proc where pronamespace = 'reporting'::regnamespace"
        " and has_function_privilege(%s, oid, 'execute')",
        [role],
    )
    assert {row[0] for row in granted} == functions


def test_a_function_with_its_owners_rights_has_a_fixed_search_path(owner: Connection) -> None:
    loose = owner.execute(
        "select proname from pg_proc where pronamespace = 'reporting'::regnamespace and prosecdef"
        " and not 'search_path=pg_catalog, pg_temp' = any(coalesce(proconfig, '{}'))"
    )
    assert loose.fetchall() == []
    owners = owner.execute(
        "select distinct pg_get_userbyid(proowner) from pg_proc"
        " where pronamespace = 'reporting'::regnamespace and prosecdef"
    )
    assert owners.fetchall() == [("closebook_owner",)]


def test_every_function_in_plpgsql_has_one_search_path(owner: Connection) -> None:
    # PL/pgSQL plans the expressions of a function anew after each change of the search path, which
    # took 1.7 s of a month's close when a function was called with two paths in turn.
    changing = owner.execute(
        "select proname from pg_proc join pg_language on pg_language.oid = prolang"
        " where pronamespace = 'reporting'::regnamespace and lanname = 'plpgsql'"
        " and not 'search_path=pg_catalog, pg_temp' = any(coalesce(proconfig, '{}'))"
    )
    assert changing.fetchall() == []


def test_the_desk_does_not_see_the_migrations(desk: Connection) -> None:
    _refused(desk, sql.SQL("select migration from reporting.migrations"))


@pytest.mark.parametrize("schema", ["reporting", "public"])
def test_the_store_and_the_desk_create_no_tables(
    store: Connection, desk: Connection, schema: str
) -> None:
    for connection in (store, desk):
        _refused(
            connection,
            sql.SQL("create table {} (close_id bigint)").format(sql.Identifier(schema, "mine")),
        )


def test_the_store_and_the_desk_create_no_schemas(store: Connection, desk: Connection) -> None:
    for connection in (store, desk):
        _refused(connection, sql.SQL("create schema mine"))


def test_the_store_deletes_only_health_samples_older_than_90_days(
    owner: Connection, store: Connection
) -> None:
    owner.execute(
        "insert into reporting.health_samples (collected_at, server_name, server_kind, problem)"
        " select clock_timestamp() - age, 'primary', 'primary', 'down'"
        " from unnest(array[interval '91 days', interval '89 days']) as age"
    )
    assert store.execute("select reporting.purge_health()").fetchone() == (1,)
    assert store.execute("select reporting.purge_health()").fetchone() == (0,)
    kept = owner.execute("select count(*) from reporting.health_samples")
    assert kept.fetchone() == (1,)


def test_the_desk_deletes_no_health_samples(desk: Connection) -> None:
    _refused(desk, sql.SQL("select reporting.purge_health()"))


def _refused(connection: Connection, statement: sql.SQL | sql.Composed) -> None:
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        connection.execute(statement)


RECORDED: dict[LiteralString, dict[str, Any]] = {
    "desk/insert_reissue_request": {
        "close_id": 1,
        "account_id": 1,
        "currency": "EUR",
        "reason": "the fee is missing",
        "person": "ada",
    },
    "desk/insert_reissue_answer": {
        "request_id": 1,
        "answer": "declined",
        "note": "no",
        "person": "ada",
    },
    "legal_holds/insert": {
        "account_id": 1,
        "decision": "lifted",
        "reason": "the case is closed",
        "person": "ada",
        "address": "127.0.0.1",
    },
    "desk/insert_log_entry": {
        "person": "ada",
        "act": "looked",
        "subject": "volume",
        "document_sha256": None,
        "address": "127.0.0.1",
    },
}


@pytest.mark.parametrize("name", RECORDED)
def test_who_knows_the_desks_password_alone_writes_nothing_under_any_name(
    stack: Stack, module_store_database: str, owner: Connection, name: LiteralString
) -> None:
    conninfo = stack.desk(module_store_database)
    with psycopg.connect(conninfo, row_factory=dict_row) as desk:
        with pytest.raises(Misconfigured, match="CB-CONFIG-DECISION-KEY"):
            write_proven(desk, "a key that was guessed", name, RECORDED[name])
        desk.rollback()
        # A proof of another record in the same transaction, and one that was seen before
        other = next(each for each in RECORDS if each != name)
        seen = decision_key.proven(desk, DECISION_KEY, other, RECORDED[name])
        _unproven(desk, name, seen)
        seen = decision_key.proven(desk, DECISION_KEY, name, RECORDED[name])
        desk.rollback()
        _unproven(desk, name, seen)
    written = owner.execute(
        "select requested_by from reporting.reissue_requests union all"
        " select answered_by from reporting.reissue_answers union all"
        " select decided_by from reporting.legal_holds union all"
        " select person from reporting.desk_log where person = 'ada'"
    )
    assert written.fetchall() == []


def test_with_the_key_an_entry_is_written(
    stack: Stack, module_store_database: str, owner: Connection
) -> None:
    name: LiteralString = "desk/insert_log_entry"
    conninfo = stack.desk(module_store_database)
    with psycopg.connect(conninfo, row_factory=dict_row) as desk:
        write_proven(desk, DECISION_KEY, name, {**RECORDED[name], "person": "bob"})
    bobs = owner.execute("select act from reporting.desk_log where person = 'bob'")
    assert bobs.fetchall() == [("looked",)]


def _unproven(
    desk: psycopg.Connection[DictRow], name: LiteralString, claim: Mapping[str, object]
) -> None:
    with pytest.raises(psycopg.errors.InvalidAuthorizationSpecification, match="has no proof"):
        desk.execute(query(name), claim)
    desk.rollback()
