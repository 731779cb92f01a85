"""What docker-compose.yml gives each of Airflow's components is enough for an hour to be closed.

Each component runs as its service does: the same command, the same variables and no others. Instead
of containers they share this machine, and its servers stand for those of the file, Redis for
RabbitMQ too.
"""

import os
import re
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest

from deploy.airflow_defaults import USERS
from local import REPOSITORY
from local.addresses import PRIMARY, REDIS, STORE
from local.airflow_api import AirflowApi
from local.ports import LOOPBACK, choose
from local.stack import Stack
from tests import process_group
from tests.compose_file import new_secrets, rendered

pytestmark = pytest.mark.servers

API_SERVERS = ("api-server", "execution-api")
WORKERS = ("closes-worker", "documents-worker")
OTHERS = ("scheduler", "dag-processor", "triggerer")
COMPONENTS = (*API_SERVERS, *OTHERS, *WORKERS)
HOURLY = "hourly_platform_volume"
PATIENCE_SECONDS = 180.0
ROLES = {
    "FENCE": "closebook_fence",
    "READER": "closebook_reader",
    "OWNER": "closebook_owner",
    "STORE": "closebook_store",
    "DESK": "closebook_desk",
    "AIRFLOW_DATABASE": "airflow",
    "REDIS_PUBLISHER": "closebook_publisher",
    "REDIS_APP": "closebook_app",
    **{name: name.lower() for name in ("REDIS", "METRICS", "DECISIONS")},
    **{user.upper(): user for user in USERS},
}


