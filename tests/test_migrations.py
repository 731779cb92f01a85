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
from closebook.keys import BIGINT_KEYS
from closebook.sql import SQL_FOLDER, query
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
