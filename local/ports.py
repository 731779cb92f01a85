"""Ports on loopback: choose free ones, and name the program that uses one."""

import random
import socket
from collections.abc import Collection, Iterable
from contextlib import suppress
from dataclasses import dataclass

import psutil

from local.errors import PortInUseError, StackError

FIRST_PORT = 20_000
LAST_PORT = 32_000  # Linux hands out its own from 32768 on
LOOPBACK = "127.0.0.1"


@dataclass(frozen=True)
class Listener:
    """A TCP socket that listens, and the process that has it (None: another user's)."""

    address: str
    port: int
    pid: int | None


def is_free(port: int) -> bool:
    """Whether a server could listen on the port on loopback now."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return False
    return True


def choose(names: Iterable[str], taken: Collection[int] = ()) -> dict[str, int]:
    """A free port for each name, no two alike, none of `taken`."""
    chosen: dict[str, int] = {}
    # Random, so that two stacks which start at once seldom want the same one.
    candidates = iter(random.sample(range(FIRST_PORT, LAST_PORT), LAST_PORT - FIRST_PORT))
    for name in names:
        for port in candidates:
            if port not in taken and is_free(port):
                chosen[name] = port
                break
        else:
            raise StackError(
                "CB-STACK-NO-FREE-PORT",
                f"no free port for {name} between {FIRST_PORT} and {LAST_PORT}:"
                " stop some of the programs that listen there",
            )
    return chosen


def require_free(name: str, port: int) -> None:
    """Raise PortInUseError if a program listens on the port that `name` is going to use."""
    if not is_free(port):
        raise PortInUseError(
            "CB-STACK-PORT-IN-USE",
            f"port {port}, which {name} needs, is in use by {holder(port) or 'another program'}:"
            " stop that program, or give the stack other ports with"
            " `.venv/bin/python -m local up --new-ports`",
        )


def listeners() -> list[Listener]:
    """Every listening TCP socket of this machine, IPv4 and IPv6."""
    return [
        Listener(found.laddr.ip, found.laddr.port, found.pid)
        for found in psutil.net_connections("tcp")
        if found.status == psutil.CONN_LISTEN and found.laddr
    ]


def holder(port: int) -> str | None:
    """`name (pid 123)` of the program that listens on a port, None if that cannot be seen."""
    for found in listeners():
        if found.port == port and found.pid is not None:
            with suppress(psutil.NoSuchProcess):
                return f"{psutil.Process(found.pid).name()} (pid {found.pid})"
    return None
