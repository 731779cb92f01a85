"""What cannot start says so in one line, with what to do; and no start is left half done."""

import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import psycopg
import pytest

from closebook.errors import Misconfigured
from local import REPOSITORY, demo, ports, prerequisites, processes, redis_server
from local.__main__ import main
from local.addresses import PRIMARY, STORE
from local.errors import StackError
from local.processes import Component
from local.progress import Steps
from local.sample_plan import SampleSize
from local.stack import Stack

PATIENCE_SECONDS = 60.0


def refusal(root: Path, capsys: pytest.CaptureFixture[str], *command: str) -> str:
    """The line that a command ends with which must fail."""
    capsys.readouterr()
    status = main(["--root", str(root), *command])
    if status == 0:  # else what runs now, though it must not, would outlive the test
        main(["--root", str(root), "clean"])
    assert status == 1
    printed = capsys.readouterr()
    assert "Traceback" not in printed.out + printed.err
    (line,) = [line for line in printed.out.splitlines() if " failed: " in line]
    return line


def left_running(root: Path) -> list[int]:
    """The processes of a stack, whatever its state says; servers have their folder below it."""
    data = (root / "servers").resolve()
    folders = {it.pid: it.info["cwd"] for it in psutil.process_iter(["cwd"]) if it.info["cwd"]}
    return [
        pid
        for pid, folder in folders.items()
        if Path(folder).is_relative_to(root) or Path(folder).is_relative_to(data)
    ]


# ---- what is missing before the start ----------------------------------------------------


def test_a_port_in_use_is_named_with_who_has_it(
    small_stack: Stack, capsys: pytest.CaptureFixture[str]
) -> None:
    # Given a stack whose ports are known, and a program that takes one of them
    with small_stack.all_or_nothing():
        pass
    taken = small_stack.ports["replica_b"]
    with socket.create_server(("127.0.0.1", taken)):
        line = refusal(small_stack.root, capsys, "up")

    assert f"port {taken}, which replica_b needs, is in use by" in line
    assert f"pid {os.getpid()}" in line
    assert "--new-ports" in line
    assert left_running(small_stack.root) == []
    assert not (small_stack.root / "servers" / STORE).exists()


def test_a_program_that_is_not_installed_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))

    line = refusal(tmp_path / "stack", capsys, "up")

    assert line == (
        "up failed: CB-STACK-PROGRAM-NOT-INSTALLED: redis-server is not installed: run"
        " local/setup.sh"
    )
    assert not (tmp_path / "stack").exists()


def test_a_disk_with_too_little_room_is_refused_before_anything_is_written(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(prerequisites, "FREE_BYTES_WANTED", 2**60)

    line = refusal(tmp_path / "stack", capsys, "demo")

    assert "GB are free for" in line
    assert "make room" in line
    assert not (tmp_path / "stack").exists()


@pytest.mark.parametrize("command", ["up", "down", "clean"])
def test_a_folder_of_something_else_is_left_alone(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], command: str
) -> None:
    theirs = tmp_path / "thesis.txt"
    theirs.write_text("years of work")
    mode = tmp_path.stat().st_mode

    line = refusal(tmp_path, capsys, command)

    assert "is not the folder of a stack, since it holds thesis.txt" in line
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]
    assert tmp_path.stat().st_mode == mode


def test_a_damaged_state_file_is_an_error_that_says_what_to_do(
    small_stack: Stack, capsys: pytest.CaptureFixture[str]
) -> None:
    with small_stack.all_or_nothing():
        pass
    whole = (small_stack.root / "stack.json").read_text()
    (small_stack.root / "stack.json").write_text(whole[:20])
    try:
        line = refusal(small_stack.root, capsys, "up")
    finally:
        (small_stack.root / "stack.json").write_text(whole)
    assert "stack.json" in line
    assert f"remove {small_stack.root}" in line


def test_a_second_command_at_the_same_time_is_refused(
    small_stack: Stack, capsys: pytest.CaptureFixture[str]
) -> None:
    with small_stack.all_or_nothing():
        line = refusal(small_stack.root, capsys, "down")
    assert "another command is at work on the stack" in line


def test_without_a_stack_there_is_nothing_to_stop_or_remove(tmp_path: Path) -> None:
    root = tmp_path / "stack"
    assert [main(["--root", str(root), command]) for command in ("down", "clean")] == [0, 0]
    assert not root.exists()


# ---- what fails on the way ---------------------------------------------------------------


@pytest.fixture
def small_disk(request: pytest.FixtureRequest) -> Iterator[Path]:
    """A disk of the parameter's size, which the servers' user reaches."""
    if os.geteuid() != 0:
        pytest.skip("only root may mount a small disk")
    folder = Path(tempfile.mkdtemp(prefix="small-disk-", dir="/var/tmp"))
    options = f"size={request.param},mode=755"
    mount = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder)]
    if subprocess.run(mount, check=False).returncode != 0:
        folder.rmdir()
        pytest.skip("this machine lets nobody mount a disk")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)
    folder.rmdir()


