"""The migrations give the schema of sql/reporting/schema.sql, and each is applied once."""

import os
import re
import subprocess
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict

from closebook.errors import Misconfigured
from closebook.keys import BIGINT_KEYS, KeyType, KeyTypes
from closebook.sql import SQL_FOLDER, query
from closebook.store.key_types import key_types_of
from closebook.store.migrations import FOLDER, migrate, with_key_types
from local.postgres import binary
from local.stack import Stack

ALL_MIGRATIONS = sorted(path.stem for path in (SQL_FOLDER / FOLDER).glob("*.sql"))
WAIT_SECONDS = 20


@pytest.fixture
def empty_databases(stack: Stack) -> Iterator[tuple[str, str]]:
    """Two databases of the owner's on the store's server, with nothing in them."""
    names = ("empty_1", "empty_2")
    with psycopg.connect(stack.store_admin(), autocommit=True) as admin:
        for name in names:
            stack.drop_store(name)
            admin.execute(
                sql.SQL("create database {} owner closebook_owner").format(sql.Identifier(name))
            )
    yield names
    for name in names:
        stack.drop_store(name)


def test_the_migrations_give_the_schema_with_its_privileges(
    stack: Stack, empty_databases: tuple[str, str]
) -> None:
    migrated, at_once = map(stack.store_owner, empty_databases)
    assert migrate(migrated) == ALL_MIGRATIONS
    with psycopg.connect(at_once) as connection:
        connection.execute(with_key_types(query("reporting/schema"), BIGINT_KEYS))
    dump = _dump(migrated)
    assert dump == _dump(at_once)
    for proof in ("CREATE TABLE reporting.closes", "GRANT UPDATE(is_current)"):
        assert proof in dump


def test_what_is_applied_is_not_applied_again(
    stack: Stack, empty_databases: tuple[str, str]
) -> None:
    store = stack.store_owner(empty_databases[0])
    migrate(store)
    dump = _dump(store)
    assert migrate(store) == []
    assert _dump(store) == dump
    assert _registered(store) == ALL_MIGRATIONS


def test_only_what_is_missing_is_applied(stack: Stack, empty_databases: tuple[str, str]) -> None:
    store = stack.store_owner(empty_databases[0])
    migrate(store)
    with psycopg.connect(store) as connection:
        connection.execute("drop schema reporting cascade")
        for name in ALL_MIGRATIONS[:-1]:
            connection.execute(with_key_types(query(f"{FOLDER}/{name}"), BIGINT_KEYS))
            connection.execute(query("schema_migrations/insert"), {"migration": name})
    assert migrate(store) == ALL_MIGRATIONS[-1:]


OF_AN_OLD_MONTH = """
insert into reporting.closes (
    grain, period_start, period_end, time_zone, close_version, is_current, fence_lsn, fenced_at,
    snapshot_text, replica_name, code_version, run_id, first_date, last_date
) values (
    'month', '2026-03-01Z', '2026-04-01Z', 'UTC', 1, true, '0/1', '2026-04-01Z', '', '', '', 'old',
    '2026-03-01', '2026-03-31'
);
insert into reporting.statements values
(1, 5, 'EUR', 'A-5', 'Ada', '', 'en', 0, 7, 1), (1, 6, 'JPY', 'A-6', 'Mbɨla', '', 'en', 3, 3, 0);
insert into reporting.statement_lines (
    close_id, account_id, line_number, entry_id, posted_at, kind, description, amount_minor,
    balance_minor
) values (1, 5, 1, 11, '2026-03-02Z', 'payment', '', 7, 7);
insert into reporting.statement_versions values (1, 5, 1, 1), (1, 6, 1, 1);
insert into reporting.statement_documents (
    close_id, account_id, sha256, byte_count, object_name, template_version, renderer_version,
    run_id
) values (1, 5, repeat('a', 64), 1, 'a.pdf', 'v1', '70', 'old');
insert into reporting.statement_twins values (1, 5, 'text/csv', repeat('b', 64), 1, 'b.csv');
insert into reporting.document_failures (close_id, account_id, reason, run_id)
values (1, 6, 'CB-DATA-X', 'old');
insert into reporting.reissue_requests (close_id, account_id, reason, requested_by)
values (1, 5, 'late', 'eve');
insert into reporting.reissue_answers (request_id, answer, answered_by)
values (1, 'issued again', 'olga');
insert into reporting.statement_manifests (
    close_id, sha256, object_name, document_count, missing_count, exception_count, run_id
) values (1, repeat('c', 64), 'c.json', 1, 0, 1, 'old');
insert into reporting.manifest_exceptions values (1, '6', 'account_incomplete');
"""


