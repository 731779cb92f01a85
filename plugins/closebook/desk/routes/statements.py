"""The list of statements, and the search in it."""

from typing import Annotated

from fastapi import Form, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse
from psycopg.rows import DictRow

from closebook.desk import audit_log, permissions
from closebook.desk.capacity import PAGES
from closebook.desk.current_user import CurrentUser
from closebook.desk.desk_route import desk_router
from closebook.desk.found_statements import find_statements
from closebook.desk.months import month_from_url, month_label
from closebook.desk.search import MAX_SELECTED, MOST_FOUND, PAGE_ROWS, SORTS, STATES, Search
from closebook.desk.templating import render_page
from closebook.periods import Period
from closebook.settings.desk_settings import desk_from_airflow
from closebook.sql import query
from closebook.store.session import Store, on_store

router = desk_router(PAGES)

_RELEASED_STATES = ("released", "superseded")
_PROBLEMS = {
    "none": "Nothing is selected. Tick the statements that the ZIP is to have.",
    "many": f"One ZIP takes at most {MAX_SELECTED} selected statements.",
}


@router.get("/statements")
def statements(
    request: Request,
    user: CurrentUser,
    find: str = "",
    month: str = "",
    currency: str = "",
    state: str = "",
    sort: str = "",
    page: int = 1,
    selection: str = "",
) -> HTMLResponse:
    """Show one page of the statements that the search finds.

    ``selection`` names the problem of a selection that cannot be downloaded: none, or too many.
    """
    settings = desk_from_airflow()
    search = Search.from_url(user, find, month, currency, state, sort)
    may_review = user.may(permissions.REVIEW_RELEASES)
    with on_store(settings) as store:
        named = search.month
        period = month_from_url(store, named, settings.time_zone) if named else None
        found = find_statements(store, search, period, may_review=may_review)
        months = store.execute(query("desk/months")).fetchall()
        month_zip = _month_zip(store, period) if period and search.is_of_a_month else None
        audit_log.record(store, request, "searched", search.audit_subject)
    page_count = max(1, -(-len(found.rows) // PAGE_ROWS))
    page = min(max(page, 1), page_count)
    first = (page - 1) * PAGE_ROWS
    queries = {
        "previous": search.url_query(user, page=page - 1) if page > 1 else None,
        "next": search.url_query(user, page=page + 1) if page < page_count else None,
    }
    return render_page(
        request,
        "statements",
        search=search,
        found=found,
        rows=found.rows[first : first + PAGE_ROWS],
        first_number=first + 1,
        page=page,
        page_count=page_count,
        queries=queries,
        zip_query=search.url_query(user),
        can_download=found.is_complete
        and not search.is_of_a_month
        and any(row["statement_state"] in _RELEASED_STATES for row in found.rows),
        sort_queries={each: search.sorted_by(each).url_query(user) for each in SORTS},
        months=[month_label(row) for row in months if row["has_released"] or may_review],
        states=STATES if may_review else _RELEASED_STATES,
        month_zip=month_zip,
        most_found=MOST_FOUND,
        max_selected=MAX_SELECTED,
        problem=_PROBLEMS.get(selection),
    )


@router.post("/statements")
def search_statements(
    request: Request,
    user: CurrentUser,
    account: Annotated[str, Form()] = "",
    holder: Annotated[str, Form()] = "",
    quoted: Annotated[str, Form()] = "",
    month: Annotated[str, Form()] = "",
    currency: Annotated[str, Form()] = "",
    state: Annotated[str, Form()] = "",
    sort: Annotated[str, Form()] = "",
) -> Response:
    """Redirect to the URL of a search, in which confidential criteria are encrypted."""
    search = Search.from_form(account, holder, quoted, month, currency, state, sort)
    url = f"{request.scope['root_path']}/statements?{search.url_query(user)}"
    return RedirectResponse(url.removesuffix("?"), 303)


def _month_zip(store: Store, month: Period) -> DictRow | None:
    """Return the number and the size of the documents in the ZIP of a month."""
    parameters = {"month_start": month.start}
    return store.execute(query("desk/month_document_count"), parameters).fetchone()
