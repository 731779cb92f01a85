"""docker-compose.yml: of the compose specification, pinned, private, and set as the code reads it.

Docker cannot run here, so that the file fits the code is all that is checked.
"""

import ast
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from closebook import settings, sql
from closebook.desk import pdf_preview
from closebook.statements.render import document
from local import REPOSITORY

FILE = REPOSITORY / "docker-compose.yml"
TEXT = FILE.read_text(encoding="utf-8")
COMPOSE: dict[str, Any] = yaml.safe_load(TEXT)
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
AIRFLOW_SERVICES = ("init", "api-server", "scheduler", "dag-processor", "triggerer", "worker")
MOUNTED = ("dags", "plugins", "sql", "templates")
ROOT = Path("/opt/closebook")
INTERPOLATION = re.compile(r"\$\{[^}]*\}")


def mounts(service: str) -> dict[str, tuple[str, str]]:
    """A service's mounts: where, from what, and how ("ro" or "rw")."""
    found = {}
    for volume in SERVICES[service].get("volumes", []):
        source, target, *mode = volume.split(":")
        found[target] = (source, *(mode or ["rw"]))
    return found


def environment(service: str) -> dict[str, str]:
    found: dict[str, str] = SERVICES[service]["environment"]
    return found


def test_a_replica_lets_its_replay_wait_for_the_longest_statement_of_a_close() -> None:
    start = COMPOSE["configs"]["replica_start"]["content"]
    waits = re.search(r"max_standby_streaming_delay=(\d+)min", start)
    assert waits is not None
    assert int(waits[1]) * 60 >= settings.Settings.statement_timeout_seconds


