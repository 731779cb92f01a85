"""docker-compose.yml as Docker Compose renders it: complete, pinned, private, with least privilege.

No engine can run here. tests/test_compose_services.py runs Airflow's components with what the file
gives each of them.
"""

import ast
import json
import re
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from closebook import settings, sql
from closebook.desk import pdf_preview
from closebook.desk.auth_manager import ClosebookFabAuthManager
from closebook.statements.render import document
from deploy.airflow_defaults import USERS
from local import REPOSITORY
from tests.compose_file import (
    AIRFLOW_SERVICES,
    COMPOSE,
    FILE,
    SERVICES,
    TEXT,
    new_secrets,
    rendered,
)

# The services that do something once, and end.
ENDING = {"certificates", "init"}
# Those that have a certificate, and show it to whoever connects.
WITH_CERTIFICATE = {
    *("primary", "replica-a", "replica-b", "pgbouncer-a", "pgbouncer-b"),
    *("store", "redis", "rabbitmq"),
}
OURS = "closebook/pipeline:0.1.0"
ROOT = Path("/opt/closebook")
MOUNTED = ("dags", "plugins", "sql", "templates")
INTERPOLATION = re.compile(r"\$\{[^}]*\}")
DIGEST = "@sha256:[0-9a-f]{64}"
MEMORY_OF_THE_MACHINE = 24 * 1024**3

# The secrets that each service uses, by variable without _SECRET. A server has those of the roles
# that log in to it, a client those by which it logs in. A new service gets its line here.
METADATA = {"AIRFLOW_FERNET", "AIRFLOW_DATABASE"}
QUEUE = {"RABBITMQ", "RESULTS"}
SECRETS = {
    "certificates": set(),
    "primary": {"POSTGRES", "REPLICATOR", "FENCE", "READER"},
    "replica-a": {"REPLICATOR"},
    "replica-b": {"REPLICATOR"},
    "pgbouncer-a": {"READER"},
    "pgbouncer-b": {"READER"},
    "store": {"POSTGRES", "OWNER", "STORE", "DESK", "AIRFLOW_DATABASE", "RESULTS"},
    "redis": {"REDIS", "REDIS_PUBLISHER", "REDIS_APP"},
    "rabbitmq": {"RABBITMQ"},
    "init": {"OWNER", *(user.upper() for user in USERS)} | METADATA,
    "api-server": {"AIRFLOW_API_KEY", "AIRFLOW_JWT", "DESK", "METRICS", "REDIS_APP"} | METADATA,
    "scheduler": {"AIRFLOW_JWT"} | METADATA | QUEUE,
    "dag-processor": METADATA,
    "triggerer": METADATA,
    "worker": {"FENCE", "READER", "STORE", "REDIS_PUBLISHER"} | QUEUE,
}
# Which services may open a connection to which: all that share a network, and no others.
REACHED_BY = {
    "primary": {"replica-a", "replica-b", "worker"},
    "replica-a": {"primary", "replica-b", "pgbouncer-a", "pgbouncer-b"},
    "replica-b": {"primary", "replica-a", "pgbouncer-a", "pgbouncer-b"},
    "store": {"init", "api-server", "scheduler", "dag-processor", "triggerer", "worker"},
    "redis": {"api-server", "worker"},
    "rabbitmq": {"scheduler", "worker"},
}
CONNECTIONS = {
    "api-server": {
        settings.DESK_CONNECTION,
        settings.REDIS_APP_CONNECTION,
        settings.METRICS_CONNECTION,
    },
    "worker": {
        settings.PRIMARY_CONNECTION,
        settings.STORE_CONNECTION,
        settings.REDIS_CONNECTION,
        *("closebook_replica_a", "closebook_replica_b"),
    },
}

each_service = pytest.mark.parametrize("service", SERVICES)
each_airflow_service = pytest.mark.parametrize("service", AIRFLOW_SERVICES)


