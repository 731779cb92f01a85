"""A real RabbitMQ of the test's own, with users that may do what each of them needs."""

import base64
import json
import os
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

import amqp

from closebook.settings.message_settings import DEFAULT_EXCHANGE, Broker
from local.ports import LOOPBACK
from local.processes import find
from tests.smtp_server import free_port

PUBLISHER, CONSUMER = "closebook_events", "mailer"
_PROGRAMS = "/usr/lib/rabbitmq/bin"
_START_SECONDS = 90.0
_STOP_SECONDS = 30.0


@dataclass(frozen=True)
class RabbitMq:
    """The broker: its port, and its users, whose passwords are their names."""

    port: int

    @property
    def broker(self) -> Broker:
        """The broker as Closebook publishes on it."""
        return Broker(LOOPBACK, self.port, PUBLISHER, PUBLISHER, "/", DEFAULT_EXCHANGE)

    @property
    def connection(self) -> dict[str, Any]:
        """The fields of Airflow's connection to it."""
        return {
            "conn_type": "generic",
            "host": LOOPBACK,
            "port": self.port,
            "login": PUBLISHER,
            "password": PUBLISHER,
        }

    @contextmanager
    def channel(self) -> Iterator[Any]:
        """A channel of the consumer, who may declare exchanges and queues."""
        with amqp.Connection(
            f"{LOOPBACK}:{self.port}", CONSUMER, CONSUMER, login_method="PLAIN"
        ) as connection:
            yield connection.channel()

    def take_all(self, queue: str) -> list[dict[str, Any]]:
        """The messages of a queue, in their order, which are gone then."""
        taken = []
        with self.channel() as channel:
            while (found := channel.basic_get(queue, no_ack=True)) is not None:
                taken.append(json.loads(found.body))
        return taken


@contextmanager
def rabbitmq_server(folder: Path, port: int | None = None) -> Iterator[RabbitMq]:
    """Run a RabbitMQ in a folder until the end of the block; it keeps its queues for a next one."""
    chosen, epmd_port = port or free_port(), free_port()
    folder.mkdir(exist_ok=True)
    (folder / "definitions.json").write_text(json.dumps(_definitions()))
    (folder / "rabbitmq.conf").write_text(
        f"listeners.tcp.1 = {LOOPBACK}:{chosen}\n"
        f"load_definitions = {folder}/definitions.json\n"
        "log.console = true\n"
    )
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(folder),
        "ERL_EPMD_PORT": str(epmd_port),
        "ERL_EPMD_ADDRESS": LOOPBACK,
        "RABBITMQ_NODENAME": f"closebook_{chosen}@localhost",
        "RABBITMQ_NODE_PORT": str(chosen),
        "RABBITMQ_DIST_PORT": str(free_port()),
        "RABBITMQ_CONFIG_FILE": str(folder / "rabbitmq.conf"),
        "RABBITMQ_MNESIA_BASE": str(folder / "mnesia"),
        "RABBITMQ_LOG_BASE": str(folder / "log"),
        "RABBITMQ_ENABLED_PLUGINS_FILE": str(folder / "enabled_plugins"),
        "RABBITMQ_PID_FILE": str(folder / "rabbitmq.pid"),
    }
    log = folder / "console.log"
    epmd = [find("epmd"), "-port", str(epmd_port), "-address", LOOPBACK]
    server = [find("rabbitmq-server", _PROGRAMS)]
    with (
        log.open("ab") as output,
        _running(epmd, environment, output),
        _running(server, environment, output) as process,
    ):
        _wait_until_ready(chosen, process, log)
        yield RabbitMq(chosen)


@contextmanager
def _running(
    command: list[str], environment: dict[str, str], output: Any
) -> "Iterator[subprocess.Popen[bytes]]":
    with subprocess.Popen(
        command, env=environment, stdout=output, stderr=output, start_new_session=True
    ) as process:
        try:
            yield process
        finally:
            process.terminate()
            try:
                process.wait(_STOP_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()


def _wait_until_ready(port: int, process: "subprocess.Popen[bytes]", log: Path) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while True:
        try:
            with RabbitMq(port).channel():
                return
        except (OSError, amqp.AMQPError):
            assert process.poll() is None, log.read_text()[-2000:]
            assert time.monotonic() < deadline, log.read_text()[-2000:]
            time.sleep(0.2)


def _definitions() -> dict[str, Any]:
    """The users: one that only writes to our exchange, and one that may do everything."""
    permissions = {
        PUBLISHER: {"configure": "", "write": f"^{DEFAULT_EXCHANGE}$", "read": ""},
        CONSUMER: {"configure": ".*", "write": ".*", "read": ".*"},
    }
    return {
        "vhosts": [{"name": "/"}],
        "users": [
            {
                "name": user,
                "password_hash": _password_hash(user),
                "hashing_algorithm": "rabbit_password_hashing_sha256",
                "tags": [],
            }
            for user in permissions
        ],
        "permissions": [
            {"user": user, "vhost": "/", **granted} for user, granted in permissions.items()
        ],
    }


def _password_hash(password: str) -> str:
    salt = os.urandom(4)
    return base64.b64encode(salt + sha256(salt + password.encode()).digest()).decode()
