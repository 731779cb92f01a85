"""What docker-compose.yml and deploy/ give the services: settings, certificates, start scripts."""

import ast
import re
import subprocess
from pathlib import Path

import pytest

from closebook import sql
from closebook.desk.auth_manager import ClosebookFabAuthManager
from closebook.orchestration import celery_settings
from closebook.settings import Settings, airflow_connections
from closebook.settings.airflow_connections import (
    DECISIONS_CONNECTION,
    DESK_CONNECTION,
    METRICS_CONNECTION,
    PRIMARY_CONNECTION,
    REDIS_APP_CONNECTION,
    REDIS_CONNECTION,
    STORE_CONNECTION,
)
from closebook.statements.render import document
from deploy.airflow_defaults import CLUSTER_SETTINGS, USERS
from local import REPOSITORY
from tests.compose_file import (
    AIRFLOW_SERVICES,
    SERVICES,
    configuration,
    connections,
    each_airflow_service,
    each_service,
    environment,
    mounts,
    service_of,
)

# Those that have a certificate, and show it to whoever connects.
WITH_CERTIFICATE = {
    *("primary", "replica-a", "replica-b", "pgbouncer-a", "pgbouncer-b"),
    *("store", "redis", "rabbitmq"),
}
ROOT = Path("/opt/closebook")
MOUNTED = ("dags", "plugins", "sql", "templates")
CONNECTIONS = {
    "api-server": {
        DESK_CONNECTION,
        REDIS_APP_CONNECTION,
        METRICS_CONNECTION,
        DECISIONS_CONNECTION,
    },
    "documents-worker": {STORE_CONNECTION},
    "closes-worker": {
        PRIMARY_CONNECTION,
        STORE_CONNECTION,
        REDIS_CONNECTION,
        *("closebook_replica_a", "closebook_replica_b"),
    },
}


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
            connection_id
            for constant, connection_id in vars(airflow_connections).items()
            if constant.endswith("_CONNECTION")
        }


def test_each_connection_leads_to_its_server_as_its_own_role() -> None:
    places = connections("api-server") | connections("closes-worker")
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
        "decisions": "generic://:SECRET@/",
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
    for name in ("scheduler", "closes-worker", "documents-worker"):
        broker = environment(name)["AIRFLOW__CELERY__BROKER_URL"]
        assert re.fullmatch(r"amqp://closebook:[0-9a-f]{48}@rabbitmq:5671//", broker)


def test_each_queue_has_workers_of_its_own() -> None:
    queues = {}
    for name in ("closes-worker", "documents-worker"):
        command = service_of(name)["command"]
        assert command[:3] == ["airflow", "celery", "worker"]
        queues[name] = command[command.index("--queues") + 1]
    assert queues == {"closes-worker": "closes", "documents-worker": "documents"}
    assert set(queues.values()) == set(celery_settings.QUEUES)


@each_airflow_service
def test_airflow_has_the_settings_of_several_machines(service: str) -> None:
    assert dict(CLUSTER_SETTINGS).items() <= environment(service).items()


def test_rabbitmq_gives_the_longest_task_time_in_every_version() -> None:
    conf = (REPOSITORY / "deploy" / "rabbitmq.conf").read_text("utf-8")
    [limit] = re.findall(r"^consumer_timeout = (\d+)$", conf, re.MULTILINE)
    assert int(limit) == celery_settings.UNACKNOWLEDGED.total_seconds() * 1000


def test_the_limit_of_log_ins_is_airflows_own() -> None:
    for name in AIRFLOW_SERVICES:
        assert not [variable for variable in environment(name) if "RATE_LIMIT" in variable]


def test_a_replica_lets_its_replay_wait_for_the_longest_statement_of_a_close() -> None:
    start = (REPOSITORY / "deploy" / "replica_start.sh").read_text("utf-8")
    waits = re.search(r"max_standby_streaming_delay=(\d+)min", start)
    assert waits is not None
    assert int(waits[1]) * 60 >= Settings.statement_timeout_seconds


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


HEALTH_CHECK = REPOSITORY / "deploy" / "health.sh"


def test_the_health_check_reads_no_secret() -> None:
    assert "/run/secrets" not in HEALTH_CHECK.read_text("utf-8")


@pytest.mark.parametrize(
    "script", sorted({*(REPOSITORY / "deploy").glob("*.sh")} - {HEALTH_CHECK}), ids=str
)
def test_a_start_script_reads_only_secrets_and_files_that_its_services_have(script: Path) -> None:
    text = script.read_text("utf-8")
    checked = subprocess.run(["bash", "-n", script], capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stderr
    (name,) = [
        name
        for name, config in configuration()["configs"].items()
        if config.get("file") == str(script)
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
    assert [
        (source, name)
        for source, name in imported
        if name.split(".")[0] in {"local", "tests", "benchmarks"}
    ] == []
    assert not [name for name in SERVICES if any("/local" in place for place in mounts(name))]


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
    assert given == {"owner", "decisions", *USERS}
