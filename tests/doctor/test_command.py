"""The command `closebook doctor`, as an operator runs it where the tasks run."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import psycopg
import pytest

from closebook.cli import EXIT_FAILED, EXIT_OK, EXIT_UNUSABLE
from closebook.doctor.documents import document_observations
from closebook.doctor.finding import Severity
from closebook.doctor.installation import Installation
from closebook.settings.signing_settings import KeyFile
from local import REPOSITORY
from local.stack import Stack
from tests.connection_variables import connection_variables
from tests.doctor.conftest import Diagnosis, codes
from tests.statements.brands import write_brand

FAB = "airflow.providers.fab.auth_manager.fab_auth_manager.FabAuthManager"
SIMPLE = "airflow.api_fastapi.auth.managers.simple.simple_auth_manager.SimpleAuthManager"


@pytest.fixture
def environment(stack: Stack, platform_database: str, tmp_path: Path) -> dict[str, str]:
    """The environment of a worker of the stack, on a platform that has no rows."""
    return {
        **os.environ,
        **stack.environment,
        **connection_variables(stack, platform_database),
        "AIRFLOW_HOME": str(tmp_path / "airflow"),
        "AIRFLOW__CORE__AUTH_MANAGER": FAB,
        "CLOSEBOOK_DOCUMENTS_URL": (tmp_path / "documents").as_uri(),
        "PYTHONPATH": str(REPOSITORY / "plugins"),
    }


def doctor(environment: dict[str, str], *arguments: str) -> tuple[int, str, str]:
    ran = subprocess.run(
        [sys.executable, "-m", "closebook", "doctor", *arguments],
        env=environment,
        check=False,
        capture_output=True,
        text=True,
    )
    return ran.returncode, ran.stdout, ran.stderr


def test_a_sound_installation_is_fine_and_its_notes_are_printed(
    environment: dict[str, str],
) -> None:
    code, said, _ = doctor(environment)

    assert code == EXIT_OK, said
    assert re.match("note|not looked at", said)
    assert "note no-transactions: reporting_source.transactions" in said
    assert "note no-ledger: reporting_source.ledger_entries" in said
    assert "0 errors, 0 warnings, 2 note" in said.splitlines()[-1]
    # There is no database of Airflow's in this process' reach.
    assert "not looked at: the pools replica_reads, rendering: Airflow's database" in said


def test_what_is_wrong_fails_it_and_is_json_for_a_script(
    stack: Stack, platform_database: str, environment: dict[str, str]
) -> None:
    environment |= {
        "CLOSEBOOK_TIME_ZONE": "Europe/Berlim",
        "AIRFLOW__CORE__AUTH_MANAGER": SIMPLE,
    }
    with psycopg.connect(stack.primary_admin(platform_database)) as admin:
        admin.execute("revoke select on reporting_source.merchants from closebook_reader")
    stack.replica_wait()

    code, said, _ = doctor(environment, "--json", "--full")

    told = json.loads(said)
    assert code == EXIT_FAILED
    assert told["is_healthy"] is False
    assert {each["code"] for each in told["findings"]} == {
        "time-zone-unknown",
        "auth-manager-not-fab",
        "view-not-granted",
    }
    assert all(
        each.keys() == {"code", "subject", "what", "why", "mend", "severity"}
        for each in told["findings"]
    )
    assert "error" in {each["severity"] for each in told["findings"]}
    assert not any(secret in said for secret in stack.secrets.values())


def test_only_looks_at_one_part(environment: dict[str, str]) -> None:
    broken = {
        "CLOSEBOOK_TIME_ZONE": "",
        "CLOSEBOOK_DOCUMENTS_URL": "",
        "AIRFLOW__CORE__AUTH_MANAGER": SIMPLE,
    }
    found = {
        part: json.loads(doctor(environment | broken, "--json", "--only", part)[1])
        for part in ("airflow", "platform", "store", "redis", "documents", "desk")
    }
    assert {
        part: {each["code"] for each in report["findings"]} for part, report in found.items()
    } == {
        "airflow": {"auth-manager-not-fab"},
        "platform": {"time-zone-not-set", "no-transactions", "no-ledger"},
        "store": set(),
        "redis": set(),
        "documents": {"setting-unusable"},
        "desk": set(),
    }


def test_connections_that_airflow_keeps_in_its_database_are_read(
    environment: dict[str, str], tmp_path: Path
) -> None:
    (tmp_path / "airflow").mkdir()
    environment["AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"] = f"sqlite:///{tmp_path}/airflow/airflow.db"
    moved = {name: environment.pop(name) for name in [*environment] if "CLOSEBOOK_STORE" in name}
    [kept] = map(json.loads, moved.values())
    airflow = [sys.executable, "-m", "airflow"]
    for arguments in (
        ["db", "migrate"],
        ["connections", "add", "closebook_store", "--conn-json", json.dumps(kept)],
    ):
        subprocess.run([*airflow, *arguments], env=environment, check=True, capture_output=True)

    code, said, _ = doctor(environment, "--only", "store")

    assert code == EXIT_OK, said


def test_an_argument_that_there_is_not_is_refused(environment: dict[str, str]) -> None:
    code, said, _ = doctor(environment, "--everything")
    assert (code, said) == (EXIT_UNUSABLE, "")


# ---- one document on this worker ---------------------------------------------------------


def test_fonts_that_are_missing_are_found(
    healthy: Installation, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "templates"
    shutil.copytree(REPOSITORY / "templates", folder)
    fonts = folder / "statement" / "v1" / "fonts.conf"
    fonts.write_text(fonts.read_text().replace("Symbola", "Symbolic"))
    monkeypatch.setenv("CLOSEBOOK_TEMPLATES", str(folder))

    [finding] = document_observations(healthy)

    assert finding.code == "fonts-missing"
    assert "fonts-symbola" in finding.mend


def test_templates_that_are_missing_are_found(
    healthy: Installation, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CLOSEBOOK_TEMPLATES", str(tmp_path))
    [finding] = document_observations(healthy)
    assert finding.code == "document-not-rendered"


def test_a_brand_that_is_wrong_is_found(
    healthy: Installation, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CLOSEBOOK_BRAND", str(write_brand(tmp_path / "b", '[paper]\nsize = "A5"')))
    [finding] = document_observations(healthy)
    assert finding.code == "brand-wrong"
    assert 'size = "Letter"' in finding.what


def test_a_colour_that_is_hard_to_read_is_a_finding_of_the_doctor(
    healthy: Installation, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = write_brand(tmp_path / "b", '[colours]\nmuted = "#aaaaaa"')
    monkeypatch.setenv("CLOSEBOOK_BRAND", str(folder))
    [finding] = document_observations(healthy)
    assert (finding.code, finding.severity) == ("brand-warning", Severity.WARNING)
    assert "muted = '#aaaaaa'" in finding.what


def test_a_signing_key_that_cannot_be_loaded_is_found(diagnosis: Diagnosis, tmp_path: Path) -> None:
    report = diagnosis(signing_key=KeyFile(tmp_path / "no.p12", "a passphrase"))
    assert codes(report) == {"document-not-signed"}


def test_a_store_of_an_unknown_kind_is_found(diagnosis: Diagnosis) -> None:
    assert codes(diagnosis(documents_url="nowhere://x/y")) == {"documents-not-writable"}
