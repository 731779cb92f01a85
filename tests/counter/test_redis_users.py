"""The users of Redis: one writes the counter, one reads it, and neither can do anything else."""

import json
import os
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
import redis

from closebook.counter import publisher
from closebook.counter.publisher import COUNTER_KEY, PUBLISH_IF_NEWER
from closebook.errors import Misconfigured
from closebook.settings import Settings
from closebook.settings.desk_settings import DeskSettings
from local import REPOSITORY
from local.ports import LOOPBACK, choose
from local.processes import find
from local.redis_server import APP, PUBLISHER, RULES, user_rules
from local.stack import Stack
from tests.tls_server import certificate_for

SCRIPT = PUBLISH_IF_NEWER.read_text("utf-8")
DOCUMENT = json.dumps({"publication": 1})
OTHER_KEY = "another:key"
# What Redis answers to a command, and to one of a script.
REFUSED = r"no permissions|The user executing the script can't"


@contextmanager
def connected(url: str) -> Iterator["redis.Redis"]:
    with redis.Redis.from_url(url, decode_responses=True) as client:
        yield client


def url_of(stack: Stack, user: str) -> str:
    return {PUBLISHER: stack.redis_publisher, APP: stack.redis_app}[user]


def written(settings: Settings, publication: int = 1) -> None:
    publisher._write_to_redis(settings, {"publication": publication})


def test_the_publisher_writes_the_counter_and_the_app_reads_it(
    stack: Stack, settings: Settings, server: "redis.Redis"
) -> None:
    server.script_flush()  # so that the script has to be loaded
    written(settings)
    desk = DeskSettings(settings.store, stack.redis_app, settings.documents_url, "UTC")
    assert publisher.read(desk) == {"publication": 1}
    written(settings, 2)
    with connected(stack.redis_app) as app:
        assert app.get(COUNTER_KEY) == '{"publication":2}'


@pytest.mark.parametrize(
    ("user", "command"),
    [
        *((user, command) for user in (PUBLISHER, APP) for command in (
            ("DEL", COUNTER_KEY),
            ("EXPIRE", COUNTER_KEY, "1"),
            ("GET", OTHER_KEY),
            ("SET", OTHER_KEY, "x"),
            ("KEYS", "*"),
            ("FLUSHALL",),
            ("CONFIG", "GET", "*"),
            ("ACL", "LIST"),
            ("CLIENT", "LIST"),
            ("PUBLISH", "channel", "x"),
            ("SCRIPT", "FLUSH"),
            ("EVAL", "return redis.call('GET', KEYS[1])", "1", OTHER_KEY),
            ("EVAL", SCRIPT, "1", COUNTER_KEY, "1", DOCUMENT),
            ("EVALSHA", "the script", "1", OTHER_KEY, "1", DOCUMENT),
            ("PING",),
        )),
        (APP, ("SET", COUNTER_KEY, DOCUMENT)),
        (APP, ("SCRIPT", "LOAD", "return 1")),
        (APP, ("EVALSHA", "the script", "1", COUNTER_KEY, "1", DOCUMENT)),
    ],
    ids=lambda value: value if isinstance(value, str) else " ".join(value)[:30],
)  # fmt: skip
def test_a_user_may_do_nothing_else(
    stack: Stack, server: "redis.Redis", user: str, command: tuple[str, ...]
) -> None:
    digest = server.script_load(SCRIPT)
    server.set(COUNTER_KEY, "the counter")
    server.set(OTHER_KEY, "private")
    sent = [digest if part == "the script" else part for part in command]
    with (
        connected(url_of(stack, user)) as client,
        pytest.raises(redis.exceptions.NoPermissionError),
    ):
        client.execute_command(*sent)  # type: ignore[no-untyped-call]
    assert (server.get(COUNTER_KEY), server.get(OTHER_KEY)) == ("the counter", "private")
    server.delete(OTHER_KEY)


def test_a_script_of_the_publisher_reaches_no_other_key(
    stack: Stack, server: "redis.Redis"
) -> None:
    """It may load any script: what that calls is checked too, whatever it declares."""
    server.set(OTHER_KEY, "private")
    with connected(stack.redis_publisher) as client:
        for call in (f"'GET', '{OTHER_KEY}'", f"'SET', '{OTHER_KEY}', 'x'", "'FLUSHALL'"):
            digest = client.script_load(f"return redis.call({call})")
            with pytest.raises(redis.ResponseError, match=REFUSED):
                client.evalsha(digest, 1, COUNTER_KEY)
    assert server.get(OTHER_KEY) == "private"
    server.delete(OTHER_KEY)


