"""Authentication and authorization: every request passes this middleware before it reaches a route.

The middleware refuses a request without a log-in, a route without a row in ``permissions.ROUTES``,
a user without the permission of that row, and a change that a page of another site sent.
"""

import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial
from hmac import compare_digest
from http import HTTPStatus
from urllib.parse import urlsplit

from fastapi import Request, Response
from fastapi.responses import PlainTextResponse, RedirectResponse
from fastapi.security.utils import get_authorization_scheme_param
from starlette.datastructures import MutableHeaders
from starlette.routing import BaseRoute, Match
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from closebook.desk import capacity, permissions
from closebook.desk.capacity import ACCESS, DeskBusy
from closebook.desk.client_limits import limited_receive, limited_send
from closebook.desk.current_user import Session, authenticated_user, session
from closebook.desk.desk_route import DeskRoute
from closebook.desk.permissions import MachineToken, Permission, Rule
from closebook.desk.templating import message_page
from closebook.errors import ClosebookError
from closebook.settings.airflow_connections import connection_password

_SAFE_METHODS = frozenset({"GET"})
_ALL_PERMISSIONS = frozenset(
    rule for rule in permissions.ROUTES.values() if isinstance(rule, Permission)
)
_CONTENT_SECURITY_POLICY = "; ".join(
    [
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self'",
        "connect-src 'self'",
        "frame-src 'self'",
        "object-src 'self'",
        "form-action 'self'",
        "base-uri 'none'",
        # Airflow shows the desk in a frame.
        "frame-ancestors 'self'",
    ]
)
_SECURITY_HEADERS = {
    "Content-Security-Policy": _CONTENT_SECURITY_POLICY,
    "X-Content-Type-Options": "nosniff",
    # With no-referrer a browser sends "Origin: null" with a form, which the check below refuses.
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "Cache-Control": "private, no-store",
}

_log = logging.getLogger(__name__)

Refuse = Callable[[Request, int], Awaitable[Response]]


class AuthMiddleware:
    """ASGI middleware: it authenticates the user, checks the route's permission and sets headers.

    ``refuse`` records a refused request in the audit log and returns the page for it. Its arguments
    are the request and the HTTP status.
    """

    def __init__(
        self,
        app: ASGIApp,
        routes: Sequence[BaseRoute],
        refuse: Refuse,
        rules: Mapping[tuple[str, str], Rule] = permissions.ROUTES,
    ) -> None:
        self._app = app
        self._routes = routes
        self._refuse = refuse
        self._rules = rules

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on to the app, or answer it."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        if scope["type"] != "http":
            raise RuntimeError(f"the desk serves HTTP, not {scope['type']}")
        has_started = False
        send_piece = limited_send(send)

        async def send_with_headers(message: Message) -> None:
            nonlocal has_started
            if message["type"] == "http.response.start":
                has_started = True
                headers = MutableHeaders(scope=message)
                for name, value in _SECURITY_HEADERS.items():
                    headers.setdefault(name, value)
            await send_piece(message)

        try:
            await self._serve(Request(scope, limited_receive(receive)), send_with_headers)
        except DeskBusy as busy:
            if not has_started:
                answer = busy_answer(Request(scope), busy)
                await answer(scope, receive, send_with_headers)
        except ClosebookError as error:
            _log.error("the desk cannot identify the user: %s", error)
            if not has_started:
                unknown = message_page(Request(scope), 503, str(error))
                await unknown(scope, receive, send_with_headers)
        except TimeoutError:
            _log.info("a client did not take its answer in time, which was cut off")
        except Exception as error:  # its text may contain confidential data
            _log.error("the desk failed at %s: %s", _source_line(error), type(error).__name__)
            if not has_started:
                text = "The desk failed. See the log of the API server."
                failed = message_page(Request(scope), 500, text)
                await failed(scope, receive, send_with_headers)

    async def _serve(self, request: Request, send: Send) -> None:
        """Answer the request, or pass it on to the app. Raises DeskBusy."""
        rule = self._rule(request)
        answer: Response | None
        if isinstance(rule, MachineToken):
            client = request.client.host if request.client else "unknown"
            with capacity.admitted(f"address {client}"):
                has_token = await ACCESS.run(partial(_has_token, request, rule))
                answer = None if has_token else _token_refusal()
                await (answer or self._app)(request.scope, request.receive, send)
            return
        logged_in = await session(request)
        if logged_in is None:  # guard: desk.log-in
            await _login_response(request)(request.scope, request.receive, send)
            return
        with capacity.admitted(logged_in.person):
            answer = await self._answer(request, rule, logged_in)
            await (answer or self._app)(request.scope, request.receive, send)

    async def _answer(
        self, request: Request, rule: Rule | None, logged_in: Session
    ) -> Response | None:
        """Return the middleware's own answer, or None if the request may reach its route."""
        user = await ACCESS.run(partial(authenticated_user, logged_in, _ALL_PERMISSIONS))
        if user is None:
            return _login_response(request)
        request.state.user = user
        allowed = rule is permissions.Anyone.SIGNED_IN or (
            isinstance(rule, Permission) and user.may(rule)
        )
        if not allowed:  # guard: desk.role
            return await self._refuse(request, 404 if rule is None else 403)
        # guard: desk.same-origin
        if request.method not in _SAFE_METHODS and not _is_same_origin(request):
            return await self._refuse(request, 403)
        return None

    def _rule(self, request: Request) -> Rule | None:
        """Return the rule of the route that the router will choose, or None without a rule."""
        for route in self._routes:
            found, _ = route.matches(request.scope)
            if found is Match.FULL:
                # A mounted app, for example, has routes that permissions.ROUTES does not list, and
                # other routes than the desk's run in Airflow's threads.
                if not isinstance(route, DeskRoute):  # guard: desk.own-threads
                    return None
                request.state.route = route.path
                # guard: desk.route-without-a-row
                return self._rules.get((request.method, route.path))
        return None


def busy_answer(request: Request, busy: DeskBusy) -> Response:
    """Return the plain page of a request that is not begun, with the time of the next try."""
    retry_after = {"Retry-After": str(capacity.RETRY_AFTER_SECONDS)}
    return message_page(request, HTTPStatus.TOO_MANY_REQUESTS, str(busy), retry_after)


def _login_response(request: Request) -> Response:
    if request.method != "GET":
        text = "Your log-in has ended. Log in to Airflow first."
        return message_page(request, HTTPStatus.UNAUTHORIZED, text)
    from airflow.api_fastapi.app import get_auth_manager

    url = get_auth_manager().get_url_login(next_url=str(request.url))
    return RedirectResponse(url, 303)


def _token_refusal() -> Response:
    return PlainTextResponse("The bearer token is missing or wrong.", 401)


def _has_token(request: Request, rule: MachineToken) -> bool:
    """Whether the request has the token of the connection, which is in Airflow's database."""
    expected = connection_password(rule.connection_id)
    scheme, token = get_authorization_scheme_param(request.headers.get("Authorization"))
    return scheme.lower() == "bearer" and compare_digest(token.encode(), expected.encode())


def _is_same_origin(request: Request) -> bool:
    origin = request.headers.get("Origin")
    return origin is not None and urlsplit(origin).netloc == request.headers.get("Host")


def _source_line(error: BaseException) -> str:
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    if trace is None:
        return "an unknown place"
    return f"{trace.tb_frame.f_code.co_filename}:{trace.tb_lineno}"
