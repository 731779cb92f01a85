"""Airflow on the local stack: its configuration, its five components, its health."""

import hashlib
import io
import json
import os
import subprocess
import sys
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from configparser import RawConfigParser
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import Any

from local import PLUGINS, REPOSITORY
from local.addresses import METADATA_DATABASE, METADATA_USER, STORE, Addresses
from local.errors import failure
from local.folders import write_private
from local.ports import LOOPBACK
from local.processes import Component

SETUP_SECONDS = 180
STOP_SECONDS = 20.0
HEALTH_SECONDS = 5.0
NICENESS_OF_THE_UI = 5
FIRST_ANSWER_SECONDS = 60.0
API_SERVER = "api_server"
EXECUTION_API = "execution_api"
API_SERVERS = (API_SERVER, EXECUTION_API)
_COMPONENTS: dict[str, list[str]] = {
    # Two processes, so that no task waits for the people at the desk.
    API_SERVER: ["api-server", "--apps", "core", "--host", LOOPBACK, "--workers", "1"],
    EXECUTION_API: ["api-server", "--apps", "execution", "--host", LOOPBACK, "--workers", "1"],
    # serve_logs listens on every interface; logs are read from the disk here.
    "scheduler": ["scheduler", "--skip-serve-logs"],
    "dag_processor": ["dag-processor"],
    "triggerer": ["triggerer", "--skip-serve-logs"],
}
COMPONENTS = tuple(_COMPONENTS)


def _nicely(niceness: int) -> list[str]:
    """Return the lines that give a command a lower priority, to stand before it.

    Linux shares a processor among sessions first (sched(7), "The autogroup feature"), and each
    component has a session of its own: without the second line `nice` has no effect. A kernel
    without that feature has no such file.
    """
    program = 'echo "$1" 2>/dev/null >/proc/self/autogroup; exec nice -n "$@"'
    return ["sh", "-c", program, "nice", str(niceness)]


def worker_command(name: str, queue: str, concurrency: int) -> list[str]:
    """Return the command of a Celery worker that runs the tasks of one queue."""
    # Its log server would listen on every interface; the logs are on a shared disk.
    return [
        *("celery", "worker", "--skip-serve-logs", "--queues", queue),
        *("--concurrency", str(concurrency), "--celery-hostname", f"{name}@%h"),
    ]


@dataclass(frozen=True)
class Keys:
    """The keys of one Airflow installation."""

    fernet: str
    jwt: str
    api: str


@dataclass(frozen=True)
class Airflow:
    """One Airflow: its home, the ports of its UI and of its tasks' API, its metadata database."""

    home: Path
    logs: Path
    ports: Mapping[str, int]
    metadata_url: str
    keys: Keys
    environment: Mapping[str, str]

    @staticmethod
    def of(addresses: Addresses) -> "Airflow":
        """The Airflow of a stack; its metadata database is on the store's server."""
        secrets = addresses.secrets
        return Airflow(
            home=addresses.airflow_home,
            logs=addresses.logs,
            ports={name: addresses.ports[name] for name in API_SERVERS},
            metadata_url=(
                f"postgresql+psycopg://{METADATA_USER}:{secrets[METADATA_USER]}"
                f"@{LOOPBACK}:{addresses.ports[STORE]}/{METADATA_DATABASE}"
                "?require_auth=scram-sha-256"
            ),
            keys=Keys(secrets["fernet"], secrets["jwt"], secrets["api"]),
            environment={**base_environment(), **addresses.environment},
        )

    @property
    def ui_url(self) -> str:
        return self._url(API_SERVER)

    def _url(self, server: str) -> str:
        return f"http://{LOOPBACK}:{self.ports[server]}"

    def configure(self, *, is_worker: bool = False) -> None:
        """Write airflow.cfg (mode 600: it holds the keys and the metadata's password).

        The file of a Celery worker has neither the keys nor the password.
        """
        self.home.mkdir(mode=0o700, exist_ok=True)
        sections = self._configuration()
        if is_worker:
            del sections["database"], sections["api_auth"]
            del sections["core"]["fernet_key"], sections["api"]["secret_key"]
        parser = RawConfigParser()
        parser.read_dict(sections)
        text = io.StringIO()
        parser.write(text)
        # Airflow interpolates % in values.
        write_private(self.home / "airflow.cfg", text.getvalue().replace("%", "%%"), None)

    def _configuration(self) -> dict[str, dict[str, Any]]:
        return {
            "core": {
                "executor": "LocalExecutor",
                "parallelism": 8,
                "auth_manager": "closebook.desk.auth_manager.ClosebookFabAuthManager",
                "dags_folder": REPOSITORY / "dags",
                "plugins_folder": REPOSITORY / "plugins",
                "load_examples": False,
                "fernet_key": self.keys.fernet,
                "execution_api_server_url": f"{self._url(EXECUTION_API)}/execution/",
                # The default looks this machine's name up in DNS, which may not know it.
                "hostname_callable": "socket.gethostname",
            },
            "database": {
                "sql_alchemy_conn": self.metadata_url,
                # psycopg 3 connects asynchronously too; Airflow's default is asyncpg.
                "sql_alchemy_conn_async": self.metadata_url,
            },
            "api": {
                "host": LOOPBACK,
                "port": self.ports[API_SERVER],
                "base_url": self.ui_url,
                "secret_key": self.keys.api,
                "instance_name": "Closebook",
            },
            "api_auth": {"jwt_secret": self.keys.jwt},
            "logging": {
                "base_log_folder": self.home / "logs",
                "dag_processor_child_process_log_directory": self.home / "logs/dag_processor",
                "colored_console_log": False,
            },
            "scheduler": {"scheduler_idle_sleep_time": 0.2},
            "dag_processor": {
                "refresh_interval": 30,
                "min_file_process_interval": 60,
                "bundle_refresh_check_interval": 2,
                "parsing_processes": 1,
                "dag_bundle_storage_path": self.home / "bundles",
            },
            "usage_data_collection": {"enabled": False},
        }

    def component(self, name: str) -> tuple[Component, Callable[[], bool]]:
        """How to start one of COMPONENTS, and how to tell that it is ready."""
        extra = ["--port", str(self.ports[name])] if name in API_SERVERS else []
        # What people do at the UI and desk gets the processor after the closes.
        nice = _nicely(NICENESS_OF_THE_UI) if name == API_SERVER else []
        component = self.started(name, [*_COMPONENTS[name], *extra], nice)
        if name == EXECUTION_API:
            return component, self.is_serving_tasks
        if name == API_SERVER:
            return component, lambda: self.is_healthy("metadatabase")
        return component, lambda: self.is_healthy(name)

    def started(self, name: str, command: Sequence[str], before: Sequence[str] = ()) -> Component:
        """How to start a command of `airflow`; `before` are words before it, such as `nice`."""
        return Component(
            name=name,
            argv=[*before, sys.executable, "-m", "airflow", *command],
            log=self.logs / f"{name}.log",
            environment=self.environment,
            directory=self.home,
            run_as=None,
            stop_seconds=STOP_SECONDS,
        )

    def health(self) -> dict[str, Any]:
        """The answer of Airflow's health endpoint; {} while it does not answer."""
        try:
            with _direct(f"{self.ui_url}/api/v2/monitor/health") as answer:
                found: dict[str, Any] = json.load(answer)
        except (OSError, ValueError):
            return {}
        return found

    def is_serving_tasks(self) -> bool:
        """Whether the tasks' own API answers.

        The first request to it builds all its versions, which takes longer than a task waits: it
        is asked for here, so that no task has to try twice.
        """
        try:
            with _direct(
                f"{self._url(EXECUTION_API)}/execution/health", FIRST_ANSWER_SECONDS
            ) as answer:
                return bool(answer.status == HTTPStatus.OK)
        except OSError:
            return False

    def is_healthy(self, *components: str) -> bool:
        """Whether the health endpoint calls the named components healthy."""
        health = self.health()
        return bool(health) and all(
            health.get(component, {}).get("status") == "healthy" for component in components
        )


