"""The wheel works by itself: built, installed into a bare environment, run from another folder."""

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from zipfile import ZipFile

import psycopg
import pytest
from psycopg import sql
from psycopg.rows import dict_row

from closebook.settings.code_version import code_version
from closebook.sql import SQL_FOLDER
from closebook.store.decision_key import set_decision_key, write_proven
from local import REPOSITORY
from local.stack import Stack
from tests.decisions import DECISION_KEY
from tests.statements.rendered_pdf import rendered
from tests.statements.verify_samples import FEW, register

UV = REPOSITORY / ".local" / "uv" / "bin" / "uv"
MIGRATIONS = sorted(path.stem for path in (SQL_FOLDER / "reporting/migrations").glob("*.sql"))
DATABASE = "installed"


@dataclass(frozen=True)
class Installation:
    """The wheel, and a virtual environment that has it, its dependencies, and nothing else."""

    wheel: Path
    environment: Path
    folder: Path

    def run(self, *command: str | Path) -> subprocess.CompletedProcess[str]:
        """Run a program of the environment from a folder that has nothing to do with ours."""
        program, *arguments = command
        return subprocess.run(
            [self.environment / "bin" / program, *arguments],
            cwd=self.folder,
            env={"PATH": os.defpath, "HOME": str(self.folder)},
            capture_output=True,
            text=True,
            check=False,
        )


@pytest.fixture(scope="module")
def installation() -> Iterator[Installation]:
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        uv("build", "--wheel", "--no-build-isolation", "--python", sys.executable,
           "--out-dir", folder / "dist", REPOSITORY)  # fmt: skip
        (wheel,) = (folder / "dist").glob("*.whl")
        uv("venv", "--python", sys.executable, "--no-project", folder / "venv")
        # The locked releases: these are on this machine already, or a network is needed.
        uv("pip", "install", "--python", folder / "venv" / "bin" / "python",
           "--constraint", REPOSITORY / "requirements.txt", wheel)  # fmt: skip
        (folder / "elsewhere").mkdir()
        yield Installation(wheel, folder / "venv", folder / "elsewhere")


@pytest.fixture(scope="module")
def empty_store(stack: Stack) -> Iterator[str]:
    """The name of a database of the owner's on the store's server, with nothing in it."""
    with psycopg.connect(stack.store_admin(), autocommit=True) as admin:
        admin.execute(
            sql.SQL("create database {} owner closebook_owner").format(sql.Identifier(DATABASE))
        )
    yield DATABASE
    stack.drop_store(DATABASE)


def uv(*arguments: str | Path) -> None:
    ran = subprocess.run([UV, *arguments], capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr


def test_the_wheel_holds_each_file_of_sql_and_templates(installation: Installation) -> None:
    with ZipFile(installation.wheel) as archive:
        held = {name for name in archive.namelist() if name.startswith("closebook/data/")}
    assert held == {
        f"closebook/data/{path.relative_to(REPOSITORY).as_posix()}"
        for folder in ("sql", "templates")
        for path in (REPOSITORY / folder).rglob("*")
        if path.is_file()
    }


def test_the_installed_code_reads_nothing_of_the_repository(installation: Installation) -> None:
    shown = installation.run(
        "python",
        "-c",
        "from closebook.settings.statement_settings import templates_folder\n"
        "from closebook.sql import SQL_FOLDER\n"
        "print(SQL_FOLDER, templates_folder(), sep='\\n')",
    )
    assert shown.returncode == 0, shown.stderr
    folders = [Path(line) for line in shown.stdout.splitlines()]
    assert [folder.name for folder in folders] == ["sql", "templates"]
    for folder in folders:
        assert folder.is_relative_to(installation.environment)
        assert folder.is_dir()


def test_the_installed_code_has_the_name_of_the_code_that_it_was_built_from(
    installation: Installation,
) -> None:
    shown = installation.run(
        "python",
        "-c",
        "from closebook.settings.code_version import code_version; print(code_version())",
    )
    assert (shown.stdout.strip(), shown.stderr) == (code_version(), "")


def test_migrate_brings_an_empty_store_up_to_date(
    installation: Installation, stack: Stack, empty_store: str
) -> None:
    conninfo = stack.store_owner(empty_store)

    first = installation.run("closebook", "migrate", "--conninfo", conninfo)
    second = installation.run("closebook", "migrate", "--conninfo", conninfo)

    assert first.stdout.splitlines() == [f"applied {name}" for name in MIGRATIONS], first.stderr
    assert second.stdout == "already up to date\n", second.stderr


def test_verify_log_follows_the_chain_of_that_store(
    installation: Installation, stack: Stack, empty_store: str
) -> None:
    entry = {"person": "finance", "act": "looked", "subject": "month 2026-10",
             "document_sha256": None, "address": "127.0.0.1"}  # fmt: skip
    set_decision_key(stack.store_owner(empty_store), DECISION_KEY)
    with psycopg.connect(stack.desk(empty_store), row_factory=dict_row) as desk:
        write_proven(desk, DECISION_KEY, "desk/insert_log_entry", entry)

    ran = installation.run("closebook", "verify-log", "--conninfo", stack.store(empty_store))

    assert ran.stdout.startswith("1 entries verified; the last hash is "), ran.stderr
    assert ran.returncode == 0


def test_verify_accepts_an_issued_statement_and_refuses_a_changed_one(
    installation: Installation,
) -> None:
    pdf = rendered(FEW).pdf
    (installation.folder / "statement.pdf").write_bytes(pdf)
    (installation.folder / "changed.pdf").write_bytes(pdf[:-1000])
    manifest = register((FEW, pdf))
    (installation.folder / "manifest.json").write_bytes(manifest)
    published = sha256(manifest).hexdigest()

    issued, changed = (
        installation.run(
            *("closebook", "verify", name, "--manifest", "manifest.json"),
            *("--manifest-sha256", published),
        )
        for name in ("statement.pdf", "changed.pdf")
    )

    assert issued.returncode == 0, issued.stdout + issued.stderr
    assert "OK           manifest" in issued.stdout
    assert changed.returncode == 1
    assert "FAILED       file" in changed.stdout
