"""The requests to issue a statement again, as an operator sees and answers them.

An operator sees the ids of accounts and the reasons, and no documents.
"""

import json
from collections.abc import Mapping
from typing import Annotated

from fastapi import Form, Path, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse
from psycopg.rows import DictRow

from closebook.codes import words_of
from closebook.desk import audit_log
from closebook.desk.capacity import PAGES
from closebook.desk.current_user import CurrentUser
from closebook.desk.desk_route import desk_router
from closebook.desk.months import month_label, months_without_documents
from closebook.desk.templating import render_page
from closebook.settings.airflow_connections import decision_key
from closebook.settings.desk_settings import desk_from_airflow
from closebook.sql import query
from closebook.store.decision_key import write_proven
from closebook.store.session import on_store
from closebook.typed_text import typed_text

router = desk_router(PAGES)

ANSWERS = ("issued_again", "declined")


@router.get("/requests")
def requests(request: Request) -> HTMLResponse:
    """Show the requests, open ones first, and the months that wait for documents."""
    return _requests_page(request)


def _requests_page(
    request: Request,
    status: int = 200,
    problem: str | None = None,
    typed: Mapping[int, str] | None = None,
) -> HTMLResponse:
    """Return the page. ``typed`` has notes that were refused, by the id of their request."""
    with on_store(desk_from_airflow()) as store:
        incomplete = months_without_documents(store)
        rows = store.execute(query("desk/reissue_requests")).fetchall()
        # A reason is free text of finance and can contain a holder's name.
        audit_log.record(store, request, "looked", "requests to issue statements again")
    listed = [{**row, "run_configuration": _run_configuration(row)} for row in rows]
    return render_page(
        request,
        "requests",
        status=status,
        requests=listed,
        incomplete=incomplete,
        problem=problem,
        typed=typed or {},
    )


@router.post("/requests/{request_id}")
def answer_request(
    request: Request,
    user: CurrentUser,
    request_id: Annotated[int, Path(ge=0, lt=2**63)],
    answer: Annotated[str, Form()],
    note: Annotated[str, Form()] = "",
) -> Response:
    """Store the answer to a request. A request has one answer."""
    text = typed_text(note)[:500]
    if answer not in ANSWERS or (answer == "declined" and not text):
        problem = f"Request {request_id} is not answered: to decline it, enter a note."
        return _requests_page(request, 400, problem, {request_id: text})
    with on_store(desk_from_airflow()) as store:
        row = write_proven(
            store,
            decision_key(),
            "desk/insert_reissue_answer",
            {
                "request_id": request_id,
                "answer": answer,
                "note": text or None,
                "person": user.name,
            },
        )
        if row is not None:
            what = f"request {request_id}: {words_of(answer)}"
            audit_log.record(store, request, "answered request", what)
    if row is None:
        problem = f"Request {request_id} does not exist, or it has an answer already."
        return _requests_page(request, 404, problem, {request_id: text})
    return RedirectResponse(f"{request.scope['root_path']}/requests", 303)


def _run_configuration(row: DictRow) -> str:
    """Return the configuration of the run of monthly_statements that issues the statement again.

    Its reason contains only the number of the request, because the text of finance can contain a
    holder's name. It names no account: the run issues all statements of the month that have
    changed, and so the manifest of the month is complete.
    """
    reason = f"corrected on request {row['request_id']}"
    return json.dumps({"month": month_label(row), "reason": reason})
