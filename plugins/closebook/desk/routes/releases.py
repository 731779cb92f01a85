"""The release of a month: the review page, and the decision of a second person."""

from collections.abc import Sequence
from typing import Annotated, Any

from fastapi import Form, HTTPException, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse
from psycopg.rows import DictRow

from closebook.desk import audit_log
from closebook.desk.capacity import PAGES
from closebook.desk.corrections import Corrections, corrections
from closebook.desk.current_user import CurrentUser, User
from closebook.desk.desk_route import desk_router
from closebook.desk.holder_texts import holder_texts
from closebook.desk.months import month_from_url, month_label, months_without_documents
from closebook.desk.run_acts import acts_of_runs
from closebook.desk.templating import render_page
from closebook.errors import NotReady
from closebook.periods import Period
from closebook.settings.airflow_connections import decision_key
from closebook.settings.desk_settings import desk_from_airflow
from closebook.sql import query
from closebook.statements import release
from closebook.statements.release import DecisionRefused, IssuedMonth, Person, Verdict
from closebook.store.session import Store, on_store
from closebook.typed_text import typed_text

router = desk_router(PAGES)


@router.get("/releases")
def releases(request: Request) -> HTMLResponse:
    """Show the closed months, newest first, with the state of each."""
    settings = desk_from_airflow()
    with on_store(settings) as store:
        rows = store.execute(query("desk/months")).fetchall()
        audit_log.record(store, request, "looked", "months to release")
    months = [{**row, "label": month_label(row)} for row in rows]
    return render_page(request, "releases", months=months)


@router.get("/releases/{month}")
def review(request: Request, user: CurrentUser, month: str, after: str = "") -> HTMLResponse:
    """Show the totals, checks and warnings of a month, and the form for the decision.

    For a correction it also shows one page of the statements that differ from the release before:
    those that follow the key ``after``.
    """
    return _review_page(request, user, month, after)


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
    key = decision_key()
    text = typed_text(reason)[:500]
    if verdict == "rejected" and not text:
        problem = "Enter a reason to reject the month."
        return _review_page(request, user, month, problem=problem)
    try:
        with on_store(settings) as store, store.transaction():
            period = month_from_url(store, month, settings.time_zone)
            if verdict == "released":
                named = _exceptions(store, period) if without_exceptions else []
                release.release(
                    store,
                    key,
                    period,
                    manifest_sha256,
                    _person(user),
                    acts_of_runs,
                    text or None,
                    named,
                )
            else:
                release.reject(store, key, period, manifest_sha256, _person(user), text)
            audit_log.insert(store, request, verdict, f"month {period.label}", manifest_sha256)
    except DecisionRefused as refused:
        obstacles = "; ".join(each.code for each in refused.obstacles)
        audit_log.record_refusal(request, f"not {verdict}: {obstacles}")
        problem = _problem(refused, verdict)
        return _review_page(request, user, month, problem=problem, typed=text)
    return RedirectResponse(f"{request.scope['root_path']}/releases/{period.label}", 303)


def _review_page(
    request: Request,
    user: User,
    month: str,
    after: str = "",
    *,
    problem: str | None = None,
    typed: str = "",
) -> HTMLResponse:
    settings = desk_from_airflow()
    with on_store(settings) as store:
        period = month_from_url(store, month, settings.time_zone)
        try:
            issued = release.latest_issued_month(store, period)
        except NotReady:
            raise HTTPException(404) from None
        runs = release.involved_runs(store, issued)
        exceptions = release.exceptions(store, issued)
    # Airflow's database is asked while no transaction of the store is open.
    acts = acts_of_runs(runs)
    with on_store(settings) as store:
        obstacles = release.obstacles(
            store, issued, issued.sha256, "released", _person(user), acts, _subjects(exceptions)
        )
        facts = _facts(store, issued, period)
        corrected = corrections(store, issued, after)
        subject = f"month {period.label}{_corrections_shown(corrected)}"
        audit_log.record(store, request, "reviewed", subject, issued.sha256)
    codes = {each.code for each in obstacles}
    return render_page(
        request,
        "release",
        status=409 if problem else 200,
        month=period.label,
        issued=issued,
        obstacles=obstacles,
        acts=acts,
        exceptions=exceptions,
        is_released=release.ALREADY_RELEASED in codes,
        is_rejected=release.REJECTED in codes,
        problem=problem,
        typed=typed,
        failed_checks=[row for row in facts["tie_outs"] if row["offending_period_count"]],
        corrections=corrected,
        **facts,
    )


def _corrections_shown(corrected: Corrections | None) -> str:
    """Return the corrected statements that a page shows, for its entry in the audit log."""
    if corrected is None or not corrected.statements:
        return ""
    return f", corrected {' '.join(each.name for each in corrected.statements)}"


def _exceptions(store: Store, period: Period) -> list[str]:
    """Return the accounts that the newest manifest lists as exceptions.

    If that is not the manifest that was shown, its hash differs and the release is refused.
    """
    return _subjects(release.exceptions(store, release.latest_issued_month(store, period)))


def _subjects(exceptions: Sequence[DictRow]) -> list[str]:
    return sorted({each["subject"] for each in exceptions})


def _facts(store: Store, issued: IssuedMonth, period: Period) -> dict[str, Any]:
    of_close = {"close_id": issued.close_id}
    bounds = {"month_start": period.start, "month_end": period.end}
    of_parts = {"grains": ["day", "hour"], "since": period.start, "until": period.end}
    return {
        "totals": store.execute(query("desk/issued_month_totals"), of_close).fetchall(),
        "left_out": store.execute(query("desk/period_exceptions"), of_parts).fetchall(),
        "incomplete": months_without_documents(store, issued.close_id),
        "notices": store.execute(query("desk/issued_month_notices"), of_close).fetchall(),
        "tie_outs": store.execute(query("desk/issued_month_tie_outs"), bounds).fetchall(),
        "holder_texts": holder_texts(store, issued.close_id),
        "named_people": store.execute(
            query("desk/issued_month_named_people"), {"manifest_id": issued.manifest_id}
        ).fetchall(),
        "rejection": store.execute(
            query("statement_decisions/last_rejection"), of_close
        ).fetchone(),
        "decisions": store.execute(query("desk/issued_month_decisions"), bounds).fetchall(),
    }


def _person(user: User) -> Person:
    return Person(user.user_id, user.name)  # guard: desk.requester-does-not-release


def _problem(refused: DecisionRefused, verdict: Verdict) -> str:
    reasons = "; ".join(str(each) for each in refused.obstacles)
    return f"The month is not {verdict}: {reasons}."
