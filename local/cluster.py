"""The stack with CeleryExecutor on RabbitMQ, workers for each queue and S3, as on several machines.

Each worker has a folder of its own below `machines`, as if it were on another machine. They share
what `Cluster.shared` names, and nothing else.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from time import time
from typing import Any, ClassVar

import psycopg
from psycopg import sql

from deploy.airflow_defaults import CLUSTER_POOLS, CLUSTER_SETTINGS
from local import airflow_home
from local.addresses import POOLERS, REDIS, SERVERS, STORE
from local.airflow_home import API_SERVER, Airflow, worker_command
from local.ports import LOOPBACK
from local.processes import Component, server_user
from local.progress import Steps
from local.rabbitmq_server import USER, RabbitMqServer
from local.s3_server import ADMIN, READER, S3, WRITER, S3Server
from local.s3_server import PORTS as S3_PORTS
from local.stack import AIRFLOW_STEPS, SERVER_STEPS, Stack
from local.state import State

EPMD, RABBITMQ, DISTRIBUTION = "epmd", "rabbitmq", "rabbitmq_distribution"
S3_SERVER = "s3"
BUCKET = "closebook"
WRITER_CONNECTION, READER_CONNECTION = "closebook_documents", "closebook_documents_reader"
RESULTS = "celery"
WORKER_SECONDS = 120.0
HEARTBEAT_SECONDS = 10.0
_ENVIRONMENT = {"PATH": "/usr/local/bin:/usr/bin:/bin", "LC_ALL": "C.UTF-8", "TZ": "UTC"}
WORKERS: Mapping[str, tuple[str, int]] = {
    "closes_worker": ("closes", 4),
    "documents_worker_1": ("documents", 2),
    "documents_worker_2": ("documents", 2),
}
"""The queue of each worker, and how many tasks it runs at once."""


@dataclass
class Cluster(Stack):
    """A stack whose tasks run on workers. It is started, used and stopped as a Stack is."""

    server_names: ClassVar[tuple[str, ...]] = (*SERVERS, S3_SERVER, EPMD, RABBITMQ)
    airflow_names: ClassVar[tuple[str, ...]] = (*airflow_home.COMPONENTS, *WORKERS)
    folder_names: ClassVar[tuple[str, ...]] = (*POOLERS, REDIS, RABBITMQ, S3_SERVER)
    port_names: ClassVar[tuple[str, ...]] = (
        *(*Stack.port_names, EPMD, RABBITMQ, DISTRIBUTION),
        *S3_PORTS,
    )
    pools: ClassVar[Mapping[str, int]] = CLUSTER_POOLS
    server_steps: ClassVar[int] = SERVER_STEPS + 2
    airflow_steps: ClassVar[int] = AIRFLOW_STEPS + 1
    stop_command: ClassVar[str] = "make down STACK=cluster"

    @property
    def shared(self) -> dict[str, str]:
        """What all machines share: a bucket for documents, and a folder for the logs of tasks.

        Without a shared folder: AIRFLOW__LOGGING__REMOTE_LOGGING (docs/deploy.md).
        """
        return {
            "CLOSEBOOK_DOCUMENTS_URL": self.documents_url,
            "AIRFLOW__LOGGING__BASE_LOG_FOLDER": str(self.root / "documents" / "task_logs"),
        }

    @property
    def documents_url(self) -> str:
        """The bucket, by the connection of the key that writes."""
        return f"s3://{WRITER_CONNECTION}@{BUCKET}/documents"

    @property
    def s3(self) -> S3:
        """The server of the bucket, and the keys of its users."""
        users = (ADMIN, WRITER, READER)
        return S3(self._s3_server.url, {user: self.secrets[f"s3_{user}"] for user in users})

    def connections(self) -> list[dict[str, Any]]:
        """Return those of a stack, and the bucket with the key of a writer and of a reader."""
        keys = {WRITER_CONNECTION: WRITER, READER_CONNECTION: READER}
        of_bucket = [{"conn_id": name, **self.s3.connection(user)} for name, user in keys.items()]
        return [*super().connections(), *of_bucket]

    def document_file(self, object_name: str) -> Path:
        """Return a file with a copy of a document of the bucket."""
        copy = self.root / "documents" / Path(object_name).name
        found = self.s3.client(READER).get_object(Bucket=BUCKET, Key=f"documents/{object_name}")
        copy.write_bytes(found["Body"].read())
        return copy

    @property
    def environment(self) -> dict[str, str]:
        """The settings of the stack's Airflow, with those of several machines."""
        results = f"{RESULTS}:{self.secrets[RESULTS]}@{LOOPBACK}:{self.ports[STORE]}/{RESULTS}"
        return {
            **super().environment,
            **CLUSTER_SETTINGS,
            "AIRFLOW__CELERY__BROKER_URL": (
                f"amqp://{USER}:{self.secrets[RABBITMQ]}@{LOOPBACK}:{self.ports[RABBITMQ]}//"
            ),
            "AIRFLOW__CELERY__RESULT_BACKEND": (
                f"db+postgresql+psycopg://{results}?require_auth=scram-sha-256"
            ),
            **self.shared,
            **self.settings,
        }

    def start_servers(self, steps: Steps | None = None) -> None:
        """Start all but Airflow, RabbitMQ included."""
        steps = steps or Steps(self.server_steps, quiet=True)
        with self.all_or_nothing():
            super().start_servers(steps)
            with steps.step("S3"):
                self.start(S3_SERVER)
                self.s3.make_bucket(BUCKET)
            with steps.step("RabbitMQ"):
                self._make_results()
                # RabbitMQ registers with its name server when it starts.
                self.start(EPMD)
                self.start(RABBITMQ)

    def start_airflow(self, steps: Steps | None = None) -> None:
        """Set Airflow up and start it, and then its workers."""
        steps = steps or Steps(self.airflow_steps, quiet=True)
        with self.all_or_nothing():
            super().start_airflow(steps)
            with steps.step(f"Workers: {', '.join(WORKERS)}"):
                self.start(*WORKERS, seconds=WORKER_SECONDS)

    def component(self, name: str) -> tuple[Component, Callable[[], bool]]:
        """How to start a component, and how to tell that it is ready."""
        if name == EPMD:
            broker = self._broker
            return broker.name_server(EPMD, self.log(EPMD)), broker.has_name_server
        if name == RABBITMQ:
            broker, password = self._broker, self.secrets[RABBITMQ]
            return broker.component(password), lambda: broker.is_ready(password)
        if name == S3_SERVER:
            return self._s3_server.component(self.s3.secrets), self._s3_server.is_ready
        if name in WORKERS:
            return self._worker(name)
        component, is_ready = super().component(name)
        if name == API_SERVER:
            # The desk only reads: its key can write nothing.
            url = self.documents_url.replace(WRITER_CONNECTION, READER_CONNECTION)
            reading = {**component.environment, "CLOSEBOOK_DOCUMENTS_URL": url}
            return replace(component, environment=reading), is_ready
        return component, is_ready

    def machine(self, name: str) -> Path:
        """Return the folder of a worker's machine: what only this worker has."""
        return self.root / "machines" / name

    @property
    def _broker(self) -> RabbitMqServer:
        return RabbitMqServer(
            name=RABBITMQ,
            folder=(self.root / "servers").resolve() / RABBITMQ,
            log=self.log(RABBITMQ),
            port=self.ports[RABBITMQ],
            name_server_port=self.ports[EPMD],
            distribution_port=self.ports[DISTRIBUTION],
            run_as=server_user(),
            environment=_ENVIRONMENT,
        )

    @property
    def _s3_server(self) -> S3Server:
        return S3Server(
            name=S3_SERVER,
            folder=(self.root / "servers").resolve() / S3_SERVER,
            log=self.log(S3_SERVER),
            ports=self.ports,
            run_as=server_user(),
            environment=_ENVIRONMENT,
        )

    def _worker(self, name: str) -> tuple[Component, Callable[[], bool]]:
        home = self.machine(name)
        home.mkdir(mode=0o700, parents=True, exist_ok=True)
        queue, concurrency = WORKERS[name]
        airflow = Airflow.of(self)
        on_machine = replace(
            airflow, home=home, environment={**airflow.environment, "AIRFLOW_HOME": str(home)}
        )
        on_machine.configure(is_worker=True)
        heartbeat = home / "worker.heartbeat"
        component = on_machine.started(name, worker_command(name, queue, concurrency))
        return component, lambda: _is_fresh(heartbeat)

    def _make_results(self) -> None:
        """Make the database for the results of Celery's tasks, unless it is there."""
        role, password = sql.Identifier(RESULTS), sql.Literal(self.secrets[RESULTS])
        with psycopg.connect(self.store_admin(), autocommit=True) as admin:
            known = "select from pg_roles where rolname = %s"
            if admin.execute(known, [RESULTS]).fetchone() is None:
                admin.execute(sql.SQL("create role {} login password {}").format(role, password))
        if not self.has_database(self.store_admin(), RESULTS):
            with self.creating_database(self.store_admin, RESULTS, owner=RESULTS):
                pass


def stack_in(root: Path, *, airflow: bool = True) -> Stack:
    """Return the stack in a folder, a Cluster or a Stack; if there is none, a Stack to be made."""
    kept = State.read(root.absolute())
    kind = Cluster if kept is not None and RABBITMQ in kept.ports else Stack
    return kind.build(root, airflow=airflow, fast=False)


def _is_fresh(heartbeat: Path) -> bool:
    try:
        return time() - heartbeat.stat().st_mtime < HEARTBEAT_SECONDS
    except FileNotFoundError:
        return False
