"""A Redis of a test's own, set up wrongly as the test says, beside that of the stack."""

import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import redis

from local.ports import LOOPBACK, choose
from local.processes import find
from tests.close_fixtures import eventually

SLOTS = 16_384
CLUSTER = "cluster-enabled yes"


@contextmanager
def redis_server(folder: Path, *lines: str) -> Iterator[int]:
    """Start a Redis with these lines of configuration; yield its port."""
    folder.mkdir(parents=True)
    ports = choose(["redis", "cluster"])
    port = ports["redis"]
    configuration = folder / "redis.conf"
    own = (f"bind {LOOPBACK}", f"port {port}", f"dir {folder}", 'save ""', "appendonly no")
    # Else a cluster talks on its port and 10,000, which another program may have.
    of_cluster = [f"cluster-port {ports['cluster']}"] if CLUSTER in lines else []
    text = "\n".join([*own, *of_cluster, *lines])
    configuration.write_text(f"{text}\n", encoding="utf-8")
    with subprocess.Popen(
        [find("redis-server"), str(configuration)], stdout=subprocess.DEVNULL
    ) as server:
        try:
            eventually(lambda: _answers(port))
            yield port
        finally:
            server.terminate()


@contextmanager
def redis_cluster(folder: Path) -> Iterator[int]:
    """Start a cluster of two; yield the port of the one that has no key."""
    with (
        redis_server(folder / "without", CLUSTER) as without,
        redis_server(folder / "with", CLUSTER) as owner,
        client(without) as asked,
        client(owner) as of_owner,
    ):
        of_owner.execute_command("CLUSTER", "ADDSLOTSRANGE", 0, SLOTS - 1)
        bus = of_owner.config_get("cluster-port")["cluster-port"]
        asked.execute_command("CLUSTER", "MEET", LOOPBACK, owner, bus)
        eventually(lambda: _is_sent_on(asked), seconds=60)
        yield without


def client(port: int, **how: str) -> "redis.Redis":
    """A client of the server on a port."""
    return redis.Redis(host=LOOPBACK, port=port, decode_responses=True, **how)  # type: ignore[arg-type]


def url(port: int, log_in: str = "") -> str:
    """The URL of the server on a port; `log_in` is `user:password@`, or `:password@`."""
    return f"redis://{log_in}{LOOPBACK}:{port}/0"


def _answers(port: int) -> bool:
    time.sleep(0.02)
    try:
        with client(port) as asking:
            asking.execute_command("PING")
    except redis.exceptions.AuthenticationError:
        return True
    except redis.exceptions.ConnectionError:
        return False
    return True


def _is_sent_on(asking: "redis.Redis") -> bool:
    """Whether the cluster has settled: the one without keys names the one that has them."""
    try:
        asking.get("a key")
    except redis.exceptions.MovedError:
        return True
    except redis.exceptions.ClusterDownError:
        time.sleep(0.1)
    return False