def test_a_store_from_before_keeps_bigint_keys_and_its_numbers_and_gets_the_currencies(
    stack: Stack, empty_databases: tuple[str, str]
) -> None:
    store = stack.store_owner(empty_databases[0])
    with psycopg.connect(store) as connection:
        for name in ALL_MIGRATIONS[: ALL_MIGRATIONS.index("0018_keys")]:
            connection.execute(as_it_was(name))
            connection.execute(query("schema_migrations/insert"), {"migration": name})
        connection.execute(OF_AN_OLD_MONTH)
        before = connection.execute("select * from reporting.statement_lines").fetchall()

    with pytest.raises(Misconfigured, match="has closes, and they keep them") as refused:
        migrate(store, KeyTypes(accounts=KeyType.UUID))
    assert refused.value.code == "CB-CONFIG-STORE-KEYS"
    migrate(store)

    with psycopg.connect(store) as connection:
        assert key_types_of(connection) == BIGINT_KEYS
        after = connection.execute("select * from reporting.statement_lines").fetchall()
        assert [row[:-1] for row in after] == before
        for table, currencies in {
            "statement_lines": ["EUR"],
            "statement_versions": ["EUR", "JPY"],
            "statement_documents": ["EUR"],
            "statement_twins": ["EUR"],
            "document_failures": ["JPY"],
            "reissue_requests": ["EUR"],
            # All currencies of the account: its manifest says no more.
            "manifest_exceptions": [""],
        }.items():
            found = connection.execute(
                sql.SQL("select currency from reporting.{} order by 1").format(
                    sql.Identifier(table)
                )
            )
            assert [row[0] for row in found] == currencies, table
        answers = connection.execute("select answer from reporting.reissue_answers").fetchall()
        states = connection.execute(
            "select account_id, currency, statement_state from reporting.issued_statements"
            " order by 1"
        ).fetchall()
        names = connection.execute(
            "select account_id from reporting.statement_names where holder_search like '% mbila %'"
        ).fetchall()
    assert names == [(6,)]
    assert answers == [("issued_again",)]
    assert states == [(5, "EUR", "issued"), (6, "JPY", "missing")]


def as_it_was(name: str) -> bytes:
    """A migration as it was before keys had types: without domains."""
    text = with_key_types(query(f"{FOLDER}/{name}"), BIGINT_KEYS).decode()
    text = re.sub(r"^create domain .*$", "", text, flags=re.MULTILINE)
    return re.sub(r"reporting\.(?!decision)\w+_key\b", "bigint", text).encode()


@pytest.mark.parametrize("key_type", [KeyType.INTEGER, KeyType.UUID, KeyType.TEXT])
def test_the_types_of_keys_are_chosen_once_and_later_migrations_have_them(
    stack: Stack, empty_databases: tuple[str, str], key_type: KeyType
) -> None:
    migrated, at_once = map(stack.store_owner, empty_databases)
    keys = KeyTypes(*[key_type] * 5)
    assert migrate(migrated, keys) == ALL_MIGRATIONS
    with psycopg.connect(at_once) as connection:
        connection.execute(with_key_types(query("reporting/schema"), keys))
    assert _dump(migrated) == _dump(at_once)
    # The setting may be named again, or not at all
    assert migrate(migrated, keys) == migrate(migrated) == []
    with psycopg.connect(migrated) as connection:
        assert key_types_of(connection) == keys


