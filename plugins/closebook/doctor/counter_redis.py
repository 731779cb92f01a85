"""The counter's Redis: that it can be written, is no cluster, and will not evict the counter."""

from collections.abc import Iterator
from pathlib import Path

import redis

from closebook.counter.publisher import COUNTER_KEY, redis_client, redis_error
from closebook.doctor.finding import Finding, Observation, Severity, Unseen
from closebook.errors import ClosebookError, Transient
from closebook.settings import Settings
from closebook.settings.airflow_connections import REDIS_APP_CONNECTION, REDIS_CONNECTION
from closebook.settings.desk_settings import DeskSettings

REWRITE_UNCHANGED = Path(__file__).with_name("rewrite_unchanged.lua")
_SUBJECT = REDIS_CONNECTION
_WHY = (
    "The numbers are safe in the store, and apps show an old counter: the last task of each close "
    "fails."
)
_WHY_OF_APP = "The closes run. Whoever opens the page Volume gets an error in place of the counter."


def counter_observations(settings: Settings) -> Iterator[Observation]:
    """Tell of what would keep the counter from being written, or make it vanish.

    The script writes the counter's own document again, or nothing where there is none.
    """
    try:
        with redis_client(settings) as client:
            script = client.register_script(REWRITE_UNCHANGED.read_text(encoding="utf-8"))
            held = script(keys=[COUNTER_KEY])
            if held == "other":
                yield _taken(_SUBJECT)
            yield from _server_observations(client)
    except redis.RedisError as error:
        yield _error_finding(error, _SUBJECT)


def app_observations(desk: DeskSettings) -> Iterator[Finding]:
    """Tell of what keeps the desk, and apps, from reading the counter."""
    try:
        with redis_client(desk) as client:
            client.get(COUNTER_KEY)
    except redis.RedisError as error:
        yield _error_finding(error, REDIS_APP_CONNECTION)


def _taken(subject: str) -> Finding:
    return Finding(
        code="redis-key-taken",
        subject=subject,
        what=f"the key {COUNTER_KEY} holds something that is no text",
        why="The next publication replaces it, and who reads the counter gets an error until then.",
        mend=f"del {COUNTER_KEY}, or the extra db of closebook_redis for a database of its own.",
    )


def _server_observations(client: "redis.Redis") -> Iterator[Observation]:
    try:
        memory, cluster = client.info("memory"), client.info("cluster")
    except redis.exceptions.NoPermissionError:
        yield Unseen(
            "the eviction policy of Redis",
            "this user may not run info; as an administrator: config get maxmemory-policy, which "
            "must not begin with allkeys",
        )
        return
    assert isinstance(memory, dict)  # noqa: S101  # the client is not asynchronous
    assert isinstance(cluster, dict)  # noqa: S101
    if cluster.get("cluster_enabled"):
        yield Finding(
            code="redis-is-cluster",
            subject=_SUBJECT,
            what="Redis is a cluster, and this server has the counter's slot today",
            why="The counter is one key on one server. When its slot moves, it is refused.",
            mend=f"Point {_SUBJECT} at a Redis with cluster-enabled no.",
        )
    policy = str(memory.get("maxmemory_policy", ""))
    if policy.startswith("allkeys"):  # guard: doctor.eviction
        yield Finding(
            code="redis-evicts",
            subject=_SUBJECT,
            what=f"maxmemory-policy is {policy}",
            why="When its memory is full, Redis may drop the counter; apps show none until the "
            "next hour is closed.",
            mend="config set maxmemory-policy noeviction, or volatile-lru: the counter has no "
            "time to live.",
            severity=Severity.WARNING,
        )


def _error_finding(error: redis.RedisError, connection: str) -> Finding:
    if isinstance(error, redis.exceptions.ReadOnlyError):
        return Finding(
            code="redis-is-replica",
            subject=_SUBJECT,
            what=f"Redis is a replica: {error}",
            why=_WHY,
            mend="Point the Airflow connection closebook_redis at the one that can be written.",
        )
    if isinstance(error, redis.exceptions.OutOfMemoryError):
        return Finding(
            code="redis-full",
            subject=_SUBJECT,
            what=f"Redis has no memory left: {error}",
            why=_WHY,
            mend="config set maxmemory, to more; the counter needs a few kilobytes.",
        )
    lost = Transient("CB-RETRY-REDIS-UNREADABLE", f"Redis cannot be read: {error}")
    return _finding_of(redis_error(error, lost), connection)


def _finding_of(error: ClosebookError, connection: str) -> Finding:
    if error.code == "CB-CONFIG-REDIS-KEY-TAKEN":
        return _taken(connection)
    is_app = connection == REDIS_APP_CONNECTION
    rights = (
        f"%R~{COUNTER_KEY} +get" if is_app else f"~{COUNTER_KEY} +evalsha +script|load +get +set"
    )
    code, mend = {
        "CB-CONFIG-REDIS-LOGIN": (
            "redis-login-refused",
            f"Correct login and password of the Airflow connection {connection}.",
        ),
        "CB-CONFIG-REDIS-RIGHTS": ("redis-not-granted", f"acl setuser … {rights}"),
        "CB-CONFIG-REDIS-IS-CLUSTER": (
            "redis-is-cluster",
            f"Point {connection} at a Redis with cluster-enabled no.",
        ),
    }.get(
        error.code,
        ("redis-unreachable", f"Start it, or correct the Airflow connection {connection}."),
    )
    return Finding(code, connection, error.text, _WHY_OF_APP if is_app else _WHY, mend)
