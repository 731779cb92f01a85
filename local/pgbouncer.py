"""PgBouncer in front of one replica, in transaction mode."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import psycopg

from local.folders import write_private
from local.ports import LOOPBACK
from local.processes import Component, ServerUser, find

ADMIN_USER = "closebook_pool_admin"
POOL_SIZE = 8
MAX_CLIENTS = 200


@dataclass(frozen=True)
class PgBouncer:
    """One pooler: its folder (configuration and secrets), its port, the replica's port."""

    name: str
    folder: Path
    log: Path
    port: int
    replica_port: int
    run_as: ServerUser | None
    environment: Mapping[str, str]

    def admit(self, verifiers: Mapping[str, str]) -> None:
        """Write down who may log in, by the SCRAM verifiers of their passwords.

        A role's verifier must be the one that the replica has: PgBouncer logs in there with the
        keys that its client's log-in has shown. With a password instead, it would derive a verifier
        for each log-in, one after another (7 ms each).
        """
        text = "".join(f'"{user}" "{verifier}"\n' for user, verifier in verifiers.items())
        write_private(self._users, text, self.run_as)

    def component(self) -> Component:
        """How to start it; writes its configuration."""
        configuration = self.folder / "pgbouncer.ini"
        write_private(
            configuration,
            f"""\
[databases]
* = host={LOOPBACK} port={self.replica_port}

[pgbouncer]
listen_addr = {LOOPBACK}
listen_port = {self.port}
unix_socket_dir =
auth_type = scram-sha-256
auth_file = {self._users}
admin_users = {ADMIN_USER}
pool_mode = transaction
default_pool_size = {POOL_SIZE}
max_client_conn = {MAX_CLIENTS}
# psycopg sends no such parameter; JDBC does. `options` is refused, not ignored: a client
# that asks for a setting and does not get it would read under other rules than it thinks.
ignore_startup_parameters = extra_float_digits
server_lifetime = 600
server_idle_timeout = 60
autodb_idle_timeout = 60
# A lost replica must cause an error at once, so that the close takes another one.
server_connect_timeout = 5
server_login_retry = 1
query_wait_timeout = 30
log_connections = 0
log_disconnections = 0
""",
            self.run_as,
        )
        return Component(
            name=self.name,
            argv=[find("pgbouncer"), str(configuration)],
            log=self.log,
            environment=self.environment,
            directory=self.folder,
            run_as=self.run_as,
            stop_seconds=10,
        )

    def is_ready(self, admin_conninfo: str) -> bool:
        """Whether its console answers."""
        try:
            with console(admin_conninfo) as connection:
                connection.execute("show version")
        except psycopg.OperationalError:
            return False
        return True

    @property
    def _users(self) -> Path:
        return self.folder / "users.txt"


def console(admin_conninfo: str) -> psycopg.Connection[tuple[object, ...]]:
    """A connection to PgBouncer's console, which knows the simple protocol only."""
    return psycopg.connect(
        admin_conninfo, autocommit=True, connect_timeout=5, cursor_factory=psycopg.ClientCursor
    )
