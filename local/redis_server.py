"""Redis with a password, in memory only: the counter can be rebuilt from the store."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import redis

from local.folders import write_private
from local.ports import LOOPBACK
from local.processes import Component, ServerUser, find


@dataclass(frozen=True)
class RedisServer:
    """One Redis: its folder, its port."""

    name: str
    folder: Path
    log: Path
    port: int
    run_as: ServerUser | None
    environment: Mapping[str, str]

    def component(self, password: str) -> Component:
        """How to start it; writes its configuration, password included, with mode 600."""
        configuration = self.folder / "redis.conf"
        write_private(
            configuration,
            f"""\
bind {LOOPBACK}
port {self.port}
protected-mode yes
requirepass {password}
daemonize no
dir {self.folder}
save ""
appendonly no
""",
            self.run_as,
        )
        return Component(
            name=self.name,
            argv=[find("redis-server"), str(configuration)],
            log=self.log,
            environment=self.environment,
            directory=self.folder,
            run_as=self.run_as,
            stop_seconds=10,
        )

    def is_ready(self, url: str) -> bool:
        """Whether it accepts its password and answers."""
        try:
            with redis.Redis.from_url(url, socket_timeout=5) as client:
                return bool(client.ping())
        except (redis.ConnectionError, redis.TimeoutError):
            return False
