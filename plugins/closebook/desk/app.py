"""The desk as one FastAPI app: the gate in front, the pages behind it."""

import logging
from functools import cache
from http import HTTPStatus

from fastapi import APIRouter, Depends, FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException as StarletteHTTPException

from closebook.desk import assets, audit_log
from closebook.desk.auth_middleware import Gate
from closebook.desk.csrf import require_form_token
from closebook.desk.current_user import Person
from closebook.desk.routes import (
    health,
    home,
    metrics,
    reissue_requests,
    releases,
    statements,
    volume,
)
from closebook.desk.templating import refusal
from closebook.errors import ClosebookError

_log = logging.getLogger(__name__)

_REFUSALS = frozenset({HTTPStatus.FORBIDDEN, HTTPStatus.NOT_FOUND})

PAGES: tuple[APIRouter, ...] = (
    assets.router,
    home.router,
    statements.router,
    releases.router,
    reissue_requests.router,
    volume.router,
    health.router,
    metrics.router,
)


def make_app() -> FastAPI:
    """Put the desk together; nothing is read or connected to before a request comes."""
    app = FastAPI(
        title="Closebook",
        # A page that lists all routes would be one more route to guard.
        openapi_url=None,
        dependencies=[Depends(require_form_token)],
    )
    for router in PAGES:
        app.include_router(router)
    app.add_exception_handler(StarletteHTTPException, _error_page)
    app.add_exception_handler(RequestValidationError, _invalid_page)
    app.add_exception_handler(ClosebookError, _failure_page)
    app.add_middleware(Gate, routes=app.router.routes, refuse=_refuse)
    return app


async def _refuse(request: Request, _person: Person, status: int) -> Response:
    await run_in_threadpool(audit_log.enter_refusal, request)
    return refusal(request, status)


async def _failure_page(request: Request, error: Exception) -> Response:
    # Its text is written for an operator, and names no holder.
    _log.error("the desk cannot serve %s: %s", request.state.route, error)
    return refusal(request, HTTPStatus.SERVICE_UNAVAILABLE, str(error))


async def _error_page(request: Request, error: Exception) -> Response:
    assert isinstance(error, StarletteHTTPException)  # noqa: S101  # it is their handler
    if error.status_code in _REFUSALS:
        await run_in_threadpool(audit_log.enter_refusal, request)
    return refusal(request, error.status_code, error.detail)


async def _invalid_page(request: Request, _error: Exception) -> Response:
    # An id that is no id, a field that is missing: nothing that the desk's own pages send.
    await run_in_threadpool(audit_log.enter_refusal, request)
    return refusal(request, HTTPStatus.NOT_FOUND)


@cache
def served() -> FastAPI:
    """The one app of this process."""
    return make_app()