@cache
def configuration() -> dict[str, Any]:
    return rendered(new_secrets())


def service_of(name: str) -> dict[str, Any]:
    found: dict[str, Any] = configuration()["services"][name]
    return found


def environment(name: str) -> dict[str, str]:
    found: dict[str, str] = service_of(name).get("environment") or {}
    return found


def mounts(name: str) -> dict[str, tuple[str, bool]]:
    """A service's mounts, by place in the container: from what, and whether it may write there."""
    return {
        volume["target"]: (volume["source"], not volume.get("read_only", False))
        for volume in service_of(name).get("volumes", [])
    }


def networks(name: str) -> set[str]:
    return set(service_of(name)["networks"])


def connections(name: str) -> dict[str, str]:
    """The Airflow connections of a service's environment, by id."""
    return {
        variable.removeprefix("AIRFLOW_CONN_").lower(): value
        for variable, value in environment(name).items()
        if variable.startswith("AIRFLOW_CONN_")
    }


# ---- the file ---------------------------------------------------------------------------


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
        *("store", "redis", "rabbitmq", "certificates", *AIRFLOW_SERVICES),
    }


def test_every_service_that_stays_up_has_a_health_check() -> None:
    ending = [name for name in SERVICES if "healthcheck" not in service_of(name)]
    assert set(ending) == ENDING


@each_service
def test_a_service_waits_until_what_it_needs_is_ready(service: str) -> None:
    for other, how in service_of(service).get("depends_on", {}).items():
        ready = "service_completed_successfully" if other in ENDING else "service_healthy"
        assert how["condition"] == ready, f"{service} on {other}"
        assert networks(service) & networks(other) or other in ENDING


@each_service
def test_what_a_service_mounts_is_there(service: str) -> None:
    for source, _ in mounts(service).values():
        assert Path(source).exists() or source in configuration()["volumes"]
    for config in service_of(service).get("configs", []):
        assert Path(configuration()["configs"][config["source"]]["file"]).is_file()


# ---- images -----------------------------------------------------------------------------


@each_service
def test_an_image_is_pinned_by_version_and_digest_or_is_ours_and_built_here(service: str) -> None:
    found = service_of(service)
    if found["image"].startswith("closebook/"):
        assert found["image"] == OURS
        assert found["pull_policy"] == "build"
        assert found["build"]["context"] == str(REPOSITORY)
    else:
        assert re.fullmatch(rf"[a-z]+:\d+\.\d+(\.\d+)?(-[a-z]+)?{DIGEST}", found["image"])


def test_the_images_base_is_pinned_and_installs_only_what_has_a_locked_hash() -> None:
    dockerfile = (REPOSITORY / "Dockerfile").read_text(encoding="utf-8")
    bases = re.findall(r"^FROM (\S+)", dockerfile, re.MULTILINE)
    assert bases
    assert all(re.fullmatch(rf"python:3\.\d+\.\d+-slim-bookworm{DIGEST}", base) for base in bases)
    installs = re.findall(r"^RUN .*\bpip install .*$", dockerfile, re.MULTILINE)
    assert installs
    assert all("--require-hashes --requirement /tmp/requirements.txt" in line for line in installs)


@pytest.mark.parametrize("lock", ["requirements.txt", "requirements-dev.txt", "local/uv.txt"])
def test_every_locked_package_has_a_hash(lock: str) -> None:
    text = (REPOSITORY / lock).read_text(encoding="utf-8")
    packages = re.findall(r"^[a-z0-9][^\n]*(?:\n .*)*", text, re.MULTILINE)
    assert packages
    assert [it.splitlines()[0] for it in packages if "--hash=sha256:" not in it] == []


def test_the_package_of_npm_has_a_hash_in_its_lock() -> None:
    lock = json.loads((REPOSITORY / "tests/axe/package-lock.json").read_text("utf-8"))
    wanted = json.loads((REPOSITORY / "tests/axe/package.json").read_text("utf-8"))["dependencies"]
    locked = {name: it for name, it in lock["packages"].items() if name}
    assert {name.rpartition("node_modules/")[2] for name in locked} >= set(wanted)
    assert all(it["integrity"].startswith("sha512-") for it in locked.values())