@dataclass(frozen=True)
class Services:
    """The file, rendered with the passwords of a stack, whose servers stand for the file's."""

    stack: Stack
    file: dict[str, Any]
    api_ports: Mapping[str, int]
    folder: Path

    @property
    def url(self) -> str:
        return f"http://{LOOPBACK}:{self.api_ports['api-server']}"

    def environment(self, service: str) -> dict[str, str]:
        """The variables of a service, with this machine's places for the container's."""
        ports = self.stack.ports
        queue = f"redis://:{self.stack.secrets['redis']}@{LOOPBACK}:{ports[REDIS]}/1"
        places = {
            # The stack's servers are on loopback, and have no TLS.
            "sslmode=verify-full&sslrootcert=/run/tls/ca.pem&": "",
            "&ssl=true": "",
            "primary:5432": f"{LOOPBACK}:{ports[PRIMARY]}",
            "pgbouncer-a:6432": f"{LOOPBACK}:{ports['pgbouncer_replica_a']}",
            "pgbouncer-b:6432": f"{LOOPBACK}:{ports['pgbouncer_replica_b']}",
            "store:5432": f"{LOOPBACK}:{ports[STORE]}",
            "redis:6379": f"{LOOPBACK}:{ports[REDIS]}",
            **{f"{name}:8080": f"{LOOPBACK}:{port}" for name, port in self.api_ports.items()},
            "127.0.0.1:8080": f"{LOOPBACK}:{self.api_ports['api-server']}",
            "/opt/closebook": str(REPOSITORY),
            "/var/lib/airflow/logs": str(self.folder / "logs"),
            "/var/lib/closebook/documents": str(self.folder / "documents"),
        }
        found = {}
        for name, value in self.file["services"][service]["environment"].items():
            moved = re.sub(r"^amqp://.*", queue, value)
            for place, here in places.items():
                moved = moved.replace(place, here)
            found[name] = moved
        found.pop("AIRFLOW__CELERY__SSL_ACTIVE", None)
        home = self.folder / service
        home.mkdir(exist_ok=True)
        return {
            **found,
            "AIRFLOW_HOME": str(home),
            "HOME": str(home),
            "PATH": f"{Path(sys.executable).parent}:{os.defpath}",
            "PYTHONPATH": f"{REPOSITORY}:{REPOSITORY / 'plugins'}",
        }

    def initialize(self) -> None:
        """Run the job `init`, which finds its passwords in files and its store by libpq's rules."""
        folder = self.folder / "secrets"
        folder.mkdir(exist_ok=True)
        for given in self.file["services"]["init"]["secrets"]:
            name = given["source"]
            variable = self.file["secrets"][name]["environment"]
            role = ROLES[variable.removesuffix("_SECRET")]
            (folder / name).write_text(self.stack.secrets[role])
        script = (
            "import pathlib, deploy.initialize as job;"
            f"job.SECRETS = pathlib.Path({str(folder)!r}); job.main()"
        )
        ran = subprocess.run(
            [sys.executable, "-c", script],
            env=self.environment("init")
            | {"PGHOSTADDR": LOOPBACK, "PGPORT": str(self.stack.ports[STORE])},
            cwd=self.folder,
            capture_output=True,
            text=True,
            check=False,
        )
        assert ran.returncode == 0, ran.stderr

    @contextmanager
    def running(self, service: str) -> Iterator["subprocess.Popen[bytes]"]:
        """Run a component as its service does; an API server on loopback and a free port."""
        started = [*self.file["services"][service]["command"]]
        if service in API_SERVERS:
            port = str(self.api_ports[service])
            started = [part.replace("8080", port) for part in started] + ["--host", LOOPBACK]
        log = self.folder / f"{service}.log"
        with process_group.running(started, self.environment(service), self.folder, log) as process:
            yield process

    def health_check(self, service: str) -> list[str]:
        """The command of a service's health check, with this machine's places."""
        kind, *command = self.file["services"][service]["healthcheck"]["test"]
        assert kind == "CMD"
        port = str(self.api_ports.get(service, ""))
        return [
            port if part == "8080" else part.replace("/etc/closebook", str(REPOSITORY / "deploy"))
            for part in command
        ]

    def checked(self, service: str, *command: str, **environment: str) -> str:
        """What the health check of a service says of it; empty if it is healthy.

        `command` and `environment` are others than the service's.
        """
        ran = subprocess.run(
            command or self.health_check(service),
            env=self.environment(service) | environment,
            cwd=self.folder,
            capture_output=True,
            text=True,
            check=False,
        )
        return "" if ran.returncode == 0 else f"status {ran.returncode}: {ran.stdout}{ran.stderr}"

    def log(self) -> str:
        """What the components wrote last, for the message of a failure."""
        logs = {name: (self.folder / f"{name}.log").read_text() for name in COMPONENTS}
        return "\n".join(f"== {name}\n{text[-1500:]}" for name, text in logs.items())


@pytest.fixture(scope="module")
def services(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Services]:
    """Given the servers, the job `init` that ran twice, and every component."""
    folder = tmp_path_factory.mktemp("services")
    stack = Stack.build(folder / "stack", airflow=False, fast=True)
    try:
        stack.start_servers()
        secrets = dict(new_secrets())
        with psycopg.connect(stack.store_admin(), autocommit=True) as admin:
            admin.execute(
                f"create role celery login password '{secrets['RESULTS_SECRET']}'".encode()
            )
            admin.execute("create database celery owner celery")
        secrets |= {f"{name}_SECRET": stack.secrets[role] for name, role in ROLES.items()}
        found = Services(stack, rendered(secrets), choose(API_SERVERS), folder)
        found.initialize()
        found.initialize()
        with ExitStack() as started:
            processes = [
                started.enter_context(found.running(service)) for service in (*API_SERVERS, *OTHERS)
            ]
            # As in the file: a worker starts once the API of the tasks is healthy.
            wait_until(lambda: all(found.checked(name) == "" for name in API_SERVERS), found)
            processes += [started.enter_context(found.running(service)) for service in WORKERS]
            wait_until(lambda: all(found.checked(name) == "" for name in COMPONENTS), found)
            yield found
            # All at once: some take as long as they may.
            for process in processes:
                os.killpg(process.pid, signal.SIGTERM)
    finally:
        stack.clean()


