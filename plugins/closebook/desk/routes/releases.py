"""The release of a month: the review page, and the decision of a second person."""

from typing import Annotated, Any

from fastapi import APIRouter, Form, HTTPException, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse

from closebook.desk import audit_log
from closebook.desk.current_user import CurrentUser
from closebook.desk.months import month_from_url
from closebook.desk.templating import render_page
from closebook.errors import NotReady
from closebook.periods import Period
from closebook.settings import desk_from_airflow
from closebook.sql import query
from closebook.statements import release
from closebook.statements.release import Batch, DecisionRefused, Verdict
from closebook.store.session import Store, on_store

router = APIRouter()


@router.get("/releases")
def releases(request: Request) -> HTMLResponse:
    """Show the closed months, newest first, with the state of each."""
    settings = desk_from_airflow()
    with on_store(settings) as store:
        audit_log.record(store, request, "looked", "months to release")
        rows = store.execute(query("desk/months")).fetchall()
    return render_page(request, "releases", months=rows)


@router.get("/releases/{month}")
def review(request: Request, user: CurrentUser, month: str) -> HTMLResponse:
    """Show the totals, checks and warnings of a month, and the form for the decision."""
    return _review_page(request, user.name, month)


@router.post("/releases/{month}")
def decide(
    request: Request,
    user: CurrentUser,
    month: str,
    verdict: Annotated[Verdict, Form()],
    manifest_sha256: Annotated[str, Form()],
    reason: Annotated[str, Form()] = "",
    without_exceptions: Annotated[bool, Form()] = False,
) -> Response:
    """Release or reject the statements that the user has reviewed.

    ``manifest_sha256`` is the hash of the manifest that the review page showed. With
    ``without_exceptions`` the user releases the month without the exceptions that it lists.
    """
    settings = desk_from_airflow()
    period = month_from_url(month, settings.time_zone)
    text = reason.replace("\0", "").strip()[:500]
    if verdict == "rejected" and not text:
        return _review_page(
            request, user.name, month, problem="Enter a reason to reject the month."
        )
    try:
        with on_store(settings) as store:
            if verdict == "released":
                # guard: desk.requester-does-not-release
                named = _exceptions(store, period) if without_exceptions else []
                release.release(store, period, manifest_sha256, user.name, text or None, named)
            else:
                release.reject(store, period, manifest_sha256, user.name, text)
            audit_log.record(store, request, verdict, f"month {period.label}", manifest_sha256)
    except DecisionRefused as refused:
        obstacles = "; ".join(each.code for each in refused.obstacles)
        audit_log.record_refusal(request, f"not {verdict}: {obstacles}")
        return _review_page(request, user.name, month, problem=_problem(refused, verdict))
    return RedirectResponse(f"{request.scope['root_path']}/releases/{period.label}", 303)


def _review_page(
    request: Request, user_name: str, month: str, problem: str | None = None
) -> HTMLResponse:
    settings = desk_from_airflow()
    period = month_from_url(month, settings.time_zone)
    with on_store(settings) as store:
        try:
            batch = release.latest_batch(store, period)
        except NotReady:
            raise HTTPException(404) from None
        exceptions = release.exceptions(store, batch)
        obstacles = release.obstacles(
            store, batch, batch.sha256, "released", user_name, [*exceptions]
        )
        facts = _facts(store, batch, period)
        audit_log.record(store, request, "reviewed", f"month {period.label}", batch.sha256)
    return render_page(
        request,
        "release",
        status=409 if problem else 200,
        month=period.label,
        batch=batch,
        obstacles=obstacles,
        exceptions=exceptions,
        is_released=any(each.code == release.ALREADY_RELEASED for each in obstacles),
        problem=problem,
        **facts,
    )


def _exceptions(store: Store, period: Period) -> list[str]:
    """Return the accounts that the newest manifest lists as exceptions.

    If that is not the manifest that was shown, its hash differs and the release is refused.
    """
    return [*release.exceptions(store, release.latest_batch(store, period))]


def _facts(store: Store, batch: Batch, period: Period) -> dict[str, Any]:
    of_close = {"close_id": batch.close_id}
    bounds = {"month_start": period.start, "month_end": period.end}
    of_parts = {"grains": ["day", "hour"], "since": period.start, "until": period.end}
    return {
        "totals": store.execute(query("desk/batch_totals"), of_close).fetchall(),
        "left_out": store.execute(query("desk/period_exceptions"), of_parts).fetchall(),
        "notices": store.execute(query("desk/batch_notices"), of_close).fetchall(),
        "tie_outs": store.execute(query("desk/batch_tie_outs"), bounds).fetchall(),
        "decisions": store.execute(query("desk/batch_decisions"), bounds).fetchall(),
    }


def _problem(refused: DecisionRefused, verdict: Verdict) -> str:
    reasons = "; ".join(str(each) for each in refused.obstacles)
    return f"The month is not {verdict}: {reasons}."