def test_other_types_than_an_empty_store_has_are_refused_with_how_to_make_it_anew(
    stack: Stack, empty_databases: tuple[str, str]
) -> None:
    store = stack.store_owner(empty_databases[0])
    migrate(store)
    before = _dump(store)
    with pytest.raises(Misconfigured, match="drop schema reporting cascade") as refused:
        migrate(store, KeyTypes(accounts=KeyType.TEXT))
    assert "accounts=text" in refused.value.text
    assert _dump(store) == before


def test_of_two_that_start_together_one_migrates_and_the_other_finds_it_done(
    stack: Stack, empty_databases: tuple[str, str]
) -> None:
    store = stack.store_owner(empty_databases[0])
    with ThreadPoolExecutor(2) as threads:
        with psycopg.connect(store) as first:
            first.execute(query("schema_migrations/lock"))
            both = [threads.submit(migrate, store) for _ in range(2)]
            _wait_until_waiting(first, 2)
        applied = [migrating.result(WAIT_SECONDS) for migrating in both]
    assert sorted(applied) == [[], ALL_MIGRATIONS]
    assert _registered(store) == ALL_MIGRATIONS


def test_a_migration_that_fails_at_its_end_leaves_nothing_behind(
    stack: Stack, empty_databases: tuple[str, str]
) -> None:
    store = stack.store_owner(empty_databases[0])
    with psycopg.connect(stack.store_admin(empty_databases[0])) as admin:
        admin.execute(
            "create function refuse() returns event_trigger language plpgsql"
            " as 'begin raise exception using message = tg_tag; end'"
        )
        admin.execute(
            "create event trigger refuse_grants on ddl_command_start when tag in ('GRANT')"
            " execute function refuse()"
        )
    with pytest.raises(Misconfigured, match="RaiseException"):
        migrate(store)
    with psycopg.connect(store) as connection:
        schema = connection.execute("select to_regnamespace('reporting')").fetchone()
    assert schema == (None,)


def test_migrations_are_numbered_without_a_gap() -> None:
    numbers = [int(name[:4]) for name in ALL_MIGRATIONS]
    assert all(re.fullmatch(r"\d{4}_[a-z0-9_]+", name) for name in ALL_MIGRATIONS)
    assert numbers == list(range(1, len(numbers) + 1))


def _dump(conninfo: str) -> str:
    parts = conninfo_to_dict(conninfo)
    dump = subprocess.run(
        [
            *(binary("pg_dump"), "--schema-only", "--no-owner"),
            *("--host", str(parts["host"]), "--port", str(parts["port"])),
            *("--username", str(parts["user"]), "--dbname", str(parts["dbname"])),
        ],
        env={**os.environ, "PGPASSWORD": str(parts["password"])},
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    # Newer minor versions bracket the dump with a key that is made at random.
    return re.sub(r"^\\(un)?restrict .*\n", "", dump, flags=re.MULTILINE)


def _registered(conninfo: str) -> list[str]:
    with psycopg.connect(conninfo) as connection:
        return sorted(row[0] for row in connection.execute(query("schema_migrations/applied")))


def _wait_until_waiting(connection: psycopg.Connection[tuple[int]], count: int) -> None:
    deadline = time.monotonic() + WAIT_SECONDS
    waiting = -1
    while waiting != count:
        assert time.monotonic() < deadline, f"{waiting} of {count} wait for the lock"
        time.sleep(0.01)
        row = connection.execute(
            "select count(*) from pg_locks where locktype = 'advisory' and not granted"
            " and database = (select oid from pg_database where datname = current_database())"
        ).fetchone()
        assert row is not None
        (waiting,) = row
