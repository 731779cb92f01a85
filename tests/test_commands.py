"""The commands fail in one line with a code, whatever is wrong with the servers or the machine."""

import os
import re
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import make_conninfo

from closebook.cli import EXIT_BROKEN_PIPE, EXIT_OK, EXIT_SERVER_LOST, EXIT_UNUSABLE
from closebook.sql import query
from closebook.store.decision_key import MIN_LETTERS
from local import REPOSITORY
from local.stack import Stack

pytestmark = pytest.mark.slow

ON_STORE = ["migrate", "verify-log"]
SECRET = "never-printed"  # noqa: S105  # of no account


def run(command: str, *arguments: str, typed: str = "", **environment: str) -> tuple[int, str, str]:
    """Run a command in a process of its own: its exit status and what it printed."""
    ran = subprocess.run(
        [sys.executable, "-m", "closebook", command, *arguments],
        env=os.environ | {"PYTHONPATH": str(REPOSITORY / "plugins")} | environment,
        check=False,
        capture_output=True,
        text=True,
        input=typed,
    )
    return ran.returncode, ran.stdout, ran.stderr


def assert_one_line(complaint: str, command: str, code: str) -> None:
    assert re.fullmatch(rf"closebook {command}: {code}: [^\n]+\n", complaint), complaint


@pytest.fixture
def empty_store(stack: Stack) -> Iterator[str]:
    """A database of the owner's in which nothing was migrated."""
    name = "unmigrated"
    stack.drop_store(name)
    with psycopg.connect(stack.store_admin(), autocommit=True) as admin:
        admin.execute(
            sql.SQL("create database {} owner closebook_owner").format(sql.Identifier(name))
        )
    yield name
    stack.drop_store(name)


@pytest.mark.parametrize("command", ON_STORE)
def test_an_invalid_connection_string_is_not_shown(command: str) -> None:
    code, said, complaint = run(command, "--conninfo", f"postgresql//eve:{SECRET}@host/x y=")
    assert (code, said) == (EXIT_UNUSABLE, "")
    assert_one_line(complaint, command, "CB-CONFIG-CONNINFO-INVALID")
    assert SECRET not in complaint


@pytest.mark.parametrize("command", ON_STORE)
def test_a_server_that_is_down_is_a_transient_error(command: str) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
        code, said, complaint = run(
            command, "--conninfo", f"host=127.0.0.1 port={port} dbname=x password={SECRET}"
        )
    assert (code, said) == (EXIT_SERVER_LOST, "")
    assert_one_line(complaint, command, "CB-RETRY-STORE-UNREACHABLE")
    assert SECRET not in complaint


@pytest.mark.parametrize("command", ON_STORE)
def test_a_wrong_password_is_not_a_transient_error(
    stack: Stack, module_store_database: str, command: str
) -> None:
    conninfo = make_conninfo(stack.store_owner(module_store_database), password=SECRET)
    code, said, complaint = run(command, "--conninfo", conninfo)
    assert (code, said) == (EXIT_UNUSABLE, "")
    assert_one_line(complaint, command, "CB-CONFIG-LOGIN-REFUSED")
    assert SECRET not in complaint


def test_a_role_that_may_not_migrate_is_told_so(stack: Stack, empty_store: str) -> None:
    code, _, complaint = run("migrate", "--conninfo", stack.desk(empty_store))
    assert code == EXIT_UNUSABLE
    assert_one_line(complaint, "migrate", "CB-CONFIG-STORE-RIGHTS")


def test_a_role_that_may_not_read_the_log_is_told_so(
    stack: Stack, module_store_database: str
) -> None:
    with psycopg.connect(stack.store_owner(module_store_database), autocommit=True) as owner:
        owner.execute("revoke select on reporting.desk_log from closebook_desk")
        code, _, complaint = run("verify-log", "--conninfo", stack.desk(module_store_database))
        owner.execute("grant select on reporting.desk_log to closebook_desk")
    assert code == EXIT_UNUSABLE
    assert_one_line(complaint, "verify-log", "CB-CONFIG-STORE-RIGHTS")


def test_the_log_of_a_store_that_is_not_migrated_cannot_be_verified(
    stack: Stack, empty_store: str
) -> None:
    conninfo = stack.store_owner(empty_store)
    code, _, complaint = run("verify-log", "--conninfo", conninfo)
    assert code == EXIT_UNUSABLE
    assert_one_line(complaint, "verify-log", "CB-CONFIG-STORE-NOT-MIGRATED")
    # And once it is migrated, it can
    assert run("migrate", "--conninfo", conninfo)[::2] == (EXIT_OK, "")
    code, said, complaint = run("verify-log", "--conninfo", conninfo)
    assert (code, complaint) == (EXIT_OK, "")
    assert said.startswith("0 entries verified")


