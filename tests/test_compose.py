"""docker-compose.yml as Docker Compose renders it: complete, pinned, private, with least privilege.

No engine can run here. tests/test_compose_services.py runs Airflow's components with what the file
gives each of them.
"""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from closebook.desk import pdf_preview
from closebook.settings.airflow_connections import PRIMARY_CONNECTION
from deploy.airflow_defaults import USERS
from local import REPOSITORY
from tests.compose_file import (
    AIRFLOW_SERVICES,
    COMPOSE,
    FILE,
    SERVICES,
    TEXT,
    configuration,
    connections,
    each_service,
    environment,
    mounts,
    networks,
    new_secrets,
    service_of,
)

# The services that do something once, and end.
ENDING = {"certificates", "init"}
OURS = "closebook/pipeline:0.1.0"
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
    "init": {"OWNER", "DECISIONS", *(user.upper() for user in USERS)} | METADATA,
    "api-server": {"AIRFLOW_API_KEY", "AIRFLOW_JWT", "DECISIONS", "DESK", "METRICS", "REDIS_APP"}
    | METADATA,
    "execution-api": {"AIRFLOW_JWT"} | METADATA,
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
    "store": set(AIRFLOW_SERVICES),
    "redis": {"api-server", "worker"},
    "rabbitmq": {"scheduler", "worker"},
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
    assert [
        package.splitlines()[0] for package in packages if "--hash=sha256:" not in package
    ] == []


@pytest.mark.parametrize("folder", ["tests/npm", "tests/versions"])
def test_the_packages_of_npm_have_a_hash_in_their_lock(folder: str) -> None:
    lock = json.loads((REPOSITORY / folder / "package-lock.json").read_text("utf-8"))
    wanted = json.loads((REPOSITORY / folder / "package.json").read_text("utf-8"))["dependencies"]
    locked = {name: package for name, package in lock["packages"].items() if name}
    assert {name.rpartition("node_modules/")[2] for name in locked} >= set(wanted)
    assert all(package["integrity"].startswith("sha512-") for package in locked.values())


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
    given = {
        files[secret["source"]]["environment"] for secret in service_of(service).get("secrets", [])
    }
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
    assert {name for name in SERVICES if PRIMARY_CONNECTION in connections(name)} == {"worker"}
    assert networks("primary") == {"replication", "fence"}
    assert {name for name in SERVICES if "fence" in networks(name)} == {"primary", "worker"}


def test_the_tasks_have_an_api_server_that_nobody_at_the_desk_can_use() -> None:
    """What it does for the people at the UI and desk would make the tasks of a close wait."""
    url = "AIRFLOW__CORE__EXECUTION_API_SERVER_URL"

    assert "--apps core" in " ".join(service_of("api-server")["command"])
    assert "--apps execution" in " ".join(service_of("execution-api")["command"])
    assert {environment(name)[url] for name in AIRFLOW_SERVICES} == {
        "http://execution-api:8080/execution/"
    }
    assert networks("api-server") & networks("execution-api") == {"store"}


def test_the_people_get_the_processor_after_the_closes() -> None:
    shares = {name: service_of(name).get("cpu_shares", 1024) for name in SERVICES}

    assert {name for name, share in shares.items() if share < 1024} == {"api-server"}


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
