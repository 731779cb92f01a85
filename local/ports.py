"""Ports on loopback: chosen free, held apart within a stack, and whose they are."""

import random
import socket
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from pathlib import Path

from local.errors import PortInUseError, StackError

FIRST_PORT = 20_000
LAST_PORT = 32_000  # Linux hands out its own from 32768 on
LOOPBACK = "127.0.0.1"
_LISTEN = "0A"


@dataclass(frozen=True)
class Listener:
    """A TCP socket that listens: its address as text, its port, the socket's inode."""

    address: str
    port: int
    inode: int


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
                f"no free port for {name} between {FIRST_PORT} and {LAST_PORT}:"
                " stop some of the programs that listen there"
            )
    return chosen


def require_free(name: str, port: int) -> None:
    """Raise PortInUseError if somebody listens on the port that `name` is about to take."""
    if not is_free(port):
        raise PortInUseError(
            f"port {port}, which {name} needs, is in use by {holder(port) or 'another program'}:"
            " stop that program, or give the stack other ports with"
            " `.venv/bin/python -m local up --new-ports`"
        )


def listeners() -> list[Listener]:
    """Every listening TCP socket of this machine, IPv4 and IPv6."""
    found = []
    for table, family in (("tcp", socket.AF_INET), ("tcp6", socket.AF_INET6)):
        path = Path("/proc/net") / table
        if not path.exists():
            continue
        for line in path.read_text().splitlines()[1:]:
            columns = line.split()
            if columns[3] == _LISTEN:
                address, _, port = columns[1].partition(":")
                found.append(Listener(_address(address, family), int(port, 16), int(columns[9])))
    return found


def sockets_of(pid: int) -> set[int]:
    """The inodes of a process's open sockets; empty if it ended or is another user's."""
    inodes = set()
    try:
        for descriptor in (Path("/proc") / str(pid) / "fd").iterdir():
            target = str(descriptor.readlink())
            if target.startswith("socket:["):
                inodes.add(int(target.removeprefix("socket:[").removesuffix("]")))
    except OSError:
        return inodes
    return inodes


def holder(port: int) -> str | None:
    """`name (pid 123)` of the program that listens on a port, None if that cannot be seen."""
    inodes = {listener.inode for listener in listeners() if listener.port == port}
    for process in Path("/proc").iterdir():
        if process.name.isdigit() and sockets_of(int(process.name)) & inodes:
            try:
                name = (process / "comm").read_text().strip()
            except OSError:
                continue
            return f"{name} (pid {process.name})"
    return None


def _address(digits: str, family: socket.AddressFamily) -> str:
    # The kernel prints each 32-bit word of the address in the machine's (little-endian) order.
    words = [bytes.fromhex(digits[at : at + 8])[::-1] for at in range(0, len(digits), 8)]
    return socket.inet_ntop(family, b"".join(words))