@pytest.mark.parametrize(
    ("installer", "only_by_lock"),
    [
        ("pip install", "--require-hashes"),
        ("uv pip sync", "--require-hashes"),
        ("npm (?:ci|install|exec)", "npm ci"),
    ],
)
def test_whatever_the_set_up_downloads_must_have_its_locked_hash(
    installer: str, only_by_lock: str
) -> None:
    script = (REPOSITORY / "local/setup.sh").read_text("utf-8").replace("\\\n", "")
    lines = re.findall(rf"^ +[^#\n]*\b{installer} .*$", script, re.MULTILINE)
    assert lines
    assert [line for line in lines if only_by_lock not in line] == []


def test_the_image_has_the_programs_that_the_desk_starts() -> None:
    started = set(re.findall(r'"(pdf[a-z]+)"', Path(pdf_preview.__file__).read_text("utf-8")))
    assert started == {"pdfinfo", "pdftoppm", "pdftotext"}  # all of them Debian's poppler-utils
    for file in ("Dockerfile", "local/setup.sh"):
        assert "poppler-utils" in (REPOSITORY / file).read_text("utf-8").split()


def test_every_postgresql_is_of_the_major_version_that_the_tests_run_on() -> None:
    images = {service_of(name)["image"] for name in SERVICES}
    majors = {image.split(":")[1].split(".")[0] for image in images if "postgres:" in image}
    assert majors == {"15"}  # Debian 12's


# ---- privileges -------------------------------------------------------------------------


@each_service
def test_a_service_has_no_capability_and_no_way_to_a_privilege(service: str) -> None:
    found = service_of(service)
    assert found["cap_drop"] == ["ALL"]
    assert "no-new-privileges:true" in found["security_opt"]
    assert not {"cap_add", "privileged", "devices", "pid", "ipc", "userns_mode"} & set(found)
    assert not any("docker.sock" in source for source, _ in mounts(service).values())


@each_service
def test_a_service_runs_as_a_user_of_its_own(service: str) -> None:
    """Without capabilities no entrypoint can change its user: it starts as the right one."""
    found = service_of(service)
    if found["image"] == OURS:
        assert "\nUSER airflow\n" in (REPOSITORY / "Dockerfile").read_text("utf-8")
    else:
        assert found["user"] == found["image"].partition(":")[0]


@each_service
def test_a_service_has_a_limit_of_memory(service: str) -> None:
    assert 0 < int(service_of(service)["mem_limit"]) <= MEMORY_OF_THE_MACHINE / 4


@each_service
def test_a_service_has_the_secrets_that_it_uses_and_no_other(service: str) -> None:
    files = configuration()["secrets"]
    given = {files[it["source"]]["environment"] for it in service_of(service).get("secrets", [])}
    for variable, secret in new_secrets().items():
        if any(secret in value for value in environment(service).values()):
            given.add(variable)
    assert given == {f"{name}_SECRET" for name in SECRETS[service]}


def test_every_secret_is_made_by_the_head_of_the_file_and_used() -> None:
    used = {f"{name}_SECRET" for names in SECRETS.values() for name in names}
    assert used == set(new_secrets())


@each_service
def test_a_service_reaches_only_what_it_uses(service: str) -> None:
    others = {name for name in SERVICES if name != service and networks(name) & networks(service)}
    if service in REACHED_BY:
        assert others == REACHED_BY[service]
    else:
        reached = {name for name in REACHED_BY if service in REACHED_BY[name]}
        assert others & set(REACHED_BY) == reached


def test_only_the_worker_asks_the_primary_for_the_fence() -> None:
    assert {name for name in SERVICES if settings.PRIMARY_CONNECTION in connections(name)} == {
        "worker"
    }
    assert networks("primary") == {"replication", "fence"}
    assert {name for name in SERVICES if "fence" in networks(name)} == {"primary", "worker"}