@dataclass
class Setup:
    """The run of deploy/airflow_setup.py: metadata, users, connections, pools in one process.

    It runs beside the start of the other servers, since importing Airflow takes seconds.
    """

    airflow: Airflow
    wanted: Mapping[str, Any]
    running: "subprocess.Popen[bytes] | None" = None

    @property
    def log(self) -> Path:
        return self.airflow.logs / "airflow_setup.log"

    @property
    def fingerprint(self) -> str:
        """A hash of all that the set-up depends on: with an equal one it is not run again."""
        parts = [json.dumps(self.wanted, sort_keys=True), self.airflow.keys.fernet]
        parts += [(REPOSITORY / "requirements.txt").read_text(), sys.version]
        parts += [(REPOSITORY / "deploy" / "airflow_setup.py").read_text()]
        return hashlib.sha256("\0".join(parts).encode()).hexdigest()

    def start(self) -> None:
        """Start it; the passwords go in by standard input, where no other process sees them."""
        with self.log.open("wb") as output:
            self.running = subprocess.Popen(
                [sys.executable, "-m", "deploy.airflow_setup"],
                stdin=subprocess.PIPE,
                stdout=output,
                stderr=subprocess.STDOUT,
                cwd=REPOSITORY,
                env={**self.airflow.environment, "PYTHONPATH": PLUGINS},
                start_new_session=True,
            )
        assert self.running.stdin is not None  # noqa: S101 (asked for above)
        with self.running.stdin as pipe:
            pipe.write(json.dumps(self.wanted).encode())

    def finish(self) -> None:
        """Wait for its end; raise StackError with the tail of its log if it failed."""
        if self.running is None:
            return
        try:
            status = self.running.wait(SETUP_SECONDS)
        except subprocess.TimeoutExpired:
            self.abandon()
            took_too_long = f"took more than {SETUP_SECONDS} s"
            raise failure("Airflow's set-up", took_too_long, self.log) from None
        if status != 0:
            raise failure("Airflow's set-up", f"ended with status {status}", self.log)

    def abandon(self) -> None:
        """End it if it still runs."""
        if self.running is not None and self.running.poll() is None:
            self.running.kill()
            self.running.wait()


def base_environment() -> dict[str, str]:
    """This process's environment without variables that configure Airflow, libpq or Python."""
    strange = ("AIRFLOW", "CLOSEBOOK_", "PG", "PYTHON", "REDIS", "VIRTUAL_ENV")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(strange)}
    direct = ",".join(filter(None, [kept.get("no_proxy") or kept.get("NO_PROXY"), LOOPBACK]))
    return {**kept, "no_proxy": direct, "NO_PROXY": direct, "PYTHONUNBUFFERED": "1"}


def _direct(url: str, seconds: float = HEALTH_SECONDS) -> Any:
    # Without the proxy of the environment, which cannot reach loopback.
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    return opener.open(url, timeout=seconds)
