"""The list of statements, and the search in it."""

import re
from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Form, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse
from psycopg.rows import DictRow

from closebook.desk import audit_log, permissions
from closebook.desk.capacity import PAGES
from closebook.desk.current_user import CurrentUser
from closebook.desk.desk_route import desk_router
from closebook.desk.found_statements import MOST_QUOTING, Found, Position, find_statements
from closebook.desk.months import month_from_url, month_label
from closebook.desk.search import (
    MAX_SELECTED,
    MOST_COUNTED,
    MOST_IN_ZIP,
    PAGE_ROWS,
    SORTS,
    STATES,
    Search,
    StatementKey,
)
from closebook.desk.templating import render_page
from closebook.periods import Period
from closebook.settings.desk_settings import desk_from_airflow
from closebook.sql import query
from closebook.store.key_types import key_types_of
from closebook.store.session import Store, on_store

router = desk_router(PAGES)


@dataclass(frozen=True)
class PageAddress:
    """Which page of a list a URL asks for: its number or "last", or the statement beside it."""

    page: str
    after: str
    before: str

    def position(self, store: Store) -> Position:
        """Return the position; the first page if the URL has none that makes sense."""
        key_type = key_types_of(store).accounts
        return Position(
            page=int(self.page) if re.fullmatch(r"[0-9]{1,9}", self.page) else 1,
            after=StatementKey.parse(self.after, key_type),
            before=StatementKey.parse(self.before, key_type),
            is_last=self.page == "last",
        )


async def page_address(page: str = "", after: str = "", before: str = "") -> PageAddress:
    """Return the page that the URL of this request asks for."""
    return PageAddress(page, after, before)


_RELEASED_STATES = ("released", "superseded")
_PROBLEMS = {
    "none": "Nothing is selected. Tick the statements that the ZIP is to have.",
    "many": f"One ZIP takes at most {MAX_SELECTED} selected statements.",
}


@router.get("/statements")
def statements(
    request: Request,
    user: CurrentUser,
    place: Annotated[PageAddress, Depends(page_address)],
    find: str = "",
    month: str = "",
    currency: str = "",
    state: str = "",
    sort: str = "",
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
        position = place.position(store)
        found = find_statements(store, search, period, position, may_review=may_review)
        months = store.execute(query("desk/months")).fetchall()
        month_zip = _month_zip(store, period) if period and search.is_of_a_month else None
        audit_log.record(store, request, "searched", search.audit_subject)
    has_released = any(row["statement_state"] in _RELEASED_STATES for row in found.rows)
    can_have_zip = not search.is_of_a_month and (has_released or found.page_count != 1)
    return render_page(
        request,
        "statements",
        search=search,
        found=found,
        first_number=(found.page - 1) * PAGE_ROWS + 1,
        queries=_page_queries(search, user, found),
        zip_query=search.url_query(user),
        can_download=can_have_zip and found.fits_in_zip,
        is_too_large_for_zip=can_have_zip and not found.fits_in_zip,
        sort_queries={each: search.sorted_by(each).url_query(user) for each in SORTS},
        months=[month_label(row) for row in months if row["has_released"] or may_review],
        states=STATES if may_review else _RELEASED_STATES,
        month_zip=month_zip,
        most_counted=MOST_COUNTED,
        most_in_zip=MOST_IN_ZIP,
        most_quoting=MOST_QUOTING,
        max_selected=MAX_SELECTED,
        problem=_PROBLEMS.get(selection),
    )


def _page_queries(search: Search, user: CurrentUser, found: Found) -> dict[str, str | None]:
    """Return the queries of the URLs of other pages; None where there is no such page."""
    queries: dict[str, str | None] = dict.fromkeys(("first", "previous", "next", "last"))
    if found.is_counted:
        if found.has_previous:
            queries["previous"] = search.url_query(user, page=found.page - 1)
        if found.has_next:
            queries["next"] = search.url_query(user, page=found.page + 1)
    elif found.rows:
        first, last = (
            StatementKey(row["close_id"], row["account_id"], row["currency"])
            for row in (found.rows[0], found.rows[-1])
        )
        if found.has_previous:
            queries |= {
                "first": search.url_query(user),
                "previous": search.url_query(user, before=first),
            }
        if found.has_next:
            queries |= {
                "next": search.url_query(user, after=last),
                "last": search.url_query(user, page="last"),
            }
    return queries


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