def test_only_the_api_server_has_a_way_out() -> None:
    open_networks = {
        name for name, found in configuration()["networks"].items() if not found.get("internal")
    }
    assert open_networks == {"outside"}
    assert [name for name in SERVICES if networks(name) & open_networks] == ["api-server"]


def test_nothing_is_published_beyond_this_machine() -> None:
    published = [
        (name, port["host_ip"], port["published"], port["target"])
        for name in SERVICES
        for port in service_of(name).get("ports", [])
    ]
    assert published == [("api-server", "127.0.0.1", "8080", 8080)]
    assert not [name for name in SERVICES if "network_mode" in service_of(name)]


def test_no_secret_is_in_the_file_and_each_comes_from_outside() -> None:
    for secret in COMPOSE["secrets"].values():
        assert set(secret) == {"environment"}
    for name in SERVICES:
        for variable, value in COMPOSE["services"][name].get("environment", {}).items():
            for password in re.findall(r"://\w*:([^@]*)@", value):
                assert INTERPOLATION.fullmatch(password), variable
            if re.search(r"(PASS|KEY|SECRET|PASSWORD)$", variable):
                assert INTERPOLATION.fullmatch(value), variable
    # One that is not set says so, instead of being empty.
    assert all(":?" in found for found in INTERPOLATION.findall(TEXT) if "name" not in found)


# ---- what the code asks for ---------------------------------------------------------------


@each_airflow_service
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


@each_service
def test_a_service_has_the_connections_that_its_code_opens(service: str) -> None:
    assert set(connections(service)) == CONNECTIONS.get(service, set())
    for name in connections(service):
        assert name in environment(service)["CLOSEBOOK_REPLICAS"].split(",") or name in {
            getattr(settings, constant) for constant in dir(settings) if "_CONNECTION" in constant
        }


def test_each_connection_leads_to_its_server_as_its_own_role() -> None:
    places = connections("api-server") | connections("worker")
    assert {
        name.removeprefix("closebook_"): re.sub(r":[0-9a-f]{48}@", ":SECRET@", value)
        for name, value in places.items()
    } == {
        "primary": "postgres://closebook_fence:SECRET@primary:5432/platform",
        "replica_a": "postgres://closebook_reader:SECRET@pgbouncer-a:6432/platform",
        "replica_b": "postgres://closebook_reader:SECRET@pgbouncer-b:6432/platform",
        "store": "postgres://closebook_store:SECRET@store:5432/closebook",
        "desk": "postgres://closebook_desk:SECRET@store:5432/closebook",
        "redis": "redis://closebook_publisher:SECRET@redis:6379/?db=0&ssl=true",
        "redis_app": "redis://closebook_app:SECRET@redis:6379/?db=0&ssl=true",
        "metrics": "generic://:SECRET@/",
    }
    assert environment("pgbouncer-a")["REPLICA"] == "replica-a"
    assert environment("pgbouncer-b")["REPLICA"] == "replica-b"


@each_airflow_service
def test_the_code_finds_its_folders_where_they_are_mounted_read_only(service: str) -> None:
    found, given = mounts(service), environment(service)
    for folder in MOUNTED:
        assert found[str(ROOT / folder)] == (str(REPOSITORY / folder), False)
    assert given["AIRFLOW__CORE__DAGS_FOLDER"] == str(ROOT / "dags")
    assert given["AIRFLOW__CORE__PLUGINS_FOLDER"] == str(ROOT / "plugins")
    assert given["CLOSEBOOK_TEMPLATES"] == str(ROOT / "templates")
    # The code looks for sql/ and templates/ beside plugins/, wherever that is.
    assert sql.SQL_FOLDER.relative_to(REPOSITORY) == Path("sql")
    assert Path(document.__file__).relative_to(REPOSITORY).parts[0] == "plugins"
    documents = given["CLOSEBOOK_DOCUMENTS_URL"].removeprefix("file://")
    assert found[documents] == ("documents", True)
    assert documents in (REPOSITORY / "Dockerfile").read_text(encoding="utf-8")


