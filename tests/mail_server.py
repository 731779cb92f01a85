"""A mail server on loopback that keeps what Airflow sends, and the policy that makes it send."""

import json
import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from queue import SimpleQueue

from local.airflow_api import AirflowApi
from local.ports import LOOPBACK

ONCALL = "oncall@closebook.invalid"
# As an adopter would have it: Closebook itself sends no mails.
POLICY = f"""
def task_policy(task):
    if hasattr(task, "partial_kwargs"):
        task.partial_kwargs["email"] = ["{ONCALL}"]
    else:
        task.email = ["{ONCALL}"]
"""
_PATIENCE_SECONDS = 60.0


@dataclass(frozen=True)
class Mails:
    """What was sent, headers and texts, as a reader sees it."""

    port: int
    sent: "SimpleQueue[str]" = field(default_factory=SimpleQueue)

    def next(self) -> str:
        """The next mail. A task ends first, and then Airflow writes."""
        return self.sent.get(timeout=_PATIENCE_SECONDS)


@contextmanager
def caught_mails(airflow: AirflowApi) -> Iterator[Mails]:
    """Airflow's mails go to a server of ours meanwhile."""
    with socketserver.ThreadingTCPServer((LOOPBACK, 0), _Conversation) as server:
        server.daemon_threads = True
        server.mails = mails = Mails(server.server_address[1])  # type: ignore[attr-defined]
        threading.Thread(target=server.serve_forever, daemon=True).start()
        airflow.post(
            "connections",
            {
                "connection_id": "smtp_default",
                "conn_type": "smtp",
                "host": LOOPBACK,
                "port": mails.port,
                "extra": json.dumps(
                    {
                        "disable_ssl": True,
                        "disable_tls": True,
                        "from_email": "airflow@closebook.invalid",
                    }
                ),
            },
        )
        try:
            yield mails
        finally:
            airflow.client.delete("/api/v2/connections/smtp_default").raise_for_status()
            server.shutdown()


class _Conversation(socketserver.StreamRequestHandler):
    """As much of RFC 5321 as a client needs that sends a mail."""

    def handle(self) -> None:
        self._say("220 here")
        while line := self.rfile.readline():
            verb = line.strip().upper()
            if verb == b"DATA":
                self._say("354 go on")
                content = b"".join(iter(self.rfile.readline, b".\r\n"))
                self.server.mails.sent.put(_readable(content))  # type: ignore[attr-defined]
            self._say("221 bye" if verb == b"QUIT" else "250 ok")

    def _say(self, answer: str) -> None:
        self.wfile.write(f"{answer}\r\n".encode())


def _readable(content: bytes) -> str:
    message = message_from_bytes(content, policy=policy.default)
    bodies = [part.get_content() for part in message.walk() if not part.is_multipart()]
    return "\n".join([*(f"{name}: {value}" for name, value in message.items()), *bodies])
