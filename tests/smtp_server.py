"""A real SMTP server in a process of its own, which keeps each mail as a file."""

import asyncio
import json
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from email import message_from_string, policy
from pathlib import Path
from typing import Any

from aiosmtpd.smtp import SMTP

from local import REPOSITORY
from local.ports import LOOPBACK

_PATIENCE_SECONDS = 20.0
HANGING_UP = "hang up"
REFUSING = "refuse "


@dataclass(frozen=True)
class SmtpServer:
    """The server, and what it has taken."""

    port: int
    folder: Path

    @property
    def connection(self) -> dict[str, Any]:
        """The fields of Airflow's connection to it."""
        return {
            "conn_type": "smtp",
            "host": LOOPBACK,
            "port": self.port,
            "extra": json.dumps(
                {
                    "disable_ssl": True,
                    "disable_tls": True,
                    "from_email": "closebook@bank.invalid",
                    "timeout": 5,
                }
            ),
        }

    def mails(self) -> list[str]:
        """Each mail as its reader sees it, in the order of their coming: headers and text."""
        return [_readable(path.read_text()) for path in sorted(self.folder.glob("*.eml"))]


@contextmanager
def smtp_server(
    folder: Path, *, port: int | None = None, behaviour: str = ""
) -> Iterator[SmtpServer]:
    """Run the server until the end of the block.

    With HANGING_UP as its behaviour it takes each mail and never answers; with an answer such as
    "451 try later" it refuses each one with it; with REFUSING and an address it refuses that one.
    """
    folder.mkdir(exist_ok=True)
    chosen = port or free_port()
    command = [sys.executable, "-m", "tests.smtp_server", str(folder), str(chosen), behaviour]
    with subprocess.Popen(command, cwd=REPOSITORY, start_new_session=True) as process:
        try:
            _wait_for(chosen, process)
            yield SmtpServer(chosen, folder)
        finally:
            process.terminate()
            process.wait(_PATIENCE_SECONDS)


def free_port() -> int:
    """A port on which nothing listens."""
    with socket.socket() as probe:
        probe.bind((LOOPBACK, 0))
        return int(probe.getsockname()[1])


def _wait_for(port: int, process: "subprocess.Popen[bytes]") -> None:
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while True:
        try:
            socket.create_connection((LOOPBACK, port), timeout=1).close()
        except OSError:
            assert process.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.05)
        else:
            return


def _readable(content: str) -> str:
    message = message_from_string(content, policy=policy.default)
    bodies = [part.get_content() for part in message.walk() if not part.is_multipart()]
    return "\n".join([*(f"{name}: {value}" for name, value in message.items()), *bodies])


class _Keeper:
    """Keeps mails, or refuses them if told to; hangs up before its answer if told to."""

    def __init__(self, folder: Path, behaviour: str) -> None:
        self._folder = folder
        self._behaviour = behaviour

    async def handle_RCPT(  # noqa: N802  # aiosmtpd's name
        self, _server: Any, _session: Any, envelope: Any, address: str, _options: Any
    ) -> str:
        if self._behaviour == REFUSING + address:
            return "550 nobody of this name"
        envelope.rcpt_tos.append(address)
        return "250 known"

    async def handle_DATA(self, server: Any, _session: Any, envelope: Any) -> str:  # noqa: N802  # aiosmtpd's name
        if self._behaviour[:1].isdigit():
            return self._behaviour
        number = len(list(self._folder.glob("*.eml")))
        (self._folder / f"{number:04}.eml").write_bytes(envelope.original_content)
        if self._behaviour == HANGING_UP:
            server.transport.abort()
        return "250 kept"


async def _serve(folder: Path, port: int, behaviour: str) -> None:
    loop = asyncio.get_running_loop()
    server = await loop.create_server(
        lambda: SMTP(_Keeper(folder, behaviour), hostname="mail.invalid"), LOOPBACK, port
    )
    ended = asyncio.Event()
    loop.add_signal_handler(signal.SIGTERM, ended.set)
    await ended.wait()
    server.close()


if __name__ == "__main__":
    asyncio.run(_serve(Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3]))
