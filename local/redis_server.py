"""Redis with its users, in memory only: the counter can be rebuilt from the store."""

from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

import redis

from local import REPOSITORY
from local.folders import write_private
from local.ports import LOOPBACK
from local.processes import Component, ServerUser, find

ADMIN = "default"
PUBLISHER = "closebook_publisher"
APP = "closebook_app"
RULES = REPOSITORY / "deploy" / "redis_users.acl"


@dataclass(frozen=True)
class RedisServer:
    """One Redis: its folder, its port."""

    name: str
    folder: Path
    log: Path
    port: int
    run_as: ServerUser | None
    environment: Mapping[str, str]

    def component(self, passwords: Mapping[str, str]) -> Component:
        """How to start it; writes its configuration and its users with mode 600.

        `passwords` has those of PUBLISHER and APP, and of Redis's own user, ADMIN.
        """
        configuration, users = self.folder / "redis.conf", self.folder / "users.acl"
        write_private(users, _users(passwords), self.run_as)
        write_private(
            configuration,
            f"""\
bind {LOOPBACK}
port {self.port}
protected-mode yes
aclfile {users}
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


def _users(passwords: Mapping[str, str]) -> str:
    """The users as production has them, with their passwords' hashes."""
    lines = [f"user {ADMIN} ~* &* +@all", *user_rules()]
    return "".join(_with_password(line, passwords) for line in lines)


def user_rules() -> list[str]:
    """The lines of the users that Closebook logs in as, without passwords."""
    lines = RULES.read_text(encoding="utf-8").splitlines()
    return [line for line in lines if not line.startswith("#")]


def _with_password(line: str, passwords: Mapping[str, str]) -> str:
    word, user, rules = line.split(" ", 2)
    return f"{word} {user} on #{sha256(passwords[user].encode()).hexdigest()} {rules}\n"
