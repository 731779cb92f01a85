"""The release of a month: what there is to release, and a second person's word on it."""

from typing import Annotated, Any

from fastapi import APIRouter, Form, HTTPException, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse

from closebook.desk import audit_log
from closebook.desk.csrf import Asking
from closebook.desk.months import month_label, month_named
from closebook.desk.templating import page
from closebook.errors import NotReady
from closebook.periods import Period
from closebook.settings import desk_from_airflow
from closebook.sql import query
from closebook.statements import release
from closebook.statements.release import Batch, DecisionRefused
from closebook.store.session import Store, on_store

router = APIRouter()


@router.get("/releases")
def releases(request: Request) -> HTMLResponse:
    """The months, newest first, and where each stands."""
    settings = desk_from_airflow()
    with on_store(settings) as store:
        audit_log.enter(store, request, "looked", "months to release")
        rows = store.execute(query("desk/months")).fetchall()
    months = [{**row, "label": month_label(row)} for row in rows]
    return page(request, "releases", months=months)


@router.get("/releases/{month}")
def batch(request: Request, person: Asking, month: str) -> HTMLResponse:
    """All that a reviewer needs of one month, bound to the hash of its manifest."""
    return _batch_page(request, person.name, month)


@router.post("/releases/{month}")
def decide(
    request: Request,
    person: Asking,
    month: str,
    verdict: Annotated[str, Form()],
    manifest_sha256: Annotated[str, Form()],
    reason: Annotated[str, Form()] = "",
) -> Response:
    """Release the month as it was shown, or reject it with a reason."""
    settings = desk_from_airflow()
    why = reason.replace("\0", "").strip()[:500]
    if verdict not in ("released", "rejected"):
        raise HTTPException(400, "A month is released or rejected.")
    if verdict == "rejected" and not why:
        return _batch_page(request, person.name, month, problem="A rejection says why.")
    try:
        with on_store(settings) as store:
            period = month_named(store, month, settings.time_zone)
            if verdict == "released":
                release.release(store, period, manifest_sha256, person.name, why or None)
                audit_log.enter(
                    store, request, "released", f"month {period.label}", manifest_sha256
                )
            else:
                release.reject(store, period, manifest_sha256, person.name, why)
                audit_log.enter(
                    store, request, "rejected", f"month {period.label}", manifest_sha256
                )
    except DecisionRefused as refused:
        named = "; ".join(each.obstacle for each in refused.obstacles)
        audit_log.enter_refusal(request, f"not {verdict}: {named}")
        return _batch_page(request, person.name, month, problem=_because(refused, verdict))
    return RedirectResponse(f"{request.scope['root_path']}/releases/{period.label}", 303)


def _batch_page(
    request: Request, person: str, month: str, problem: str | None = None
) -> HTMLResponse:
    settings = desk_from_airflow()
    with on_store(settings) as store:
        period = month_named(store, month, settings.time_zone)
        try:
            found = release.latest_batch(store, period)
        except NotReady:
            raise HTTPException(404) from None
        obstacles = release.obstacles(store, found, found.sha256, "released", person)
        facts = _facts(store, found, period)
        audit_log.enter(store, request, "reviewed", f"month {period.label}", found.sha256)
    return page(
        request,
        "release",
        status=409 if problem else 200,
        month=period.label,
        batch=found,
        obstacles=obstacles,
        is_released=any(each.obstacle == "it is released already" for each in obstacles),
        problem=problem,
        **facts,
    )


def _facts(store: Store, found: Batch, period: Period) -> dict[str, Any]:
    of_close = {"close_id": found.close_id}
    bounds = {"month_start": period.start, "month_end": period.end}
    return {
        "totals": store.execute(query("desk/batch_totals"), of_close).fetchall(),
        "notices": store.execute(query("desk/batch_notices"), of_close).fetchall(),
        "tie_outs": store.execute(query("desk/batch_tie_outs"), bounds).fetchall(),
        "decisions": store.execute(query("desk/batch_decisions"), bounds).fetchall(),
    }


def _because(refused: DecisionRefused, verdict: str) -> str:
    reasons = "; ".join(str(each) for each in refused.obstacles)
    return f"The month is not {verdict}: {reasons}."