def test_the_key_of_decisions_is_read_from_standard_input(stack: Stack, empty_store: str) -> None:
    conninfo = stack.store_owner(empty_store)
    run("migrate", "--conninfo", conninfo)
    said = run("decision-key", "--conninfo", conninfo, typed="x" * MIN_LETTERS + "\n")
    assert said == (EXIT_OK, "the key of decisions is set\n", "")
    # And one that can be guessed is refused
    code, said_then, complaint = run("decision-key", "--conninfo", conninfo, typed="short\n")
    assert (code, said_then) == (EXIT_UNUSABLE, "")
    assert_one_line(complaint, "decision-key", "CB-CONFIG-DECISION-KEY-SHORT")
    # And nobody but the owner sets one
    code, _, complaint = run(
        "decision-key", "--conninfo", stack.desk(empty_store), typed="y" * MIN_LETTERS
    )
    assert code == EXIT_UNUSABLE
    assert_one_line(complaint, "decision-key", "CB-CONFIG-STORE-RIGHTS")


def test_a_store_of_a_newer_version_is_left_alone(stack: Stack, empty_store: str) -> None:
    conninfo = stack.store_owner(empty_store)
    run("migrate", "--conninfo", conninfo)
    with psycopg.connect(conninfo) as store:
        store.execute(query("schema_migrations/insert"), {"migration": "9999_later"})
    code, said, complaint = run("migrate", "--conninfo", conninfo)
    assert (code, said) == (EXIT_UNUSABLE, "")
    assert_one_line(complaint, "migrate", "CB-CONFIG-STORE-NEWER")
    assert "9999_later" in complaint


def test_what_the_store_refuses_for_another_reason_is_one_line_too(
    stack: Stack, empty_store: str
) -> None:
    # Given a store whose migration ends in an error of the server's
    with psycopg.connect(stack.store_admin(empty_store)) as admin:
        admin.execute(
            "create function refuse() returns event_trigger language plpgsql"
            " as 'begin raise exception using message = tg_tag; end'"
        )
        admin.execute(
            "create event trigger refuse_grants on ddl_command_start when tag in ('GRANT')"
            " execute function refuse()"
        )
    code, said, complaint = run("migrate", "--conninfo", stack.store_owner(empty_store))
    assert (code, said) == (EXIT_UNUSABLE, "")
    assert_one_line(complaint, "migrate", "CB-CONFIG-STORE-REFUSED")


@pytest.mark.parametrize("encoding", ["LATIN1", "SQL_ASCII"])
def test_a_store_that_cannot_hold_every_script_is_not_migrated(stack: Stack, encoding: str) -> None:
    name = f"store_{encoding.lower()}"
    with psycopg.connect(stack.store_admin(), autocommit=True) as admin:
        admin.execute(
            sql.SQL(
                "create database {} owner closebook_owner template template0 encoding {}"
                " lc_collate 'C' lc_ctype 'C'"
            ).format(sql.Identifier(name), sql.Literal(encoding))
        )
    try:
        code, said, complaint = run("migrate", "--conninfo", stack.store_owner(name))
    finally:
        stack.drop_store(name)
    assert (code, said) == (EXIT_UNUSABLE, "")
    assert_one_line(complaint, "migrate", "CB-CONFIG-STORE-ENCODING")
    assert encoding in complaint


def test_a_session_that_the_server_ends_is_a_transient_error(
    stack: Stack, empty_store: str
) -> None:
    # Given another one that holds the lock of the migrations
    with psycopg.connect(stack.store_owner(empty_store)) as first:
        first.execute(query("schema_migrations/lock"))
        conninfo = make_conninfo(
            stack.store_owner(empty_store), options="-c idle_session_timeout=0 -c lock_timeout=200"
        )
        code, _, complaint = run("migrate", "--conninfo", conninfo)
    assert code == EXIT_SERVER_LOST
    assert_one_line(complaint, "migrate", "CB-RETRY-STORE-FAILED")


def test_without_airflow_there_are_no_roles_to_make(tmp_path: Path) -> None:
    # Given a Python whose Airflow cannot be imported
    (tmp_path / "airflow").mkdir()
    (tmp_path / "airflow" / "__init__.py").write_text("raise ImportError('no Airflow here')")
    code, said, complaint = run("desk-roles", PYTHONPATH=f"{tmp_path}:{REPOSITORY / 'plugins'}")
    assert (code, said) == (EXIT_UNUSABLE, "")
    assert_one_line(complaint, "desk-roles", "CB-CONFIG-AIRFLOW-MISSING")


@pytest.fixture
def airflow(tmp_path: Path) -> dict[str, str]:
    """The environment of an Airflow with FAB's auth manager and an empty database."""
    return {
        "AIRFLOW_HOME": str(tmp_path),
        "AIRFLOW__CORE__AUTH_MANAGER": (
            "airflow.providers.fab.auth_manager.fab_auth_manager.FabAuthManager"
        ),
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{tmp_path}/airflow.db",
    }


