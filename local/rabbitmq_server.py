"""Debian's RabbitMQ on loopback, with a name server of its own: the broker of a cluster's tasks."""

import base64
import json
import secrets
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

import amqp

from local import REPOSITORY
from local.folders import write_private
from local.ports import LOOPBACK, is_free
from local.processes import Component, ServerUser, find

USER = "closebook"
STOP_SECONDS = 30.0
# Debian's own command in /usr/sbin works with its own user and folders only.
_PROGRAMS = "/usr/lib/rabbitmq/bin"
_TLS = ("listeners.", "ssl_options.")


@dataclass(frozen=True)
class RabbitMqServer:
    """One RabbitMQ: its folder, and the ports of its clients, its name server and its cluster.

    The name server, epmd, is a component too. RabbitMQ would start one by itself, which listens on
    every address and keeps running after RabbitMQ has stopped.
    """

    name: str
    folder: Path
    log: Path
    port: int
    name_server_port: int
    distribution_port: int
    run_as: ServerUser | None
    environment: Mapping[str, str]

    def name_server(self, name: str, log: Path) -> Component:
        """How to start the name server."""
        port = str(self.name_server_port)
        return self._component(
            name, log, [find("epmd"), "-port", port, "-address", LOOPBACK], self.environment
        )

    def component(self, password: str) -> Component:
        """How to start it; writes its configuration and its user."""
        definitions = self.folder / "definitions.json"
        write_private(definitions, json.dumps(_definitions(password)), self.run_as)
        lines = (REPOSITORY / "deploy" / "rabbitmq.conf").read_text(encoding="utf-8").splitlines()
        # A version that knows no deprecated features does not start with their names.
        kept = [line for line in lines if not line.startswith((*_TLS, "deprecated_features."))]
        kept += [f"listeners.tcp.1 = {LOOPBACK}:{self.port}", f"load_definitions = {definitions}"]
        kept += ["log.console = true"]
        write_private(self.folder / "rabbitmq.conf", "\n".join([*kept, ""]), self.run_as)
        environment = {
            **self.environment,
            "HOME": str(self.folder),
            "ERL_EPMD_PORT": str(self.name_server_port),
            "ERL_EPMD_ADDRESS": LOOPBACK,
            "RABBITMQ_NODENAME": f"closebook_{self.port}@localhost",
            "RABBITMQ_NODE_PORT": str(self.port),
            "RABBITMQ_DIST_PORT": str(self.distribution_port),
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": ("-kernel inet_dist_use_interface {127,0,0,1}"),
            "RABBITMQ_CONFIG_FILE": str(self.folder / "rabbitmq.conf"),
            "RABBITMQ_MNESIA_BASE": str(self.folder / "mnesia"),
            "RABBITMQ_LOG_BASE": str(self.folder / "log"),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(self.folder / "enabled_plugins"),
            "RABBITMQ_PID_FILE": str(self.folder / "rabbitmq.pid"),
        }
        server = [find("rabbitmq-server", _PROGRAMS)]
        return self._component(self.name, self.log, server, environment)

    def has_name_server(self) -> bool:
        """Whether the name server listens."""
        return not is_free(self.name_server_port)

    def is_ready(self, password: str) -> bool:
        """Whether it accepts its user's log-in."""
        try:
            connection = amqp.Connection(
                f"{LOOPBACK}:{self.port}", USER, password, login_method="PLAIN", connect_timeout=5
            )
            with closing(connection):
                connection.connect()
        except (OSError, amqp.AMQPError):
            return False
        return True

    def _component(
        self, name: str, log: Path, argv: list[str], environment: Mapping[str, str]
    ) -> Component:
        return Component(
            name=name,
            argv=argv,
            log=log,
            environment=environment,
            directory=self.folder,
            run_as=self.run_as,
            stop_seconds=STOP_SECONDS,
        )


def _definitions(password: str) -> dict[str, Any]:
    """The one user, who may do everything in the one virtual host."""
    everything = {"configure": ".*", "write": ".*", "read": ".*"}
    user = {
        "name": USER,
        "password_hash": _password_hash(password),
        "hashing_algorithm": "rabbit_password_hashing_sha256",
        "tags": [],
    }
    return {
        "vhosts": [{"name": "/"}],
        "users": [user],
        "permissions": [{"user": USER, "vhost": "/", **everything}],
    }


def _password_hash(password: str) -> str:
    salt = secrets.token_bytes(4)
    return base64.b64encode(salt + sha256(salt + password.encode()).digest()).decode()
