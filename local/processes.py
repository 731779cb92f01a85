"""Starts servers, each in a session of its own, and ends exactly what was started."""

import os
import pwd
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import Any

import psutil

from local.errors import StackError, explained_output, failure

MARK = "CLOSEBOOK_COMPONENT"
POLL_SECONDS = 0.05
_TICKS_A_SECOND = os.sysconf("SC_CLK_TCK")

# A child counts as ended only when it is reaped, by whichever Stack object stops it.
_children: dict[int, subprocess.Popen[bytes]] = {}


@dataclass(frozen=True)
class ServerUser:
    """The system user that servers run as."""

    name: str
    uid: int
    gid: int


@dataclass(frozen=True)
class Process:
    """A process that cannot be mistaken for a later one with the same pid."""

    pid: int
    started_ticks: int
    boot_id: str
    mark: str = ""


@dataclass(frozen=True)
class Running:
    """A started server and how it wants to be stopped; kept in the stack's state file."""

    process: Process
    stop_signal: int
    stop_seconds: float

    def as_json(self) -> dict[str, Any]:
        return asdict(self)

    @staticmethod
    def from_json(found: Mapping[str, Any]) -> "Running":
        return Running(Process(**found["process"]), found["stop_signal"], found["stop_seconds"])


@dataclass(frozen=True)
class Component:
    """How one server is started and stopped."""

    name: str
    argv: Sequence[str]
    log: Path
    environment: Mapping[str, str]
    directory: Path
    run_as: ServerUser | None
    stop_signal: signal.Signals = signal.SIGTERM
    stop_seconds: float = 20.0


def server_user() -> ServerUser | None:
    """Whom PostgreSQL, PgBouncer and Redis run as: `postgres` if we are root, else ourselves.

    PostgreSQL and PgBouncer refuse root. None means that no change of user is needed.
    """
    if os.geteuid() != 0:
        return None
    try:
        entry = pwd.getpwnam("postgres")
    except KeyError:
        raise StackError(
            "CB-STACK-NO-SERVER-USER",
            "no system user `postgres`, whom the servers run as when started by root:"
            " install PostgreSQL with local/setup.sh",
        ) from None
    return ServerUser(entry.pw_name, entry.pw_uid, entry.pw_gid)


def find(program: str, *folders: str) -> str:
    """The path of a server's program, from the given folders or PATH."""
    path = [*folders, *os.environ.get("PATH", "").split(os.pathsep), "/usr/sbin", "/sbin"]
    found = shutil.which(program, path=os.pathsep.join(filter(None, path)))
    if found is None:
        raise StackError(
            "CB-STACK-PROGRAM-NOT-INSTALLED", f"{program} is not installed: run local/setup.sh"
        )
    return found


def run(
    argv: Sequence[str],
    *,
    run_as: ServerUser | None,
    log: Path,
    environment: Mapping[str, str],
) -> None:
    """Run a program to its end; raise StackError with the tail of its log if it fails."""
    done = subprocess.run(
        argv,
        stdin=subprocess.DEVNULL,
        # Not written into the log directly: on a full disk the reason would be lost.
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        cwd="/",
        env=dict(environment),
        start_new_session=True,
        check=False,
        user=run_as.uid if run_as else None,
        group=run_as.gid if run_as else None,
        extra_groups=[] if run_as else None,
    )
    with suppress(OSError), log.open("ab") as output:
        output.write(done.stdout)
    if done.returncode != 0:
        what = f"ended with status {done.returncode}"
        raise explained_output(Path(argv[0]).name, what, done.stdout, log)


def start(component: Component, mark: str, keep: Callable[[str, Running], None]) -> None:
    """Start a server in a session of its own, its output going to its log.

    It runs only after `keep` has stored its name and its process. So a command that is killed
    leaves no server that the next command does not know.
    """
    run_as = component.run_as
    with suppress(FileNotFoundError):
        component.log.rename(component.log.with_suffix(".log.1"))
    with component.log.open("ab") as output:
        child = subprocess.Popen(
            ["/bin/sh", "-c", 'read -r go && exec "$@" </dev/null', "sh", *component.argv],
            stdin=subprocess.PIPE,
            stdout=output,
            stderr=subprocess.STDOUT,
            cwd=component.directory,
            env={**component.environment, MARK: mark},
            start_new_session=True,
            user=run_as.uid if run_as else None,
            group=run_as.gid if run_as else None,
            extra_groups=[] if run_as else None,
        )
    _children[child.pid] = child
    found = _identify(child.pid, mark)
    if found is None:
        raise failure(component.name, "ended at once", component.log)
    assert child.stdin is not None  # noqa: S101 (asked for above)
    with child.stdin as pipe:
        keep(component.name, Running(found, component.stop_signal, component.stop_seconds))
        pipe.write(b"go\n")