@pytest.mark.parametrize("command", ["evalsha", "script|load", "get", "set"])
def test_the_publisher_needs_each_of_its_commands(
    stack: Stack, settings: Settings, server: "redis.Redis", command: str
) -> None:
    server.script_flush()
    server.execute_command("ACL", "SETUSER", PUBLISHER, f"-{command}")  # type: ignore[no-untyped-call]
    try:
        # Without GET, the script does not know whether it would write over a newer document.
        with pytest.raises(Misconfigured, match=REFUSED):
            written(settings)
        assert server.get(COUNTER_KEY) is None
    finally:
        server.execute_command("ACL", "SETUSER", PUBLISHER, f"+{command}")  # type: ignore[no-untyped-call]


@pytest.mark.parametrize("user", [PUBLISHER, APP])
def test_a_user_needs_its_own_password(stack: Stack, user: str) -> None:
    url = url_of(stack, user)
    other = url_of(stack, PUBLISHER if user == APP else APP)
    password = other.split("@")[0].rsplit(":", 1)[1]
    wrong = f"redis://{user}:{password}@{url.split('@')[1]}"
    with connected(wrong) as client, pytest.raises(redis.AuthenticationError):
        client.get(COUNTER_KEY)


def test_the_document_for_administrators_has_the_rules() -> None:
    text = (REPOSITORY / "docs" / "grants.md").read_text("utf-8")
    for line in user_rules():
        word, user, rules = line.split(" ", 2)
        assert word == "user"
        assert f"ACL SETUSER {user} on >PASSWORD {rules}" in text


def test_the_container_starts_redis_with_the_same_users(tmp_path: Path, settings: Settings) -> None:
    """deploy/redis_start.sh, with this machine's folders for the container's."""
    port = choose(["redis"])["redis"]
    secrets = {"redis": "operator", "redis_publisher": "one", "redis_app": "two"}
    certificate = certificate_for("localhost", tmp_path / "tls")
    (tmp_path / "secrets").mkdir()
    for name, secret in secrets.items():
        (tmp_path / "secrets" / name).write_text(secret)
    script = (REPOSITORY / "deploy" / "redis_start.sh").read_text("utf-8")
    for place, here in (
        ("/tmp/", f"{tmp_path}/"),  # noqa: S108  # the container's
        ("/run/secrets", str(tmp_path / "secrets")),
        ("/etc/closebook", str(RULES.parent)),
        ("tls-port 6379", f"tls-port {port}"),
        ("/run/tls/server.pem", str(certificate.chain)),
        ("/run/tls/server.key", str(certificate.key)),
        ("/run/tls/ca.pem", str(certificate.authority)),
        ("dir /data", f"dir {tmp_path}"),
        ("exec redis-server", f"exec {find('redis-server')}"),
    ):
        assert place in script
        script = script.replace(place, here)
    script = f"{script.rstrip()} --bind {LOOPBACK}\n"
    with subprocess.Popen(["bash", "-c", script], env={"PATH": os.defpath}) as process:
        try:
            url = f"rediss://{{}}@localhost:{port}/0?ssl_ca_certs={certificate.authority}"
            wait_for(url.format(":operator"))
            written(replace(settings, redis_url=url.format(f"{PUBLISHER}:one")))
            with connected(url.format(f"{APP}:two")) as app:
                assert app.get(COUNTER_KEY) == '{"publication":1}'
                with pytest.raises(redis.exceptions.NoPermissionError):
                    app.set(COUNTER_KEY, "x")
            with (
                connected(url.format(":")) as nobody,
                pytest.raises(redis.AuthenticationError),
            ):
                nobody.get(COUNTER_KEY)
        finally:
            process.terminate()


def wait_for(url: str) -> None:
    deadline = time.monotonic() + 20
    while True:
        try:
            with connected(url) as client:
                client.ping()
                return
        except redis.ConnectionError:
            assert time.monotonic() < deadline
            time.sleep(0.1)
