"""A real S3 server for the tests, buckets of their own on it, and a proxy that lets it fail."""

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import Self

from local.ports import LOOPBACK, choose
from local.s3_server import ADMIN, PORTS, READER, S3, WRITER, S3Server
from tests import process_group
from tests.close_fixtures import eventually

SECRETS = {user: f"secret of {user}" for user in (ADMIN, WRITER, READER)}
_START_SECONDS = 60.0


@contextmanager
def s3_server_in(folder: Path) -> Iterator[S3]:
    """Run a server in a folder until the end of the block."""
    folder.mkdir(parents=True, exist_ok=True)
    server = S3Server("s3", folder, folder / "s3.log", choose(PORTS), None, dict(os.environ))
    component = server.component(SECRETS)
    with process_group.running(
        component.argv,
        component.environment,
        component.directory,
        component.log,
        # Its own end takes ten seconds, for data that nobody needs.
        signal.SIGKILL,
    ):
        eventually(lambda: _answers(server), _START_SECONDS)
        yield S3(server.url, SECRETS)


def _answers(server: S3Server) -> bool:
    time.sleep(0.1)
    return server.is_ready()


@dataclass(frozen=True)
class Asked:
    """A request that reached the proxy."""

    method: str
    path: str
    headers: dict[str, str]


@dataclass(frozen=True)
class Answer:
    """What the proxy answers instead of the server."""

    status: int
    code: str
    message: str = "the test says so"


HANGS = "hangs"
"""The proxy answers nothing."""
LOSES_ANSWER = "loses the answer"
"""The server does what it is asked, and the proxy ends the connection without its answer."""

Fault = Answer | str
Rule = Callable[[Asked], Fault | None]
"""What goes wrong with a request; None for nothing."""


@dataclass
class FaultyS3:
    """A proxy before an S3 server. Its rule says which requests fail and how; others pass."""

    server: S3
    rule: Rule = field(default=lambda _: None)
    asked: list[Asked] = field(default_factory=list)
    most_at_once: int = 0

    def __post_init__(self) -> None:
        self._open, self._counting, self._closing = 0, threading.Lock(), threading.Event()
        self._proxy = ThreadingHTTPServer((LOOPBACK, 0), self._handler())
        self._proxy.daemon_threads = True

    @property
    def s3(self) -> S3:
        """The proxy's address, which clients are given instead of the server's."""
        return S3(f"http://{LOOPBACK}:{self._proxy.server_address[1]}", self.server.secrets)

    @property
    def methods(self) -> Sequence[str]:
        """The methods of the requests, in their order."""
        return [each.method for each in self.asked]

    def __enter__(self) -> Self:
        threading.Thread(target=self._proxy.serve_forever, daemon=True).start()
        return self

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        _error: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        self._closing.set()
        self._proxy.shutdown()
        self._proxy.server_close()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        faulty = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            # Else a small answer waits for the acknowledgement of its head.
            disable_nagle_algorithm = True

            def do_GET(self) -> None:
                faulty._pass(self)

            do_PUT = do_HEAD = do_POST = do_DELETE = do_GET  # noqa: N815  # names of the library

            def log_message(self, *_: object) -> None:
                pass

        return Handler

    def _pass(self, handler: BaseHTTPRequestHandler) -> None:
        headers = {name.lower(): value for name, value in handler.headers.items()}
        body = handler.rfile.read(int(headers.get("content-length", 0)))
        asked = Asked(handler.command, handler.path, headers)
        with self._counting:
            self.asked.append(asked)
            self._open += 1
            self.most_at_once = max(self.most_at_once, self._open)
        try:
            fault = self.rule(asked)
            if isinstance(fault, Answer):
                self._fail(handler, fault)
            elif fault == HANGS:
                self._closing.wait()
                handler.close_connection = True
            else:
                self._forward(handler, headers, body, is_lost=fault == LOSES_ANSWER)
        finally:
            with self._counting:
                self._open -= 1

    def _fail(self, handler: BaseHTTPRequestHandler, answer: Answer) -> None:
        text = f"<Error><Code>{answer.code}</Code><Message>{answer.message}</Message></Error>"
        handler.send_response(answer.status)
        handler.send_header("Content-Type", "application/xml")
        handler.send_header("ETag", '"0"')
        handler.send_header("Content-Length", str(len(text)))
        handler.end_headers()
        if handler.command != "HEAD":
            handler.wfile.write(text.encode())

    def _forward(
        self,
        handler: BaseHTTPRequestHandler,
        headers: dict[str, str],
        body: bytes,
        *,
        is_lost: bool,
    ) -> None:
        server = HTTPConnection(self.server.url.removeprefix("http://"), timeout=30)
        # The signature is of the address that the client was given.
        server.request(handler.command, handler.path, body, headers)
        answer = server.getresponse()
        content = answer.read()
        server.close()
        if is_lost:
            handler.close_connection = True
            return
        handler.send_response(answer.status)
        for name, value in answer.getheaders():
            if name.lower() not in {"connection", "transfer-encoding", "content-length"}:
                handler.send_header(name, value)
        length = answer.getheader("Content-Length") if handler.command == "HEAD" else None
        handler.send_header("Content-Length", length or str(len(content)))
        handler.end_headers()
        handler.wfile.write(content)