def test_without_fabs_auth_manager_there_are_no_roles_to_make(airflow: dict[str, str]) -> None:
    airflow["AIRFLOW__CORE__AUTH_MANAGER"] = (
        "airflow.api_fastapi.auth.managers.simple.simple_auth_manager.SimpleAuthManager"
    )
    code, said, complaint = run("desk-roles", **airflow)
    assert code == EXIT_UNUSABLE
    assert "role finance" not in said
    assert_one_line(complaint, "desk-roles", "CB-CONFIG-AUTH-MANAGER-NOT-FAB")


@pytest.mark.parametrize("command", [["doctor"], ["desk-roles"], ["trial-hour", "2026-11-01"]])
@pytest.mark.parametrize(
    ("url", "driver"),
    [("postgresql+psycopg2", "psycopg2"), ("postgresql+psycopg", "asyncpg")],
)
def test_an_airflow_whose_database_needs_another_driver_is_told_what_to_write(
    airflow: dict[str, str], command: list[str], url: str, driver: str
) -> None:
    # As a URL without a driver: SQLAlchemy takes psycopg2 then, and Airflow asyncpg beside it.
    airflow["AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"] = f"{url}://airflow:{SECRET}@127.0.0.1/airflow"
    code, said, complaint = run(*command, **airflow)
    assert (code, said) == (EXIT_UNUSABLE, "")
    last = complaint.splitlines(keepends=True)[-1]
    assert_one_line(last, command[0], "CB-CONFIG-AIRFLOW-DRIVER-MISSING")
    assert f"the driver {driver}, which is not installed" in last
    assert "postgresql+psycopg://" in last
    assert "Traceback" not in complaint
    assert SECRET not in complaint


def test_without_airflow_the_doctor_says_which_python_to_use(tmp_path: Path) -> None:
    (tmp_path / "airflow").mkdir()
    text = "raise ModuleNotFoundError('no Airflow here', name='airflow')"
    (tmp_path / "airflow" / "__init__.py").write_text(text)
    code, said, complaint = run("doctor", PYTHONPATH=f"{tmp_path}:{REPOSITORY / 'plugins'}")
    assert (code, said) == (EXIT_UNUSABLE, "")
    assert_one_line(complaint, "doctor", "CB-CONFIG-AIRFLOW-NOT-INSTALLED")


def test_an_airflow_whose_database_is_down_is_a_transient_error(airflow: dict[str, str]) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
        airflow["AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"] = (
            f"postgresql+psycopg://airflow:{SECRET}@127.0.0.1:{port}/airflow"
        )
        airflow["AIRFLOW__DATABASE__SQL_ALCHEMY_CONN_ASYNC"] = (
            f"postgresql+psycopg_async://airflow:{SECRET}@127.0.0.1:{port}/airflow"
        )
        code, said, complaint = run("desk-roles", **airflow)
    assert code == EXIT_SERVER_LOST
    assert "role finance" not in said
    assert_one_line(complaint, "desk-roles", "CB-RETRY-AIRFLOW-DATABASE-FAILED")
    assert SECRET not in said + complaint


def test_a_reader_that_goes_away_is_no_error(stack: Stack, module_store_database: str) -> None:
    # Given a pipe that nobody reads
    reading, writing = os.pipe()
    os.close(reading)
    ran = subprocess.run(
        [
            *(sys.executable, "-m", "closebook", "verify-log"),
            *("--conninfo", stack.store(module_store_database)),
        ],
        env=os.environ | {"PYTHONPATH": str(REPOSITORY / "plugins")},
        check=False,
        stdout=writing,
        stderr=subprocess.PIPE,
        text=True,
    )
    os.close(writing)
    assert (ran.returncode, ran.stderr) == (EXIT_BROKEN_PIPE, "")


def test_an_output_that_cannot_be_written_is_not_reported_as_a_wrong_log(
    stack: Stack, module_store_database: str
) -> None:
    with open("/dev/full", "w", encoding="utf-8") as full:  # noqa: PTH123
        ran = subprocess.run(
            [
                *(sys.executable, "-m", "closebook", "verify-log"),
                *("--conninfo", stack.store(module_store_database)),
            ],
            env=os.environ | {"PYTHONPATH": str(REPOSITORY / "plugins")},
            check=False,
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
        )
    assert ran.returncode == EXIT_UNUSABLE
    assert_one_line(ran.stderr, "verify-log", "CB-CONFIG-OUTPUT-UNWRITABLE")


def test_a_file_that_cannot_be_read_is_one_line(tmp_path: Path) -> None:
    code, said, complaint = run("verify", str(tmp_path / "nowhere.pdf"))
    assert (code, said) == (EXIT_UNUSABLE, "")
    assert_one_line(complaint, "verify", "CB-CONFIG-FILE-UNREADABLE")
