"""The proof pages for auditors: how months were reconciled, what was corrected, and the log.

No page shows a document, a holder, the number of an account or a line.
"""

from fastapi import HTTPException, Request
from fastapi.responses import HTMLResponse

from closebook.desk import audit_log
from closebook.desk.capacity import DOCUMENTS, PAGES
from closebook.desk.desk_route import desk_router
from closebook.desk.log_state import log_state, newest_entries
from closebook.desk.months import month_from_url, month_label
from closebook.desk.templating import render_page
from closebook.settings.desk_settings import desk_from_airflow
from closebook.sql import query
from closebook.statements.document_store import DocumentStore
from closebook.store.session import on_store, one_state

router = desk_router(PAGES)
log_router = desk_router(DOCUMENTS)

_VERSIONS_SHOWN = 50
_ENTRIES_SHOWN = 100
_LARGEST_ID = 2**63 - 1


@router.get("/proof")
def proof(request: Request) -> HTMLResponse:
    """Show the closed months, newest first."""
    with on_store(desk_from_airflow()) as store:
        rows = store.execute(query("desk/months")).fetchall()
        audit_log.record(store, request, "looked", "proof of all months")
    months = [{**row, "label": month_label(row)} for row in rows]
    return render_page(request, "proof", months=months)


@router.get("/proof/months/{month}")
def month(request: Request, month: str) -> HTMLResponse:
    """Show how a month was reconciled: its checks, totals, versions, manifests and decisions."""
    settings = desk_from_airflow()
    with on_store(settings) as store:
        period = month_from_url(store, month, settings.time_zone)
        bounds = {"month_start": period.start, "month_end": period.end}
        of_month = {"grain": "month", "period_start": period.start}
        with one_state(store):
            versions = store.execute(query("desk/proof_versions"), bounds).fetchall()
            if not versions:
                raise HTTPException(404)
            checks = store.execute(query("desk/issued_month_tie_outs"), bounds).fetchall()
            totals = store.execute(query("desk/proof_totals"), of_month).fetchall()
            days = store.execute(query("desk/proof_days"), bounds).fetchall()
            manifests = store.execute(query("desk/proof_manifests"), bounds).fetchall()
            decisions = store.execute(query("desk/issued_month_decisions"), bounds).fetchall()
            close_id = next(row["close_id"] for row in versions if row["is_current"])
            balances = store.execute(
                query("desk/issued_month_totals"), {"close_id": close_id}
            ).fetchall()
            exceptions = store.execute(
                query("desk/period_exceptions"),
                {"grains": ["hour", "day", "month"], "since": period.start, "until": period.end},
            ).fetchall()
        audit_log.record(store, request, "looked", f"proof of month {period.label}")
    return render_page(
        request,
        "proof_month",
        month=period.label,
        versions=versions,
        current=next(row for row in versions if row["is_current"]),
        checks=checks,
        failed=[row for row in checks if row["offending_period_count"]],
        totals=totals,
        balances=balances,
        days=days,
        day_count=len({row["business_day"] for row in days}),
        manifests=manifests,
        decisions=decisions,
        exceptions=exceptions,
    )


@router.get("/proof/corrections")
def corrections(request: Request, before: str = "") -> HTMLResponse:
    """Show what later versions of periods changed, newest first, from one of them on."""
    parameters = {"before_close_id": _id(before), "version_count": _VERSIONS_SHOWN + 1}
    with on_store(desk_from_airflow()) as store:
        rows = store.execute(query("desk/proof_corrections"), parameters).fetchall()
        audit_log.record(store, request, "looked", "corrections")
    shown = sorted({row["close_id"] for row in rows}, reverse=True)
    has_more = len(shown) > _VERSIONS_SHOWN
    kept = set(shown[:_VERSIONS_SHOWN])
    return render_page(
        request,
        "proof_corrections",
        versions=[
            [row for row in rows if row["close_id"] == each] for each in shown if each in kept
        ],
        next_before=min(kept) if has_more else None,
        is_first=not before,
    )


@log_router.get("/proof/log")
def log(request: Request, last: str = "") -> HTMLResponse:
    """Show entries of the desk's log, newest first, and whether their hashes are right."""
    settings = desk_from_airflow()
    asked = _id(last)
    with on_store(settings) as store:
        newest = newest_entries(store) if asked is None else []
        parameters = {"last_entry_id": asked, "row_count": _ENTRIES_SHOWN + 1}
        rows = store.execute(query("desk/log_page"), parameters).fetchall()
        audit_log.record(store, request, "looked", "log of the desk")
    # No transaction of the reporting store is open while the document store answers.
    state = log_state(DocumentStore(settings.documents_url), newest) if asked is None else None
    return render_page(
        request,
        "proof_log",
        state=state,
        entries=rows[:_ENTRIES_SHOWN],
        next_last=rows[_ENTRIES_SHOWN]["entry_id"] if len(rows) > _ENTRIES_SHOWN else None,
    )


def _id(text: str) -> int | None:
    """Return the id of a page's link, or None for any other text."""
    return min(int(text), _LARGEST_ID) if text.isascii() and text.isdecimal() else None