def test_tasks_run_by_celery_on_rabbitmq_behind_log_in() -> None:
    for name in AIRFLOW_SERVICES:
        given = environment(name)
        assert given["AIRFLOW__CORE__EXECUTOR"] == "CeleryExecutor"
        manager = f"{ClosebookFabAuthManager.__module__}.{ClosebookFabAuthManager.__name__}"
        assert given["AIRFLOW__CORE__AUTH_MANAGER"] == manager
    for name in ("scheduler", "worker"):
        broker = environment(name)["AIRFLOW__CELERY__BROKER_URL"]
        assert re.fullmatch(r"amqp://closebook:[0-9a-f]{48}@rabbitmq:5671//", broker)
    assert service_of("worker")["command"][:3] == ["airflow", "celery", "worker"]


def test_the_limit_of_log_ins_is_airflows_own() -> None:
    for name in AIRFLOW_SERVICES:
        assert not [variable for variable in environment(name) if "RATE_LIMIT" in variable]


def test_a_replica_lets_its_replay_wait_for_the_longest_statement_of_a_close() -> None:
    start = (REPOSITORY / "deploy" / "replica_start.sh").read_text("utf-8")
    waits = re.search(r"max_standby_streaming_delay=(\d+)min", start)
    assert waits is not None
    assert int(waits[1]) * 60 >= settings.Settings.statement_timeout_seconds


# ---- certificates -------------------------------------------------------------------------


def test_each_server_has_the_certificate_of_its_name_and_clients_only_the_authority() -> None:
    made = {
        target.rpartition("/")[2]: source for target, (source, _) in mounts("certificates").items()
    }
    assert set(made) == {"authority", *WITH_CERTIFICATE}
    for name in SERVICES:
        at_run = mounts(name).get("/run/tls")
        if name in WITH_CERTIFICATE:
            assert at_run == (made[name], False)
        elif name != "certificates":
            assert at_run == (made["authority"], False)
        assert name == "certificates" or not any(
            source in made.values() and target != "/run/tls"
            for target, (source, _) in mounts(name).items()
        )
    dockerfile = (REPOSITORY / "Dockerfile").read_text("utf-8")
    for target in mounts("certificates"):
        assert f"{target} " in dockerfile or f"{target}\n" in dockerfile


@each_airflow_service
def test_airflow_verifies_the_certificate_of_each_server(service: str) -> None:
    given = environment(service)
    assert given["CLOSEBOOK_CA_CERTIFICATES"] == "/run/tls/ca.pem"
    for value in given.values():
        if "+psycopg://" in value:
            assert value.endswith(
                "?sslmode=verify-full&sslrootcert=/run/tls/ca.pem&require_auth=scram-sha-256"
            )
    if "AIRFLOW__CELERY__BROKER_URL" in given:
        assert given["AIRFLOW__CELERY__SSL_ACTIVE"] == "true"
        assert given["AIRFLOW__CELERY__SSL_CACERT"] == "/run/tls/ca.pem"


def test_the_servers_take_no_connection_without_tls() -> None:
    deployed = {path.name: path.read_text("utf-8") for path in (REPOSITORY / "deploy").iterdir()
                if path.suffix in {".sh", ".conf"}}  # fmt: skip
    for name in ("primary_init.sh", "store_init.sh"):
        assert "s/^host all all all/hostssl all all all/" in deployed[name]
    assert "hostssl replication replicator" in deployed["primary_init.sh"]
    assert "PGSSLMODE=verify-full" in deployed["replica_start.sh"]
    assert "client_tls_sslmode = require" in deployed["pooler_start.sh"]
    assert "server_tls_sslmode = verify-full" in deployed["pooler_start.sh"]
    assert "\nport 0\n" in deployed["redis_start.sh"]
    assert "listeners.tcp = none" in deployed["rabbitmq.conf"]


