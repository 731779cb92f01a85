"""The page of one version of a statement, and the request to issue the statement again."""

from typing import Annotated

from fastapi import Form, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse

from closebook.desk import audit_log, permissions
from closebook.desk.capacity import PAGES
from closebook.desk.current_user import CurrentUser, User
from closebook.desk.desk_route import desk_router
from closebook.desk.months import month_label
from closebook.desk.search import statement_url
from closebook.desk.statement_documents import (
    OfPath,
    StatementPath,
    audit_subject,
    has_proof,
    media_types,
    visible_statement,
)
from closebook.desk.templating import render_page
from closebook.settings.airflow_connections import decision_key
from closebook.settings.desk_settings import desk_from_airflow
from closebook.sql import query
from closebook.store.decision_key import write_proven
from closebook.store.session import on_store
from closebook.typed_text import typed_text

router = desk_router(PAGES)

_MAX_REASON_LENGTH = 500  # a check of the table has the same number


@router.get("/statements/{close_id}/{account}/{currency}")
def statement(request: Request, user: CurrentUser, path: OfPath) -> HTMLResponse:
    """Show a version of a statement, the other versions of its month, and the requests about it."""
    return _statement_page(request, user, path)


def _statement_page(
    request: Request,
    user: User,
    path: StatementPath,
    status: int = 200,
    problem: str | None = None,
    typed: str = "",
) -> HTMLResponse:
    row = visible_statement(request, path)
    proven = has_proof(row)
    with on_store(desk_from_airflow()) as store:
        ids = path.ids(store)
        versions = store.execute(
            query("desk/statement_versions"),
            {**ids, "may_review": user.may(permissions.REVIEW_RELEASES)},
        ).fetchall()
        other_types = media_types(store, ids)
        requests = store.execute(query("desk/statement_requests"), ids).fetchall()
        audit_log.record(store, request, "looked", audit_subject(row), row["sha256"])
    return render_page(
        request,
        "statement",
        statement=row,
        month=month_label(row),
        versions=versions,
        media_types=other_types,
        has_proof=proven,
        requests=requests,
        status=status,
        problem=problem,
        typed=typed,
    )


@router.post("/statements/{close_id}/{account}/{currency}/requests")
def request_reissue(
    request: Request,
    user: CurrentUser,
    path: OfPath,
    reason: Annotated[str, Form()],
) -> Response:
    """Store the user's request to issue the statement again. An operator sees the reason.

    While a request about this version is open, a second one is refused: a button may be pressed
    twice.
    """
    text = typed_text(reason)
    if not 0 < len(text) <= _MAX_REASON_LENGTH:
        problem = f"Enter a reason of at most {_MAX_REASON_LENGTH} characters."
        return _statement_page(request, user, path, 400, problem, text)
    row = visible_statement(request, path)
    key = decision_key()
    with on_store(desk_from_airflow()) as store:
        # Of two requests at once, the second one waits for the first, and then finds it.
        store.execute(query("desk/lock_reissue_requests"))  # guard: desk.requests-wait-for-another
        asked = {**path.ids(store), "reason": text, "person": user.name}
        inserted = write_proven(store, key, "desk/insert_reissue_request", asked)
        if inserted is not None:
            audit_log.record(
                store, request, "requested re-issue", audit_subject(row), row["sha256"]
            )
    if inserted is None:
        problem = "This was not sent: there is an open request about this statement already."
        return _statement_page(request, user, path, 409, problem)
    url = statement_url(row["account_id"], row["close_id"], row["currency"])
    return RedirectResponse(f"{request.scope['root_path']}{url}#requests", 303)
