"""A proxy before a server. At a given request it delays the request, or drops the answers.

Nothing of either side is imitated: bytes pass as they are, or do not pass.
"""

import socket
import threading
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from types import TracebackType
from typing import Self

from local.ports import LOOPBACK
from tests.close_fixtures import PATIENCE_SECONDS

BLOCK_BYTES = 65_536


class NetworkProxy:
    """A port on loopback that leads to a server's, until a request has certain bytes in it.

    Such a request waits until ``release()``. With ``drops_answers`` it passes at once, and no
    answer of the server comes back from then on.
    """

    def __init__(self, port: int, at: bytes, *, drops_answers: bool = False) -> None:
        self._server_port, self._at, self._drops_answers = port, at, drops_answers
        self._reached, self._released = threading.Event(), threading.Event()
        self._sockets: list[socket.socket] = []
        self._listener = socket.create_server((LOOPBACK, 0))
        self.port: int = self._listener.getsockname()[1]
        self._start(self._accept)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        _error: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        self.release()
        for end in (self._listener, *self._sockets):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()

    def wait_until_reached(self) -> None:
        """Wait until a request with the bytes has come."""
        assert self._reached.wait(PATIENCE_SECONDS), "the request never came"

    def release(self) -> None:
        """Let the request pass that is held, and all others."""
        self._released.set()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                server = socket.create_connection((LOOPBACK, self._server_port))
                self._sockets += [client, server]
                passes_answers = threading.Event()
                passes_answers.set()
                self._start(partial(self._ask, client, server, passes_answers))
                self._start(partial(self._answer, server, client, passes_answers))

    def _ask(
        self, client: socket.socket, server: socket.socket, passes_answers: threading.Event
    ) -> None:
        with suppress(OSError):
            while request := client.recv(BLOCK_BYTES):
                if self._at in request and not self._released.is_set():
                    if self._drops_answers:
                        passes_answers.clear()
                    self._reached.set()
                    if not self._drops_answers:
                        self._released.wait()
                server.sendall(request)
            server.shutdown(socket.SHUT_WR)

    def _answer(
        self, server: socket.socket, client: socket.socket, passes_answers: threading.Event
    ) -> None:
        with suppress(OSError):
            while answer := server.recv(BLOCK_BYTES):
                if passes_answers.is_set():
                    client.sendall(answer)
            client.shutdown(socket.SHUT_WR)

    def _start(self, target: Callable[[], None]) -> None:
        threading.Thread(target=target, daemon=True).start()
