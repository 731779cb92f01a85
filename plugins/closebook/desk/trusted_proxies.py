"""The client's address and scheme behind a proxy, and cookies that are sent over TLS only.

X-Forwarded-For and X-Forwarded-Proto are believed only on a connection from an address of
CLOSEBOOK_PROXIES. Anybody can write these headers, so Airflow's own ways to believe them from every
address are refused: the limit of log-ins and the audit log would have the address that a client
has chosen.
"""

import sys
from collections.abc import Sequence

from starlette.types import ASGIApp, Message, Receive, Scope, Send
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

from closebook.errors import Misconfigured

_SET_COOKIE = b"set-cookie"
_BELIEVES_ANYBODY = "--proxy-headers"


class TrustedProxies:
    """ASGI middleware: whatever runs inside of it sees the client as the proxy sees it.

    It changes the request's scope in place, so the middlewares around it see the same afterwards.
    """

    def __init__(self, app: ASGIApp, proxies: Sequence[str]) -> None:
        outside: ASGIApp = SecureCookies(app)
        if proxies:
            outside = ProxyHeadersMiddleware(  # type: ignore[assignment]  # uvicorn's own ASGI types
                outside,  # type: ignore[arg-type]
                trusted_hosts=list(proxies),  # guard: proxy.named
            )
        self._app = outside

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on."""
        await self._app(scope, receive, send)


class SecureCookies:
    """ASGI middleware: a cookie that is set over HTTPS gets the attribute Secure.

    Airflow sets it on one of its cookies only; the session of its log-in form has it by a setting.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, and the answer back."""
        if scope["type"] != "http" or scope["scheme"] != "https":
            await self._app(scope, receive, send)
            return

        async def send_secure(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [
                    # guard: proxy.secure-cookie
                    (name, _secure(value) if name.lower() == _SET_COOKIE else value)
                    for name, value in message.get("headers", [])
                ]
            await send(message)

        await self._app(scope, receive, send_secure)


def refuse_belief_in_anybody(*, airflow_proxy_fix: bool, command: Sequence[str] = sys.argv) -> None:
    """Raise Misconfigured if Airflow itself believes the headers of a proxy."""
    if airflow_proxy_fix:  # guard: proxy.no-proxy-fix
        raise Misconfigured(
            "CB-CONFIG-PROXY-FIX",
            "[fab] enable_proxy_fix believes the forwarded headers of every client: set it to "
            "False, and name the proxy in CLOSEBOOK_PROXIES",
        )
    if _BELIEVES_ANYBODY in command:  # guard: proxy.no-proxy-headers
        raise Misconfigured(
            "CB-CONFIG-PROXY-HEADERS",
            f"airflow api-server {_BELIEVES_ANYBODY} believes the forwarded headers of clients "
            "that CLOSEBOOK_PROXIES does not name: start it without, and name the proxy there",
        )


def _secure(cookie: bytes) -> bytes:
    attributes = [part.strip().lower() for part in cookie.split(b";")[1:]]
    return cookie if b"secure" in attributes else cookie + b"; Secure"