def wait_until(condition: Callable[[], bool], services: Services) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        assert time.monotonic() < deadline, services.log()
        time.sleep(0.5)


def test_an_hour_is_closed_by_a_worker_that_cannot_open_the_metadata(services: Services) -> None:
    for name in WORKERS:
        worker = services.environment(name)
        assert not [each for each in worker if each.startswith("AIRFLOW__DATABASE__")]
    hour = datetime.now(UTC).replace(minute=0, second=0, microsecond=0) - timedelta(hours=2)

    with AirflowApi.login(services.url, "admin", services.stack.secrets["admin"]) as airflow:
        airflow.wait_for_dags((HOURLY,), seconds=PATIENCE_SECONDS)
        airflow.unpause(HOURLY)
        airflow.backfill(HOURLY, hour, hour, conf={"reason": "a trial"}, max_active_runs=1)
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not (counts := airflow.run_counts(HOURLY, hour, hour)).done:
            assert time.monotonic() < deadline, services.log()
            time.sleep(0.5)

    assert (counts.success, counts.failed) == (1, 0), services.log()
    # Airflow's run may be over before Celery has written the result of any of its tasks.
    with psycopg.connect(services.stack.store_admin("celery"), autocommit=True) as results:
        while _celery_statuses(results) != {"SUCCESS"}:
            assert time.monotonic() < deadline, (_celery_statuses(results), services.log())
            time.sleep(0.1)


def _celery_statuses(results: psycopg.Connection) -> set[str]:
    return {
        status
        for (status,) in results.execute("select distinct status from celery_taskmeta").fetchall()
    }


def test_the_desk_reads_store_and_counter(services: Services) -> None:
    token = services.stack.secrets["metrics"]
    text = httpx.get(
        f"{services.url}/closebook/metrics",
        headers={"Authorization": f"Bearer {token}"},
        trust_env=False,
        timeout=60,
    ).text
    assert "closebook_closes_total" in text
    assert "closebook_redis_up 1.0" in text


def test_the_set_up_that_runs_again_ends_nobodys_session(services: Services) -> None:
    password = services.stack.secrets["admin"]
    with AirflowApi.login(services.url, "admin", password) as airflow:
        services.initialize()
        assert airflow.get("dags", limit=1)


@pytest.mark.parametrize("service", COMPONENTS)
def test_the_health_check_of_a_component_finds_it(services: Services, service: str) -> None:
    assert services.checked(service) == ""


@pytest.mark.parametrize("service", COMPONENTS)
def test_the_health_check_of_a_component_finds_that_it_does_not_run(
    services: Services, service: str, tmp_path: Path
) -> None:
    # Given a free port, a kind of job that nobody has, and the home of a worker that never ran.
    nobody = str(choose(["nobody"])["nobody"])
    others = {str(port): nobody for port in services.api_ports.values()}
    command = [
        "NoSuchJob" if part.endswith("Job") else others.get(part, part)
        for part in services.health_check(service)
    ]
    assert services.checked(service, *command, AIRFLOW_HOME=str(tmp_path)) != ""


def test_the_health_checks_of_airflow_take_less_than_a_fiftieth_of_a_processor(
    services: Services,
) -> None:
    of_a_processor = 0.0
    for service in COMPONENTS:
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        assert services.checked(service) == ""
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        seconds = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        interval = services.file["services"][service]["healthcheck"]["interval"]
        of_a_processor += seconds / {"10s": 10, "1m0s": 60}[interval]
    assert of_a_processor < 0.02


def test_no_task_of_the_hour_lost_a_try_at_its_start(services: Services) -> None:
    with psycopg.connect(services.stack.store_admin("airflow"), autocommit=True) as metadata:
        tries = metadata.execute("select task_id, try_number from task_instance").fetchall()
    assert tries
    assert {number for _, number in tries} == {1}
