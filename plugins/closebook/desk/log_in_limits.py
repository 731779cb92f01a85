"""The limit of log-ins from one address, for the form and for tokens together.

Airflow limits its form only: at POST /auth/token anybody may try as many passwords as they like.
The limit here is Airflow's own, [fab] auth_rate_limit, and each process of the API server counts by
itself, as Airflow's does. It counts every try, also one that succeeds.
"""

import logging
import math
import time

from limits import parse_many
from limits.storage import MemoryStorage
from limits.strategies import FixedWindowRateLimiter
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send

_LOG_IN_PATHS = ("/auth/login", "/auth/token", "/auth/token/cli")

_log = logging.getLogger(__name__)


class LogInLimits:
    """ASGI middleware: a log-in beyond the limit of its address gets HTTP 429."""

    def __init__(self, app: ASGIApp, limit: str) -> None:
        self._app = app
        self._limits = parse_many(limit)
        self._counts = FixedWindowRateLimiter(MemoryStorage())

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, or refuse it."""
        if scope["type"] == "http" and _is_log_in(scope):
            client = scope["client"][0] if scope["client"] else "unknown"
            for limit in self._limits:
                if not self._counts.hit(limit, client):  # guard: log-in.limit
                    wait = self._counts.get_window_stats(limit, client).reset_time - time.time()
                    _log.warning("too many log-ins from %s", client)
                    await _too_many(max(math.ceil(wait), 1))(scope, receive, send)
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
