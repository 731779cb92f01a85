"""Start servers in groups of their own, and end exactly what was started."""

import os
import pwd
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import Any

from local.errors import StackError

MARK = "CLOSEBOOK_COMPONENT"
TAIL_LINES = 12
POLL_SECONDS = 0.05

# Our own children must be reaped to be seen as ended, by whichever Stack object stops them.
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
            "no system user `postgres`, whom the servers run as when started by root:"
            " install PostgreSQL with local/setup.sh"
        ) from None
    return ServerUser(entry.pw_name, entry.pw_uid, entry.pw_gid)


def find(program: str, *folders: str) -> str:
    """The path of a server's program, from the given folders or PATH."""
    path = os.pathsep.join([*folders, os.environ.get("PATH", ""), "/usr/sbin", "/sbin"])
    found = shutil.which(program, path=path)
    if found is None:
        raise StackError(f"{program} is not installed: run local/setup.sh")
    return found


def run(
    argv: Sequence[str],
    *,
    run_as: ServerUser | None,
    log: Path,
    environment: Mapping[str, str],
) -> None:
    """Run a program to its end; raise StackError with the tail of its log if it fails."""
    with log.open("ab") as output:
        began = output.tell()
        done = subprocess.run(
            argv,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            cwd="/",
            env=dict(environment),
            start_new_session=True,
            check=False,
            user=run_as.uid if run_as else None,
            group=run_as.gid if run_as else None,
            extra_groups=[] if run_as else None,
        )
    if done.returncode != 0:
        raise failure(Path(argv[0]).name, f"ended with status {done.returncode}", log, began)


def start(component: Component, mark: str) -> Running:
    """Start a server in a session of its own, its output going to its log."""
    run_as = component.run_as
    with suppress(FileNotFoundError):
        component.log.rename(component.log.with_suffix(".log.1"))
    with component.log.open("ab") as output:
        child = subprocess.Popen(
            component.argv,
            stdin=subprocess.DEVNULL,
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
    return Running(found, component.stop_signal, component.stop_seconds)


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
    parents: dict[int, list[int]] = {}
    marked = []
    wanted = f"{MARK}={process.mark}".encode()
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        pid = int(entry.name)
        stat = _stat(pid)
        if stat is None:
            continue
        parents.setdefault(int(stat[1]), []).append(pid)
        if process.mark:
            with suppress(OSError):
                if wanted in (entry / "environ").read_bytes().split(b"\0"):
                    marked.append(pid)
    waiting = [process.pid, *marked] if is_alive(process) else marked
    seen: list[int] = []
    while waiting:
        pid = waiting.pop(0)
        if pid not in seen:
            seen.append(pid)
            waiting.extend(parents.get(pid, []))
    return [found for pid in seen if (found := _identify(pid, process.mark)) is not None]


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
            raise StackError(f"processes that do not end even when killed: {pids}")
        time.sleep(POLL_SECONDS)


def freeze(process: Process) -> None:
    """Stop a server and its children from running, without ending them."""
    # The parent first: a frozen parent has no more children.
    _signal(process, signal.SIGSTOP)
    for member in tree(process):
        _signal(member, signal.SIGSTOP)


def thaw(process: Process) -> None:
    """Let a frozen server run again."""
    for member in tree(process):
        _signal(member, signal.SIGCONT)


def failure(name: str, what: str, log: Path, began: int = 0) -> StackError:
    """A StackError that shows the end of the log and, where it can be told, the remedy."""
    with suppress(FileNotFoundError), log.open("rb") as source:
        source.seek(began)
        lines = source.read().decode(errors="replace").splitlines()
        tail = "\n".join(lines[-TAIL_LINES:])
        return StackError(f"{name} {what}: {_remedy(tail)} (log: {log})", tail)
    return StackError(f"{name} {what}, and left no log at {log}")


def _remedy(tail: str) -> str:
    if "No space left on device" in tail:
        return "the disk is full, make room and try again"
    if "Address already in use" in tail:
        return "a port is in use, try again with `.venv/bin/python -m local up --new-ports`"
    if "Cannot allocate memory" in tail or "could not map anonymous shared memory" in tail:
        return "not enough memory, end other programs and try again"
    return "see its last lines below, mend that, and run the command again"


def _signal(process: Process, number: signal.Signals) -> None:
    if is_alive(process):
        with suppress(ProcessLookupError, PermissionError):
            os.kill(process.pid, number)


def _identify(pid: int, mark: str) -> Process | None:
    stat = _stat(pid)
    if stat is None or stat[0] in "ZX":
        return None
    return Process(pid, int(stat[19]), _boot_id(), mark)


@cache
def _boot_id() -> str:
    return Path("/proc/sys/kernel/random/boot_id").read_text().strip()


def _stat(pid: int) -> list[str] | None:
    """The columns of /proc/PID/stat from the state on (a name may hold spaces and brackets)."""
    try:
        text = (Path("/proc") / str(pid) / "stat").read_text()
    except OSError:
        return None
    return text.rpartition(")")[2].split()
