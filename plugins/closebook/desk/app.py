"""The desk as one FastAPI app: the gate in front, the pages behind it."""

import logging
from functools import cache
from http import HTTPStatus

from fastapi import APIRouter, Depends, FastAPI, HTTPException, Request, Response
from starlette.exceptions import HTTPException as StarletteHTTPException

from closebook.desk import assets, home
from closebook.desk.forms import require_form_token
from closebook.desk.gate import Gate
from closebook.desk.pages import refusal
from closebook.desk.people import Person
from closebook.errors import ClosebookError

_log = logging.getLogger(__name__)

PAGES: tuple[APIRouter, ...] = (assets.router, home.router)


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
    app.add_exception_handler(ClosebookError, _failure_page)
    app.add_middleware(Gate, routes=app.router.routes, refuse=_refuse)
    return app


async def _refuse(request: Request, _person: Person, status: int) -> Response:
    return refusal(request, status)


async def _failure_page(request: Request, error: Exception) -> Response:
    # Its text is written for an operator, and names no holder.
    _log.error("the desk cannot serve %s: %s", request.state.route, error)
    return refusal(request, HTTPStatus.SERVICE_UNAVAILABLE, str(error))


async def _error_page(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException | StarletteHTTPException)  # noqa: S101  # its handler
    return refusal(request, error.status_code, error.detail)


@cache
def served() -> FastAPI:
    """The one app of this process."""
    return make_app()