@pytest.mark.servers
@pytest.mark.parametrize("small_disk", ["4k", "30m", "180m"], indirect=True)
def test_a_disk_that_fills_up_on_the_way_stops_all_of_it(
    small_disk: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(prerequisites, "FREE_BYTES_WANTED", 0)
    root = small_disk / "stack"

    line = refusal(root, capsys, "up")

    assert "the disk is full" in line
    assert "make room" in line
    assert left_running(root) == []
    assert main(["--root", str(root), "clean"]) == 0
    assert list(small_disk.iterdir()) == []


def test_a_server_that_fails_takes_down_what_was_started_with_it(
    small_stack: Stack, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    # Given a user of Redis with a rule that it does not know
    users = tmp_path / "users.acl"
    users.write_text(f"user {redis_server.PUBLISHER} +no-such-command\n")
    monkeypatch.setattr(redis_server, "RULES", users)

    with pytest.raises(StackError) as caught:
        small_stack.up()

    first, *log_tail = str(caught.value).splitlines()
    assert first.startswith("CB-STACK-SERVER-FAILED: redis ended while it started")
    assert str(small_stack.log("redis")) in first
    assert any("no-such-command" in line for line in log_tail)
    assert small_stack.running == {}
    assert left_running(small_stack.root) == []
    assert all(ports.is_free(port) for port in small_stack.ports.values())


def test_an_airflow_that_fails_takes_down_the_servers_of_the_same_command(
    small_stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given a key with which Airflow cannot encrypt the connections' passwords
    small_stack.airflow = True
    monkeypatch.setitem(small_stack.secrets, "fernet", "no key")

    with pytest.raises(StackError, match="Airflow's set-up ended with status 1"):
        small_stack.up()

    assert small_stack.running == {}
    assert left_running(small_stack.root) == []
    assert all(ports.is_free(port) for port in small_stack.ports.values())


# ---- what is killed ----------------------------------------------------------------------


def started(root: Path, command: str, component: str) -> subprocess.Popen[str]:
    """A command in a process of its own, once it has started a component."""
    child = subprocess.Popen(
        [sys.executable, "-m", "local", "--root", str(root), command],
        cwd=REPOSITORY,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
        preexec_fn=_reset_signals,  # noqa: PLW1509  # it sets one signal
    )
    deadline = time.monotonic() + PATIENCE_SECONDS
    while component not in _running(root):
        assert child.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.05)
    return child


def _reset_signals() -> None:
    """Reset SIGINT and SIGHUP: they are ignored if the tests run in the background or by nohup."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    signal.signal(signal.SIGHUP, signal.SIG_DFL)


def _running(root: Path) -> list[str]:
    try:
        return [*json.loads((root / "stack.json").read_text())["running"]]
    except FileNotFoundError:
        return []


@pytest.mark.servers
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_command_that_is_interrupted_stops_what_it_started(
    tmp_path: Path, number: signal.Signals
) -> None:
    root = tmp_path / "stack"
    child = started(root, "up", STORE)
    try:
        child.send_signal(number)
        printed, _ = child.communicate(timeout=PATIENCE_SECONDS)

        assert child.returncode == 130
        assert "interrupted: " in printed
        assert "Traceback" not in printed
        assert left_running(root) == []
    finally:
        assert main(["--root", str(root), "clean"]) == 0


@pytest.mark.servers
def test_after_a_command_was_killed_the_next_one_goes_on(tmp_path: Path) -> None:
    root = tmp_path / "stack"
    child = started(root, "up", PRIMARY)
    try:
        child.kill()
        child.communicate()
        assert left_running(root)

        Stack.build(root, airflow=False, fast=False).start_servers()
    finally:
        assert main(["--root", str(root), "clean"]) == 0
    assert left_running(root) == []


def test_a_server_that_is_not_in_the_state_file_never_runs(tmp_path: Path) -> None:
    log, made = tmp_path / "log", tmp_path / "made"
    server = Component("server", ["touch", str(made)], log, os.environ, tmp_path, run_as=None)
    known: list[processes.Running] = []

    def killed(_name: str, running: processes.Running) -> None:
        known.append(running)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        processes.start(server, "", killed)

    deadline = time.monotonic() + PATIENCE_SECONDS
    while processes.is_alive(known[0].process):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert not made.exists()


def test_a_partly_loaded_sample_is_loaded_again_and_a_users_own_rows_are_kept(
    small_stack: Stack,
) -> None:
    small_stack.start_servers()
    size = SampleSize(transactions=500, users=100, merchants=50, promotions=6, days=2)
    platform = small_stack.primary_admin("platform")
    with psycopg.connect(platform) as connection:
        connection.execute("insert into platform.promotions values (1, 'Own', 'platform')")

    # Rows of somebody else are refused, however often
    for _ in range(2):
        with pytest.raises(Misconfigured, match="holds rows already"):
            demo.fill_platform(small_stack, size, Steps(3, quiet=True))

    # What a killed load left is dropped
    (small_stack.root / "sample.unfinished").touch()
    demo.fill_platform(small_stack, size, Steps(3, quiet=True))
    with psycopg.connect(platform) as connection:
        own = connection.execute(
            "select count(*) from platform.promotions where promotion_name = 'Own'"
        ).fetchone()
    assert own == (0,)
    assert not (small_stack.root / "sample.unfinished").exists()


def test_the_workers_of_a_load_end_with_it(stack: Stack, platform_database: str) -> None:
    load = (
        "from datetime import UTC, datetime; from local import sample_platform as s\n"
        "if __name__ == '__main__':\n"
        f"    s.load({stack.primary_admin(platform_database)!r},"
        " s.SampleSize(transactions=2_000_000, users=500, merchants=50, promotions=6, days=400),"
        " seed=1, until=datetime.now(UTC), time_zone='UTC',"
        " progress=lambda *_: print('one', flush=True))"
    )
    environment = {**os.environ, processes.MARK: "a load"}
    with subprocess.Popen(
        [sys.executable, "-c", load], cwd=REPOSITORY, env=environment, stdout=subprocess.PIPE
    ) as loader:
        assert loader.stdout is not None
        loader.stdout.readline()
        assert len(processes.marked({"a load"})) > 2
        loader.kill()
        loader.wait()
        deadline = time.monotonic() + PATIENCE_SECONDS
        while processes.marked({"a load"}):
            assert time.monotonic() < deadline
            time.sleep(0.1)
