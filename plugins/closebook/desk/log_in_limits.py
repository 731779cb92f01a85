"""The limit of log-ins from one address, for the form and for tokens together.

Airflow limits its form only: at POST /auth/token anybody may try as many passwords as they like.
Its limit, [fab] auth_rate_limit, is counted by each process of the API server by itself, so an
address has as many times more tries as there are processes. Here all processes of a machine count
together, in a file. Every try counts, also one that succeeds.
"""

import logging
import math
import os
import sqlite3
import time
from contextlib import closing
from pathlib import Path

from limits import RateLimitItem, parse_many
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from closebook.errors import Misconfigured

_LOG_IN_PATHS = ("/auth/login", "/auth/token", "/auth/token/cli")
_LOCK_SECONDS = 2.0

# SQLite's, not the reporting store's: log-ins must not depend on the store.
_CREATE = """
create table if not exists tries (
    address text, rate text, tried integer, ends real, primary key (address, rate)
)
"""
_FORGET = "delete from tries where ends <= ?"
_COUNT = """
insert into tries values (?, ?, 1, ?)
on conflict do update set tried = tried + 1 returning tried, ends
"""

_log = logging.getLogger(__name__)


class LogInCounts:
    """The tries of each address, in a file that all processes of the machine share."""

    def __init__(self, file: Path) -> None:
        """Make the file if there is none. Raises Misconfigured if it cannot be written."""
        self._file = file
        try:
            # Whoever may write it can count for others.
            os.close(os.open(file, os.O_RDWR | os.O_CREAT, 0o600))
            with closing(self._opened()) as counts:
                counts.execute(_CREATE)
        except (OSError, sqlite3.Error) as error:
            raise Misconfigured(
                "CB-CONFIG-LOG-INS-NOT-COUNTED",
                f"log-ins cannot be counted in {file}: {error}; let the API server write its "
                "AIRFLOW_HOME",
            ) from error

    def seconds_to_wait(self, limit: RateLimitItem, address: str) -> float:
        """Count one more try. Return 0 if the limit allows it, else how long it does not."""
        now = time.time()
        with closing(self._opened()) as counts:
            counts.execute("begin immediate")
            counts.execute(_FORGET, [now])
            row = counts.execute(_COUNT, [address, str(limit), now + limit.get_expiry()]).fetchone()
            counts.execute("commit")
        tried, ends = row
        return max(ends - now, 0.001) if tried > limit.amount else 0.0

    def _opened(self) -> sqlite3.Connection:
        # Opened for each try: a connection must not be used after a fork.
        # guard: log-in.counted-together
        counts = sqlite3.connect(self._file, timeout=_LOCK_SECONDS, isolation_level=None)
        # A crash of the machine may cost the counts of the last seconds.
        counts.execute("pragma synchronous = off")
        return counts


class LogInLimits:
    """ASGI middleware: a log-in beyond the limit of its address gets HTTP 429."""

    def __init__(self, app: ASGIApp, limit: str, file: Path) -> None:
        self._app = app
        self._limits = parse_many(limit)
        self._counts = LogInCounts(file)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, or refuse it."""
        if scope["type"] == "http" and _is_log_in(scope):
            client = scope["client"][0] if scope["client"] else "unknown"
            for limit in self._limits:
                wait = self._counts.seconds_to_wait(limit, client)
                if wait:  # guard: log-in.limit
                    _log.warning("too many log-ins from %s", client)
                    await _too_many(math.ceil(wait))(scope, receive, send)
                    return
        await self._app(scope, receive, send)


def _is_log_in(scope: Scope) -> bool:
    # The path has the prefix of [api] base_url, or a proxy has taken it away.
    path: str = scope["path"]
    return scope["method"] == "POST" and path.rstrip("/").endswith(_LOG_IN_PATHS)


def _too_many(retry_after_seconds: int) -> PlainTextResponse:
    return PlainTextResponse(
        f"Too many log-ins from your address. Try again in {retry_after_seconds} s.",
        429,
        headers={"Retry-After": str(retry_after_seconds)},
    )