def is_alive(process: Process) -> bool:
    """Whether this very process still runs (a zombie does not)."""
    child = _children.get(process.pid)
    if child is not None and child.poll() is not None:
        del _children[process.pid]
    return _identify(process.pid, process.mark) == process


def wait_until(
    ready: Callable[[], bool], component: Component, process: Process, seconds: float
) -> None:
    """Poll until a server is ready; raise StackError if it ends or takes too long."""
    deadline = time.monotonic() + seconds
    while not ready():
        if not is_alive(process):
            raise failure(component.name, "ended while it started", component.log)
        if time.monotonic() > deadline:
            raise failure(component.name, f"was not ready after {seconds:.0f} s", component.log)
        time.sleep(POLL_SECONDS)


def tree(process: Process) -> list[Process]:
    """The process, its descendants, and whatever else carries its mark; parents first."""
    children: dict[int, list[int]] = {}
    for found in psutil.process_iter(["ppid"]):
        children.setdefault(found.info["ppid"], []).append(found.pid)
    waiting = [member.pid for member in marked({process.mark})]
    if is_alive(process):
        waiting.insert(0, process.pid)
    seen: list[int] = []
    while waiting:
        pid = waiting.pop(0)
        if pid not in seen:
            seen.append(pid)
            waiting.extend(children.get(pid, []))
    return [member for pid in seen if (member := _identify(pid, process.mark)) is not None]


def marked(marks: Collection[str]) -> list[Process]:
    """Every process that was started under one of the marks, or by such a process."""
    # Of another user's process the environment is None.
    environments = {
        found.pid: found.info["environ"] or {} for found in psutil.process_iter(["environ"])
    }
    members = ((pid, environment.get(MARK)) for pid, environment in environments.items())
    return [
        process
        for pid, mark in members
        if mark and mark in marks and (process := _identify(pid, mark)) is not None
    ]


def stop(servers: Iterable[Running]) -> None:
    """Ask each server to stop, wait, and kill what is left of it when its time is over."""
    stopping = []
    for running in servers:
        process = running.process
        members = tree(process)
        for member in members:
            # A frozen server cannot stop.
            _signal(member, signal.SIGCONT)
        if is_alive(process):
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(process.pid, running.stop_signal)
        stopping.append((process, members, time.monotonic() + running.stop_seconds))
    for process, members, deadline in stopping:
        while any(map(is_alive, members)) and time.monotonic() < deadline:
            time.sleep(POLL_SECONDS)
        kill([*members, *tree(process)])


def kill(processes: Iterable[Process], seconds: float = 10.0) -> None:
    """End processes at once, as a crash would, and wait until they are gone."""
    left = [process for process in processes if is_alive(process)]
    for process in left:
        _signal(process, signal.SIGKILL)
    deadline = time.monotonic() + seconds
    while any(map(is_alive, left)):
        if time.monotonic() > deadline:
            pids = ", ".join(str(process.pid) for process in left if is_alive(process))
            raise StackError(
                "CB-STACK-PROCESS-NOT-ENDED",
                f"processes that do not end even when killed: {pids}; most likely they wait for a "
                "disk: see `ps -o pid,stat,wchan,cmd`",
            )
        time.sleep(POLL_SECONDS)


def freeze(process: Process) -> None:
    """Stop a server and its children from running, without ending them."""
    # The parent first: a frozen parent starts no more children.
    _signal(process, signal.SIGSTOP)
    for member in tree(process):
        _signal(member, signal.SIGSTOP)


def thaw(process: Process) -> None:
    """Let a frozen server run again."""
    for member in tree(process):
        _signal(member, signal.SIGCONT)


def _signal(process: Process, number: signal.Signals) -> None:
    if is_alive(process):
        with suppress(ProcessLookupError, PermissionError):
            os.kill(process.pid, number)


def _identify(pid: int, mark: str) -> Process | None:
    try:
        found = psutil.Process(pid)
        if found.status() in {psutil.STATUS_ZOMBIE, psutil.STATUS_DEAD}:
            return None
        # Counted from the boot: the clock may be set between two commands.
        started_seconds = found.create_time() - psutil.boot_time()
    except psutil.NoSuchProcess:
        return None
    return Process(pid, round(started_seconds * _TICKS_A_SECOND), _boot_id(), mark)


@cache
def _boot_id() -> str:
    return Path("/proc/sys/kernel/random/boot_id").read_text().strip()  # psutil has none


def cpu_seconds(pid: int) -> float:
    """CPU seconds of a process and its children that have ended; 0 if there is no such process."""
    try:
        used = psutil.Process(pid).cpu_times()
    except psutil.NoSuchProcess:
        return 0.0
    return used.user + used.system + used.children_user + used.children_system


def peak_memory_kb() -> int:
    """The most memory that this process has taken.

    From /proc: psutil does not have it on Linux, and ru_maxrss begins with the peak of the process
    that started this one.
    """
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return int(status.partition("VmHWM:")[2].split()[0])
