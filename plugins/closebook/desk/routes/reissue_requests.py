"""The operator's side of a request to issue a statement again: ids and reasons, no documents."""

import json
from typing import Annotated

from fastapi import APIRouter, Form, HTTPException, Path, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse
from psycopg.rows import DictRow

from closebook.desk import audit_log
from closebook.desk.csrf import Asking
from closebook.desk.months import month_label
from closebook.desk.templating import page
from closebook.settings import desk_from_airflow
from closebook.sql import query
from closebook.store.session import on_store

router = APIRouter()

ANSWERS = ("issued again", "declined")


@router.get("/requests")
def requests(request: Request) -> HTMLResponse:
    """What finance asked for, open requests first."""
    with on_store(desk_from_airflow()) as store:
        rows = store.execute(query("desk/reissue_requests")).fetchall()
        # Finance's own words may name a holder.
        audit_log.enter(store, request, "looked", "requests to issue statements again")
    listed = [{**row, "run_configuration": _run_configuration(row)} for row in rows]
    return page(request, "requests", requests=listed)


@router.post("/requests/{request_id}")
def answer_request(
    request: Request,
    person: Asking,
    request_id: Annotated[int, Path(ge=0, lt=2**63)],
    answer: Annotated[str, Form()],
    note: Annotated[str, Form()] = "",
) -> Response:
    """Say what came of a request, once."""
    text = note.replace("\0", "").strip()[:500]
    if answer not in ANSWERS or (answer == "declined" and not text):
        raise HTTPException(400, "A request is issued again, or declined with a note.")
    with on_store(desk_from_airflow()) as store:
        row = store.execute(
            query("desk/insert_reissue_answer"),
            {
                "request_id": request_id,
                "answer": answer,
                "note": text or None,
                "person": person.name,
            },
        ).fetchone()
        if row is None:
            raise HTTPException(404, "There is no such request, or it is answered already.")
        audit_log.enter(store, request, "answered request", f"request {request_id}: {answer}")
    return RedirectResponse(f"{request.scope['root_path']}/requests", 303)


def _run_configuration(row: DictRow) -> str:
    """What to run monthly_statements with. Finance's own words may name a holder: they stay here.

    No account is named: all that differ are issued again, and the manifest lacks no document.
    """
    return json.dumps(
        {"month": month_label(row), "reason": f"corrected on request {row['request_id']}"}
    )
