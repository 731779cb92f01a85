"""The desk as one FastAPI app: the authentication middleware, and the routes behind it."""

import logging
from functools import cache, partial
from http import HTTPStatus

from fastapi import APIRouter, Depends, FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException as StarletteHTTPException

from closebook.desk import audit_log, static_files
from closebook.desk.auth_middleware import AuthMiddleware, busy_answer
from closebook.desk.capacity import PAGES, DeskBusy, shorten_thread_switch_interval
from closebook.desk.csrf import require_csrf_token
from closebook.desk.routes import (
    counter,
    health,
    home,
    metrics,
    proof,
    reissue_requests,
    releases,
    runs,
    statement,
    statement_downloads,
    statement_pages,
    statement_zips,
    statements,
    volume,
    volume_report,
)
from closebook.desk.templating import error_page
from closebook.errors import ClosebookError

_log = logging.getLogger(__name__)

_AUDITED_STATUSES = frozenset({HTTPStatus.FORBIDDEN, HTTPStatus.NOT_FOUND})

ROUTERS: tuple[APIRouter, ...] = (
    static_files.router,
    home.router,
    runs.router,
    statements.router,
    # Before the others, whose paths have three parts below /statements too.
    statement_zips.router,
    statement.router,
    statement_pages.router,
    statement_downloads.router,
    releases.router,
    reissue_requests.router,
    volume.router,
    volume_report.router,
    volume_report.file_router,
    proof.router,
    proof.log_router,
    counter.router,
    health.router,
    metrics.router,
)


def make_app() -> FastAPI:
    """Return a new desk app. It opens connections and reads settings only for a request."""
    app = FastAPI(
        title="Closebook",
        # No OpenAPI page: it would list all routes, and it would need a permission of its own.
        openapi_url=None,
        dependencies=[Depends(require_csrf_token)],
    )
    for router in ROUTERS:
        app.include_router(router)
    app.add_exception_handler(StarletteHTTPException, _http_error)
    app.add_exception_handler(RequestValidationError, _validation_error)
    app.add_exception_handler(DeskBusy, _busy)
    app.add_exception_handler(ClosebookError, _closebook_error)
    app.add_middleware(AuthMiddleware, routes=app.router.routes, refuse=_refuse)
    return app


async def _refuse(request: Request, status: int) -> Response:
    await _record_refusal(request)
    return error_page(request, status)


async def _record_refusal(request: Request) -> None:
    try:
        await PAGES.run(partial(audit_log.record_refusal, request))
    except ClosebookError as error:  # no thread in time: the request is refused anyway
        _log.error("a refusal is not in the audit log: %s", error.code)


async def _busy(request: Request, error: Exception) -> Response:
    assert isinstance(error, DeskBusy)  # noqa: S101  # the handler is for this class
    return busy_answer(request, error)


async def _closebook_error(request: Request, error: Exception) -> Response:
    # The text of a ClosebookError is written for an operator. It contains no holder's name.
    _log.error("the desk cannot serve %s: %s", request.state.route, error)
    return error_page(request, HTTPStatus.SERVICE_UNAVAILABLE, str(error))


async def _http_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, StarletteHTTPException)  # noqa: S101  # the handler is for this class
    if error.status_code in _AUDITED_STATUSES:
        await _record_refusal(request)
    return error_page(request, error.status_code, error.detail)


async def _validation_error(request: Request, _error: Exception) -> Response:
    # The desk's own pages send no request that fails the validation, so it counts as a refusal.
    await _record_refusal(request)
    return error_page(request, HTTPStatus.NOT_FOUND)


@cache
def process_app() -> FastAPI:
    """Return the app of this process. The first call makes it."""
    shorten_thread_switch_interval()  # guard: desk.airflow-goes-first
    return make_app()
