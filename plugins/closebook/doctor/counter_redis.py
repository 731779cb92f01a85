"""The counter's Redis: that it can be written, is no cluster, and will not evict the counter."""

from collections.abc import Iterator
from pathlib import Path

import redis

from closebook.counter.publisher import COUNTER_KEY, redis_client, redis_error
from closebook.doctor.finding import Finding, Observation, Severity, Unseen
from closebook.errors import ClosebookError, Transient
from closebook.settings import Settings

REWRITE_UNCHANGED = Path(__file__).with_name("rewrite_unchanged.lua")
_SUBJECT = "closebook_redis"
_WHY = (
    "The numbers are safe in the store, and apps show an old counter: the last task of each close "
    "fails."
)
_NO_CLUSTER = "Point closebook_redis at a Redis with cluster-enabled no."


def counter_observations(settings: Settings) -> Iterator[Observation]:
    """Tell of what would keep the counter from being written, or make it vanish.

    The script writes the counter's own document again, or nothing where there is none.
    """
    try:
        with redis_client(settings) as client:
            script = client.register_script(REWRITE_UNCHANGED.read_text(encoding="utf-8"))
            held = script(keys=[COUNTER_KEY])
            if held == "other":
                yield Finding(
                    code="redis-key-taken",
                    subject=_SUBJECT,
                    what=f"the key {COUNTER_KEY} holds something that is no text",
                    why="The next publication replaces it, and who reads the counter gets an error "
                    "until then.",
                    mend=f"del {COUNTER_KEY}, or the extra db of closebook_redis for a database of "
                    "its own.",
                )
            yield from _server_observations(client)
    except redis.RedisError as error:
        yield _error_finding(error)


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
            mend=_NO_CLUSTER,
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


def _error_finding(error: redis.RedisError) -> Finding:
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
    return _finding_of(redis_error(error, lost))


def _finding_of(error: ClosebookError) -> Finding:
    code, mend = {
        "CB-CONFIG-REDIS-LOGIN": (
            "redis-login-refused",
            "Correct login and password of the Airflow connection closebook_redis.",
        ),
        "CB-CONFIG-REDIS-RIGHTS": (
            "redis-not-granted",
            f"acl setuser … ~{COUNTER_KEY} +evalsha +script|load +get +set",
        ),
        "CB-CONFIG-REDIS-IS-CLUSTER": ("redis-is-cluster", _NO_CLUSTER),
    }.get(
        error.code,
        ("redis-unreachable", "Start it, or correct the Airflow connection closebook_redis."),
    )
    return Finding(code, _SUBJECT, error.text, _WHY, mend)