def test_the_file_is_of_the_compose_specification() -> None:
    checked = subprocess.run(
        [
            *(sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.compose-spec"),
            str(FILE),
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    assert checked.returncode == 0, checked.stdout + checked.stderr


def test_the_services_are_those_of_the_design() -> None:
    assert set(SERVICES) == {
        *("primary", "replica-a", "replica-b", "pgbouncer-a", "pgbouncer-b"),
        *("store", "redis", "rabbitmq", *AIRFLOW_SERVICES),
    }


@pytest.mark.parametrize("service", SERVICES)
def test_every_image_is_pinned_to_an_exact_version(service: str) -> None:
    image = SERVICES[service]["image"]
    assert re.fullmatch(r"[a-z/]+:\d+\.\d+(\.\d+)?(-[a-z]+)?", image), image


def test_the_images_base_is_pinned_and_installs_the_locked_requirements() -> None:
    dockerfile = (REPOSITORY / "Dockerfile").read_text(encoding="utf-8")
    bases = re.findall(r"^FROM (\S+)", dockerfile, re.MULTILINE)
    assert bases
    assert all(re.fullmatch(r"python:3\.\d+\.\d+-slim-bookworm", base) for base in bases)
    assert "requirements.txt" in dockerfile
    assert (REPOSITORY / "requirements.txt").exists()


def test_the_image_has_the_programs_that_the_desk_starts() -> None:
    started = set(re.findall(r'"(pdf[a-z]+)"', Path(pdf_preview.__file__).read_text("utf-8")))
    assert started == {"pdfinfo", "pdftoppm", "pdftotext"}  # all of them Debian's poppler-utils
    for file in ("Dockerfile", "local/setup.sh"):
        assert "poppler-utils" in (REPOSITORY / file).read_text("utf-8").split()


def test_every_part_of_postgresql_is_of_debians_major_version() -> None:
    images = {s["image"] for s in SERVICES.values() if s["image"].startswith("postgres:")}
    assert [image.split(":")[1].split(".")[0] for image in images] == ["15"]


@pytest.mark.parametrize("service", AIRFLOW_SERVICES)
def test_airflow_has_each_setting_that_the_code_reads_and_no_other(service: str) -> None:
    sources = [
        *(REPOSITORY / "plugins").rglob("*.py"),
        *(REPOSITORY / "dags").rglob("*.py"),
    ]
    read = {
        name
        for source in sources
        for name in re.findall(r"\bCLOSEBOOK_[A-Z_]*[A-Z]\b", source.read_text(encoding="utf-8"))
    }
    assert "CLOSEBOOK_TIME_ZONE" in read, "the search found nothing: the test would be empty"
    given = {name for name in environment(service) if name.startswith("CLOSEBOOK_")}
    assert given == read


@pytest.mark.parametrize("service", AIRFLOW_SERVICES)
def test_airflow_has_each_connection_that_the_settings_ask_for(service: str) -> None:
    asked = {
        settings.PRIMARY_CONNECTION,
        settings.STORE_CONNECTION,
        settings.DESK_CONNECTION,
        settings.REDIS_CONNECTION,
        settings.DESK_CONNECTION,
        settings.METRICS_CONNECTION,
        *environment(service)["CLOSEBOOK_REPLICAS"].split(","),
    }
    given = {
        name.removeprefix("AIRFLOW_CONN_").lower()
        for name in environment(service)
        if name.startswith("AIRFLOW_CONN_")
    }
    assert given == asked


def test_each_connection_leads_to_its_server_as_its_own_role() -> None:
    airflow = environment("worker")
    places = {
        name.removeprefix("AIRFLOW_CONN_CLOSEBOOK_"): INTERPOLATION.sub("SECRET", value)
        for name, value in airflow.items()
        if name.startswith("AIRFLOW_CONN_")
    }
    assert places == {
        "PRIMARY": "postgres://closebook_fence:SECRET@primary:5432/platform",
        "REPLICA_A": "postgres://closebook_reader:SECRET@pgbouncer-a:6432/platform",
        "REPLICA_B": "postgres://closebook_reader:SECRET@pgbouncer-b:6432/platform",
        "STORE": "postgres://closebook_store:SECRET@store:5432/closebook",
        "DESK": "postgres://closebook_desk:SECRET@store:5432/closebook",
        "REDIS": "redis://:SECRET@redis:6379/?db=0",
        "METRICS": "generic://:SECRET@/",
    }
    assert environment("pgbouncer-a")["REPLICA"] == "replica-a"
    assert environment("pgbouncer-b")["REPLICA"] == "replica-b"


@pytest.mark.parametrize("service", AIRFLOW_SERVICES)
def test_the_code_finds_its_folders_where_they_are_mounted_read_only(service: str) -> None:
    found, given = mounts(service), environment(service)
    for folder in MOUNTED:
        assert found[str(ROOT / folder)] == (f"./{folder}", "ro")
        assert (REPOSITORY / folder).is_dir()
    assert given["AIRFLOW__CORE__DAGS_FOLDER"] == str(ROOT / "dags")
    assert given["AIRFLOW__CORE__PLUGINS_FOLDER"] == str(ROOT / "plugins")
    assert given["CLOSEBOOK_TEMPLATES"] == str(ROOT / "templates")
    # The code looks for sql/ and templates/ beside plugins/, wherever that is.
    assert sql.SQL_FOLDER.relative_to(REPOSITORY) == Path("sql")
    assert Path(document.__file__).relative_to(REPOSITORY).parts[0] == "plugins"
    documents = given["CLOSEBOOK_DOCUMENTS_URL"].removeprefix("file://")
    assert found[documents] == ("documents", "rw")
    assert documents in (REPOSITORY / "Dockerfile").read_text(encoding="utf-8")


def test_nothing_is_published_beyond_this_machine() -> None:
    published = [port for service in SERVICES.values() for port in service.get("ports", [])]
    assert published == ["127.0.0.1:8080:8080"]
    assert not [name for name, service in SERVICES.items() if "network_mode" in service]


def test_tasks_run_by_celery_on_rabbitmq_behind_log_in() -> None:
    for service in AIRFLOW_SERVICES:
        given = environment(service)
        assert given["AIRFLOW__CORE__EXECUTOR"] == "CeleryExecutor"
        assert given["AIRFLOW__CELERY__BROKER_URL"].startswith("amqp://")
        assert given["AIRFLOW__CELERY__BROKER_URL"].endswith("@rabbitmq:5672//")
        assert given["AIRFLOW__CORE__AUTH_MANAGER"].endswith(".FabAuthManager")
    assert SERVICES["worker"]["command"][:3] == ["airflow", "celery", "worker"]


def test_no_secret_is_in_the_file_and_each_comes_from_outside() -> None:
    for secret in COMPOSE["secrets"].values():
        assert set(secret) == {"environment"}
    for service in SERVICES.values():
        for name, value in service.get("environment", {}).items():
            for password in re.findall(r"://\w*:([^@]*)@", value):
                assert INTERPOLATION.fullmatch(password), name
            if re.search(r"(PASS|KEY|SECRET|PASSWORD)$", name):
                assert INTERPOLATION.fullmatch(value), name
    # One that is not set says so, instead of being empty.
    assert all(":?" in found for found in INTERPOLATION.findall(TEXT) if "name" not in found)
    made = {f"{name}_SECRET" for name in _names_in_the_head()} | {"AIRFLOW_FERNET_SECRET"}
    used = {secret["environment"] for secret in COMPOSE["secrets"].values()}
    used.update(re.findall(r"\$\{([A-Z_]+):\?", TEXT))
    assert used == made


def _names_in_the_head() -> list[str]:
    loop = re.search(r"for name in ([A-Z_\s#\\]+); do", TEXT)
    assert loop is not None
    return re.findall(r"[A-Z_]+", loop[1])


def test_every_service_that_stays_up_has_a_health_check() -> None:
    without = [name for name, service in SERVICES.items() if "healthcheck" not in service]
    assert without == ["init"]


def test_services_wait_for_what_they_need_and_name_only_what_exists() -> None:
    for name, service in SERVICES.items():
        for other, how in service.get("depends_on", {}).items():
            condition = "service_completed_successfully" if other == "init" else "service_healthy"
            assert how == {"condition": condition}, f"{name} on {other}"
            assert other in SERVICES
        for secret in service.get("secrets", []):
            assert secret in COMPOSE["secrets"]
        for config in service.get("configs", []):
            assert config["source"] in COMPOSE["configs"]
        for source, _ in mounts(name).values():
            assert source.startswith("./") or source in COMPOSE["volumes"]


@pytest.mark.parametrize("name", [name for name in COMPOSE["configs"] if name != "init"])
def test_start_up_scripts_are_shell_and_read_only_secrets_that_they_are_given(name: str) -> None:
    script = COMPOSE["configs"][name]["content"].replace("$$", "$")
    checked = subprocess.run(
        ["bash", "-n"], input=script, capture_output=True, text=True, check=False
    )
    assert checked.returncode == 0, checked.stderr
    users = [s for s in SERVICES.values() if name in [c["source"] for c in s.get("configs", [])]]
    assert users
    for service in users:
        assert set(re.findall(r"/run/secrets/(\w+)", script)) <= set(service["secrets"])
    for path in re.findall(r"\\i /opt/closebook/(\S+)", script):
        assert (REPOSITORY / path).is_file(), path


def test_a_lone_dollar_never_reaches_composes_interpolation_by_mistake() -> None:
    for config in COMPOSE["configs"].values():
        assert "$" not in config["content"].replace("$$", "")


def test_the_set_up_job_asks_the_code_for_what_it_has() -> None:
    script = ast.parse(COMPOSE["configs"]["init"]["content"])
    imported = [node for node in ast.walk(script) if isinstance(node, ast.ImportFrom)]
    ours = [node for node in imported if node.module and node.module.split(".")[0] != "pathlib"]
    assert {node.module for node in ours} == {
        "closebook.store.migrations",
        "local.addresses",
        "local.airflow_contents",
    }
    for node in ours:
        module = __import__(str(node.module), fromlist=["*"])
        for alias in node.names:
            assert hasattr(module, alias.name), f"{node.module} has no {alias.name}"
    assert mounts("init")[str(ROOT / "local")] == ("./local", "ro")
    users = __import__("local.addresses", fromlist=["*"]).USERS
    assert set(users) < set(SERVICES["init"]["secrets"])
