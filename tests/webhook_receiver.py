"""A real HTTP receiver on loopback, which keeps what is posted to it."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from local.ports import LOOPBACK

_REDIRECTIONS = (301, 302, 303, 307, 308)


@dataclass
class Receiver:
    """What was posted, and the status that the next request gets."""

    port: int
    status: int = 200
    posted: list[dict[str, Any]] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    got: int = 0
    """How many requests came without a body, such as those of a client that was redirected."""

    @property
    def connection(self) -> dict[str, Any]:
        """The fields of Airflow's connection to it."""
        return {
            "conn_type": "http",
            "host": f"http://{LOOPBACK}:{self.port}/closebook",
            "password": "",
            "extra": json.dumps({"Authorization": "Bearer of-a-test"}),
        }


@contextmanager
def webhook_receiver(port: int = 0) -> Iterator[Receiver]:
    """Receive until the end of the block."""
    with ThreadingHTTPServer((LOOPBACK, port), _Handler) as server:
        receiver = Receiver(server.server_address[1])
        server.receiver = receiver  # type: ignore[attr-defined]
        serving = threading.Thread(target=server.serve_forever, daemon=True)
        serving.start()
        try:
            yield receiver
        finally:
            server.shutdown()
            serving.join()


class _Handler(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        """Keep the body, and answer with the status that is set."""
        receiver: Receiver = self.server.receiver  # type: ignore[attr-defined]
        content = self.rfile.read(int(self.headers["Content-Length"]))
        receiver.posted.append({"path": self.path, **json.loads(content)})
        receiver.headers.append(dict(self.headers))
        self.send_response(receiver.status)
        if receiver.status in _REDIRECTIONS:
            self.send_header("Location", "/elsewhere")
        self.end_headers()

    def do_GET(self) -> None:
        """Count the request, and answer as a page would."""
        self.server.receiver.got += 1  # type: ignore[attr-defined]
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_arguments: object) -> None:
        """Keep the output of the tests clean."""
