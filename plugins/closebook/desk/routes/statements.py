"""The list of statements, and the search in it."""

from typing import Annotated

from fastapi import Form, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse
from psycopg.rows import DictRow

from closebook.desk import audit_log, permissions
from closebook.desk.capacity import PAGES
from closebook.desk.current_user import CurrentUser
from closebook.desk.desk_route import desk_router
from closebook.desk.months import month_from_url, month_label
from closebook.desk.search import MAX_SELECTED, PAGE_ROWS, STATES, Search, StatementKey
from closebook.desk.templating import render_page
from closebook.periods import Period
from closebook.settings import desk_from_airflow
from closebook.sql import query
from closebook.store.key_types import key_types_of
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
    after: str = "",
    selection: str = "",
) -> HTMLResponse:
    """Show one page of the statements that the search finds.

    ``selection`` says why the statements that were selected are not sent.
    """
    settings = desk_from_airflow()
    search = Search.from_url(user, find, month, currency, state)
    may_review = user.may(permissions.REVIEW_RELEASES)
    with on_store(settings) as store:
        named = search.month
        period = month_from_url(store, named, settings.time_zone) if named else None
        last_shown = StatementKey.parse(after, key_types_of(store).accounts)
        rows = _found(store, search, period, last_shown, may_review=may_review)
        months = store.execute(query("desk/months")).fetchall()
        month_zip = _month_zip(store, period) if period else None
        audit_log.record(store, request, "searched", search.audit_subject)
    shown, has_next = rows[:PAGE_ROWS], len(rows) > PAGE_ROWS
    last = (
        StatementKey(shown[-1]["close_id"], shown[-1]["account_id"], shown[-1]["currency"])
        if shown
        else None
    )
    return render_page(
        request,
        "statements",
        search=search,
        rows=shown,
        is_first=not after,
        next_query=search.url_query(user, last) if has_next else None,
        first_query=search.url_query(user),
        months=[month_label(row) for row in months if row["has_released"] or may_review],
        states=STATES if may_review else _RELEASED_STATES,
        month_zip=month_zip,
        max_selected=MAX_SELECTED,
        problem=_PROBLEMS.get(selection),
    )


@router.post("/statements")
def search_statements(
    request: Request,
    user: CurrentUser,
    account: Annotated[str, Form()] = "",
    holder: Annotated[str, Form()] = "",
    month: Annotated[str, Form()] = "",
    currency: Annotated[str, Form()] = "",
    state: Annotated[str, Form()] = "",
) -> Response:
    """Redirect to the URL of a search, which contains the account and the holder encrypted."""
    search = Search.from_form(account, holder, month, currency, state)
    url = f"{request.scope['root_path']}/statements?{search.url_query(user)}"
    return RedirectResponse(url.removesuffix("?"), 303)


def _found(
    store: Store,
    search: Search,
    month: Period | None,
    after: StatementKey | None,
    *,
    may_review: bool,
) -> list[DictRow]:
    """Return the rows of a page, and one row more if there is a next page."""
    parameters = {
        **search.parameters(),
        "month_start": month.start if month else None,
        "after_close_id": after.close_id if after else None,
        "after_account_id": after.account_id if after else None,
        "after_currency": after.currency if after else None,
        "may_review": may_review,
        "row_count": PAGE_ROWS + 1,
    }
    return store.execute(query("desk/found_statements"), parameters).fetchall()


def _month_zip(store: Store, month: Period) -> DictRow | None:
    """Return the number and the size of the documents in the ZIP of a month."""
    parameters = {"month_start": month.start}
    return store.execute(query("desk/month_document_count"), parameters).fetchone()
