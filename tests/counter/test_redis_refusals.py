"""What Redis refuses each time is no server that was lost: nobody tries it twenty times."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from closebook.counter import publisher
from closebook.counter.publisher import COUNTER_KEY
from closebook.errors import ClosebookError, Misconfigured, Transient
from closebook.settings import Replica, Settings
from closebook.settings.desk_settings import DeskSettings
from tests.redis_server import client, redis_cluster, redis_server, url

NARROW_USER = "user narrow on >secret resetkeys ~closebook:platform_volume -@all +get"

SETTINGS = Settings(
    time_zone="UTC",
    primary="",
    replicas=(Replica("a", ""),),
    store="",
    redis_url="",
    documents_url="",
)

pytestmark = pytest.mark.servers


@pytest.fixture(scope="module")
def open_port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """A Redis without a password, and with a user who may only read."""
    folder = tmp_path_factory.mktemp("redis")
    with redis_server(folder / "open", NARROW_USER) as port:
        yield port


def written_by(redis_url: str) -> ClosebookError:
    """The error of writing the counter."""
    settings = replace(SETTINGS, redis_url=redis_url)
    with pytest.raises(ClosebookError) as refused:
        publisher._write_to_redis(settings, {"publication": 1})
    return refused.value


def read_by(redis_url: str) -> ClosebookError:
    """The error of reading the counter."""
    with pytest.raises(ClosebookError) as refused:
        publisher.read(DeskSettings("", redis_url, "", "UTC"))
    return refused.value


def assert_misconfigured(error: ClosebookError, code: str) -> None:
    assert isinstance(error, Misconfigured)
    assert error.code == code
    assert "secret" not in error.text


def test_a_wrong_password_is_not_retried(tmp_path: Path) -> None:
    with redis_server(tmp_path / "r", "requirepass secret") as port:
        for log_in in ("", ":wrong@", "nobody:wrong@"):
            assert_misconfigured(written_by(url(port, log_in)), "CB-CONFIG-REDIS-LOGIN")
            assert_misconfigured(read_by(url(port, log_in)), "CB-CONFIG-REDIS-LOGIN")


def test_a_command_that_the_user_may_not_run_is_not_retried(open_port: int) -> None:
    error = written_by(url(open_port, "narrow:secret@"))
    assert_misconfigured(error, "CB-CONFIG-REDIS-RIGHTS")
    assert COUNTER_KEY in error.text


def test_a_command_that_the_script_may_not_run_is_not_retried(tmp_path: Path) -> None:
    rules = "user half on >secret resetkeys ~closebook:platform_volume -@all +evalsha +script|load"
    with redis_server(tmp_path / "r", rules + " +get") as port:
        error = written_by(url(port, "half:secret@"))
    assert_misconfigured(error, "CB-CONFIG-REDIS-RIGHTS")


def test_a_key_that_holds_something_else_is_not_retried_by_who_reads(open_port: int) -> None:
    with client(open_port) as other:
        other.rpush(COUNTER_KEY, "an element")
        try:
            assert_misconfigured(read_by(url(open_port)), "CB-CONFIG-REDIS-KEY-TAKEN")
        finally:
            other.delete(COUNTER_KEY)


def test_a_cluster_is_named_and_not_retried(tmp_path: Path) -> None:
    with redis_cluster(tmp_path) as port:
        for error in (written_by(url(port)), read_by(url(port))):
            assert_misconfigured(error, "CB-CONFIG-REDIS-IS-CLUSTER")
            assert "MovedError" in error.text


def test_a_cluster_without_slots_is_named_too(tmp_path: Path) -> None:
    with redis_server(tmp_path / "r", "cluster-enabled yes") as port:
        assert_misconfigured(written_by(url(port)), "CB-CONFIG-REDIS-IS-CLUSTER")


@pytest.mark.parametrize("line", ["replicaof 127.0.0.1 1", "maxmemory 1"])
def test_a_replica_and_a_full_memory_may_pass_and_are_retried(tmp_path: Path, line: str) -> None:
    with redis_server(tmp_path / "r", line) as port:
        assert isinstance(written_by(url(port)), Transient)


def test_a_redis_that_is_down_is_retried() -> None:
    assert isinstance(written_by(url(1)), Transient)
    assert isinstance(read_by(url(1)), Transient)