def test_the_certificates_are_for_the_names_of_the_servers_and_kept(tmp_path: Path) -> None:
    script = (REPOSITORY / "deploy" / "certificates.sh").read_text("utf-8")
    for name in ("authority", *WITH_CERTIFICATE):
        (tmp_path / name).mkdir()
    here = script.replace("cd /var/lib/closebook/certificates", f"cd {tmp_path}")

    def run() -> str:
        ran = subprocess.run(["bash"], input=here, capture_output=True, text=True, check=False)
        assert ran.returncode == 0, ran.stderr
        return ran.stdout

    assert run().startswith("certificates made for")
    authority = tmp_path / "authority" / "ca.pem"
    for name in WITH_CERTIFICATE:
        checked = subprocess.run(
            [
                *("openssl", "verify", "-CAfile", authority, "-verify_hostname", name),
                tmp_path / name / "server.pem",
            ],
            capture_output=True,
            text=True,
            check=False,
        )
        assert checked.returncode == 0, checked.stdout + checked.stderr
    assert not list(tmp_path.rglob("ca.key"))
    before = authority.read_bytes()
    assert run() == "the certificates are valid\n"
    assert authority.read_bytes() == before
    (tmp_path / "store" / "server.pem").unlink()
    assert run().startswith("certificates made for")


# ---- deploy/ -----------------------------------------------------------------------------


@pytest.mark.parametrize("script", sorted((REPOSITORY / "deploy").glob("*.sh")), ids=str)
def test_a_start_script_reads_only_secrets_and_files_that_its_services_have(script: Path) -> None:
    text = script.read_text("utf-8")
    checked = subprocess.run(["bash", "-n", script], capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stderr
    (name,) = [
        name for name, it in configuration()["configs"].items() if it.get("file") == str(script)
    ]
    users = [
        service_of(service)
        for service in SERVICES
        if name in {config["source"] for config in service_of(service).get("configs", [])}
    ]
    assert users
    for user in users:
        # A service may have several scripts, which together read its secrets.
        of_user = "".join(
            Path(configuration()["configs"][config["source"]]["file"]).read_text("utf-8")
            for config in user["configs"]
        )
        assert set(re.findall(r"/run/secrets/(\w+)", of_user)) == {
            secret["source"] for secret in user.get("secrets", []) if secret["source"] != "postgres"
        }
    for path in re.findall(r"\\i /opt/closebook/(\S+)", text):
        assert (REPOSITORY / path).is_file(), path


def test_production_imports_nothing_of_the_local_stack() -> None:
    sources = [
        *(REPOSITORY / "deploy").rglob("*.py"),
        *(REPOSITORY / "plugins").rglob("*.py"),
        *(REPOSITORY / "dags").rglob("*.py"),
    ]
    imported = {
        (source.name, name)
        for source in sources
        for node in ast.walk(ast.parse(source.read_text("utf-8")))
        for name in imported_by(node)
    }
    assert ("initialize.py", "deploy.airflow_setup") in imported
    assert [it for it in imported if it[1].split(".")[0] in {"local", "tests", "benchmarks"}] == []
    assert not [name for name in SERVICES if any("/local" in to for to in mounts(name))]


def imported_by(node: ast.AST) -> list[str]:
    if isinstance(node, ast.ImportFrom):
        return [node.module or ""]
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    return []


def test_the_set_up_job_runs_what_is_mounted_and_has_a_password_for_each_user() -> None:
    assert service_of("init")["entrypoint"] == ["python", "-m", "deploy.initialize"]
    assert mounts("init")[str(ROOT / "deploy")] == (str(REPOSITORY / "deploy"), False)
    given = {secret["source"] for secret in service_of("init")["secrets"]}
    assert given == {"owner", *USERS}
