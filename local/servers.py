"""The servers of a stack: where each one's data and log are, how it starts, when it is ready."""

from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from local.addresses import POOLERS, PRIMARY, REDIS, REPLICAS, Addresses
from local.folders import write_private
from local.pgbouncer import PgBouncer
from local.ports import LOOPBACK
from local.postgres import REPLICATION_USER, SUPERUSER, PostgresServer, Upstream
from local.processes import Component, ServerUser
from local.redis_server import ADMIN, RedisServer


@dataclass(frozen=True)
class Servers:
    """The servers of the stack that has these addresses, run as a user (None: as ourselves)."""

    addresses: Addresses
    run_as: ServerUser | None
    fast: bool
    binaries: Path | None = None

    def component(self, name: str) -> tuple[Component, Callable[[], bool]]:
        """How to start a server whose data exist, and how to tell that it is ready."""
        addresses = self.addresses
        if name == REDIS:
            redis = RedisServer(**self._place(name))
            return (
                redis.component({**addresses.secrets, ADMIN: addresses.secrets["redis"]}),
                lambda: redis.is_ready(addresses.redis_admin),
            )
        if name in POOLERS:
            pooler, console = self._pooler(name), addresses.pool_admin(POOLERS[name])
            return pooler.component(), lambda: pooler.is_ready(console)
        server = self._postgres(name)
        conninfo = addresses.conninfo(name, SUPERUSER, "postgres")
        return server.component(), lambda: server.is_ready(conninfo)

    def make_cluster(self, name: str) -> None:
        """Make the data of the primary or the store, if there are none."""
        server = self._postgres(name)
        if not server.folder.exists():
            server.create(self.addresses.secrets[SUPERUSER])

    def make_replicas(self) -> None:
        """Make the data of the replicas that have none, from the primary, which must run."""
        password = self.addresses.secrets[REPLICATION_USER]
        line = f"{LOOPBACK}:*:*:{REPLICATION_USER}:{password}\n"
        write_private(self._replication_password, line, self.run_as)
        servers = [self._postgres(name) for name in REPLICAS]
        with ThreadPoolExecutor(len(servers)) as pool:
            new = [server for server in servers if not server.folder.exists()]
            list(pool.map(PostgresServer.copy_from_upstream, new))

    def admit_to_poolers(self, verifiers: Mapping[str, str]) -> None:
        """Write the poolers' files of users who may log in."""
        for name in POOLERS:
            self._pooler(name).admit(verifiers)

    @property
    def _folder(self) -> Path:
        return (self.addresses.root / "servers").resolve()

    @property
    def _replication_password(self) -> Path:
        return self._folder / "replication.pgpass"

    @property
    def _environment(self) -> dict[str, str]:
        return {
            "PATH": "/usr/local/bin:/usr/bin:/bin",
            "HOME": str(self._folder),
            "LC_ALL": "C.UTF-8",
            "TZ": "UTC",
        }

    def _postgres(self, name: str) -> PostgresServer:
        primary = Upstream(self.addresses.ports[PRIMARY], self._replication_password, name)
        return PostgresServer(
            **self._place(name),
            fast=self.fast,
            upstream=primary if name in REPLICAS else None,
            binaries=self.binaries,
        )

    def _pooler(self, name: str) -> PgBouncer:
        return PgBouncer(replica_port=self.addresses.ports[POOLERS[name]], **self._place(name))

    def _place(self, name: str) -> dict[str, Any]:
        return {
            "name": name,
            "folder": self._folder / name,
            "log": self.addresses.log(name),
            "port": self.addresses.ports[name],
            "run_as": self.run_as,
            "environment": self._environment,
        }
