"""The cookie of a log-in to Airflow, which the desk reads itself.

Airflow's middleware reads the user of each request that has this cookie from the database, in the
event loop, where every other request waits for it. The desk reads the user again in a thread of
its own, since a role that was taken away must be gone at once. So Airflow's middleware need not
see the cookie of a request to the desk: half of the time of the API server was spent there.
"""

from airflow.api_fastapi.auth.managers.base_auth_manager import COOKIE_NAME_JWT_TOKEN
from starlette.datastructures import MutableHeaders
from starlette.requests import HTTPConnection
from starlette.types import ASGIApp, Receive, Scope, Send

_KEPT = "closebook.session_token"


class DeskSessionCookie:
    """ASGI middleware: the cookie of a request to the desk goes past what runs inside of it.

    ``desk_path`` is the path below which the desk is, with the prefix of [api] base_url.
    """

    def __init__(self, app: ASGIApp, desk_path: str) -> None:
        self._app = app
        self._desk_path = desk_path

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on."""
        if scope["type"] == "http" and scope["path"].startswith(self._desk_path):
            cookies = HTTPConnection(scope).cookies
            token = cookies.pop(COOKIE_NAME_JWT_TOKEN, None)
            if token is not None:
                scope = {**scope, "headers": [*scope["headers"]], _KEPT: token}
                MutableHeaders(scope=scope)["cookie"] = "; ".join(
                    f"{name}={value}" for name, value in cookies.items()
                )
        await self._app(scope, receive, send)


def session_token(request: HTTPConnection) -> str | None:
    """Return the token of the session's cookie, verified by nobody yet; None without one."""
    kept: str | None = request.scope.get(_KEPT)
    return kept or request.cookies.get(COOKIE_NAME_JWT_TOKEN)
