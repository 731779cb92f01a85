"""The scripts of docs/adopt.md run for an administrator who is no superuser, and run again."""

import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from closebook.store.migrations import migrate
from local import REPOSITORY
from local.stack import Stack
from tests.markdown import ADOPT, blocks, section, text

pytestmark = pytest.mark.servers

SCRIPTS = REPOSITORY / "sql"
PASSWORD = "of-the-administrator"  # noqa: S105  # of a stack of the test's own


@dataclass(frozen=True)
class Administrator:
    """Who may create roles and databases, and nothing else that a superuser may."""

    stack: Stack
    platform: str
    store: str


@pytest.fixture(scope="module")
def servers_of_closebook(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """Servers with the databases and roles of Closebook."""
    stack = Stack.build(tmp_path_factory.mktemp("servers") / "stack", airflow=False, fast=True)
    try:
        stack.start_servers()
        yield stack
    finally:
        stack.clean()


@pytest.fixture(scope="module")
def administrator(servers_of_closebook: Stack) -> Administrator:
    """The administrator that docs/adopt.md makes, on servers without anything of Closebook."""
    stack = servers_of_closebook
    stack.drop_platform("platform")
    stack.drop_store("closebook")
    [grants] = blocks(section(ADOPT, "Without a superuser"), "psql")
    for admin, roles in (
        (stack.primary_admin, ("closebook_fence", "closebook_reader")),
        (stack.store_admin, ("closebook_owner", "closebook_store", "closebook_desk")),
    ):
        with psycopg.connect(admin(), autocommit=True) as connection:
            connection.execute(f"drop role {', '.join(roles)}".encode())
            connection.execute("create database shop")
            for statement in filter(str.strip, grants.split(";")):
                connection.execute(statement.encode())
            connection.execute(f"alter role closebook_admin password '{PASSWORD}'".encode())
    with psycopg.connect(stack.primary_admin("shop")) as connection:
        connection.execute((SCRIPTS / "platform" / "sample_platform.sql").read_bytes())
        # The tables are the platform's; their owner lets the administrator read them and index.
        connection.execute(
            "create role shop_owner; grant shop_owner to closebook_admin;"
            "grant usage, create on schema platform to shop_owner;"
        )
        for (table,) in connection.execute(
            "select tablename from pg_tables where schemaname = 'platform'"
        ).fetchall():
            connection.execute(f"alter table platform.{table} owner to shop_owner".encode())
    return Administrator(
        stack,
        make_conninfo(stack.primary_admin("shop"), user="closebook_admin", password=PASSWORD),
        make_conninfo(stack.store_admin("postgres"), user="closebook_admin", password=PASSWORD),
    )


def run(conninfo: str, *scripts: Path) -> None:
    """Run scripts as docs/adopt.md does, in one transaction."""
    files = [argument for script in scripts for argument in ("--file", str(script))]
    done = subprocess.run(
        ["psql", conninfo, "-v", "ON_ERROR_STOP=1", "--single-transaction", *files],
        check=False,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr


def test_no_superuser_is_needed_and_each_script_may_be_run_again(
    administrator: Administrator, tmp_path: Path
) -> None:
    stack, views = administrator.stack, SCRIPTS / "platform" / "contract.sql"
    for _ in range(2):
        run(administrator.platform, SCRIPTS / "platform" / "roles.sql")
        run(administrator.platform, views, SCRIPTS / "platform" / "grants.sql")
        run(administrator.platform, SCRIPTS / "platform" / "indexes.sql")
        run(administrator.store, SCRIPTS / "reporting" / "roles.sql")
    with psycopg.connect(administrator.store, autocommit=True) as connection:
        connection.execute("create database closebook owner closebook_owner")
        password = stack.secrets["closebook_owner"]
        connection.execute(f"alter role closebook_owner password '{password}'".encode())
    assert len(migrate(stack.store_owner("closebook"))) > 10
    assert migrate(stack.store_owner("closebook")) == []

    with psycopg.connect(stack.primary_admin("shop")) as connection:
        rights = connection.execute(
            "select pg_has_role('closebook_fence', 'pg_monitor', 'member'),"
            " has_table_privilege('closebook_reader', 'reporting_source.accounts', 'select')"
        ).fetchall()
    assert rights == [(True, True)]

    # A view whose column gets another type keeps its grants; its own comment says why.
    changed = tmp_path / "our_contract.sql"
    changed.write_text(text(views).replace("    category\n", "    category::varchar(40)\n"))
    run(administrator.platform, changed, SCRIPTS / "platform" / "grants.sql")
    with psycopg.connect(stack.primary_admin("shop")) as connection:
        [(kept, data_type)] = connection.execute(
            "select has_table_privilege("
            "'closebook_reader', 'reporting_source.merchants', 'select'),"
            " (select data_type::text from information_schema.columns"
            " where table_schema = 'reporting_source' and table_name = 'merchants'"
            " and column_name = 'category')"
        ).fetchall()
    assert (kept, data_type) == (True, "character varying")


def test_a_view_from_which_something_selects_is_not_dropped_and_nothing_is_changed(
    administrator: Administrator, tmp_path: Path
) -> None:
    with psycopg.connect(administrator.stack.primary_admin("shop"), autocommit=True) as admin:
        admin.execute("create view platform.of_our_own as select * from reporting_source.merchants")
    try:
        with pytest.raises(AssertionError, match="of_our_own depends on"):
            run(administrator.platform, SCRIPTS / "platform" / "contract.sql")
        with psycopg.connect(administrator.stack.primary_admin("shop")) as admin:
            granted = admin.execute(
                "select has_table_privilege("
                "'closebook_reader', 'reporting_source.merchants', 'select')"
            ).fetchall()
        assert granted == [(True,)]
    finally:
        with psycopg.connect(administrator.stack.primary_admin("shop"), autocommit=True) as admin:
            admin.execute("drop view platform.of_our_own")


def test_adopt_names_each_right_that_the_administrator_needs() -> None:
    said = section(ADOPT, "Without a superuser")
    for right in ("createrole", "createdb", "pg_monitor", "with admin option"):
        assert right in said
