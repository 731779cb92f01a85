"""The page of one version of a statement, and the request to issue the statement again."""

from typing import Annotated

from fastapi import Form, HTTPException, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse

from closebook.desk import audit_log, permissions
from closebook.desk.capacity import PAGES
from closebook.desk.current_user import CurrentUser
from closebook.desk.desk_route import desk_router
from closebook.desk.months import month_label
from closebook.desk.statement_documents import (
    Id,
    audit_subject,
    has_proof,
    media_types,
    visible_statement,
)
from closebook.desk.templating import render_page
from closebook.settings import desk_from_airflow
from closebook.sql import query
from closebook.store.session import on_store

router = desk_router(PAGES)

_MAX_REASON_LENGTH = 500  # a check of the table has the same number


@router.get("/statements/{close_id}/{account_id}")
def statement(request: Request, user: CurrentUser, close_id: Id, account_id: Id) -> HTMLResponse:
    """Show a version of a statement, the other versions of its month, and the requests about it."""
    ids = {"close_id": close_id, "account_id": account_id}
    row = visible_statement(request, close_id, account_id)
    proven = has_proof(row)
    with on_store(desk_from_airflow()) as store:
        versions = store.execute(
            query("desk/statement_versions"),
            {**ids, "may_review": user.may(permissions.REVIEW_RELEASES)},
        ).fetchall()
        other_types = media_types(store, close_id, account_id)
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
    )


@router.post("/statements/{close_id}/{account_id}/requests")
def request_reissue(
    request: Request,
    user: CurrentUser,
    close_id: Id,
    account_id: Id,
    reason: Annotated[str, Form()],
) -> Response:
    """Store the user's request to issue the statement again. An operator sees the reason."""
    text = reason.replace("\0", "").strip()
    if not 0 < len(text) <= _MAX_REASON_LENGTH:
        raise HTTPException(400, f"Enter a reason of at most {_MAX_REASON_LENGTH} characters.")
    row = visible_statement(request, close_id, account_id)
    with on_store(desk_from_airflow()) as store:
        store.execute(
            query("desk/insert_reissue_request"),
            {
                "close_id": close_id,
                "account_id": account_id,
                "reason": text,
                "person": user.name,
            },
        )
        audit_log.record(store, request, "requested re-issue", audit_subject(row), row["sha256"])
    url = f"{request.scope['root_path']}/statements/{close_id}/{account_id}#requests"
    return RedirectResponse(url, 303)
