"""The statements: find them, read them, take them along, ask for them to be issued again."""

from collections.abc import Sequence
from hashlib import sha256
from typing import Annotated

from fastapi import APIRouter, Form, HTTPException, Path, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse
from psycopg.rows import DictRow

from closebook.desk import audit_log, pdf_preview, permissions
from closebook.desk.csrf import Asking, person_asking
from closebook.desk.downloads import Packed, document_response, zip_response
from closebook.desk.months import month_label, month_named
from closebook.desk.search import PAGE_ROWS, STATES, Place, Search
from closebook.desk.templating import page
from closebook.periods import Period
from closebook.settings import DeskSettings, desk_from_airflow
from closebook.sql import query
from closebook.statements.document_store import Documents
from closebook.store.session import Store, on_store

router = APIRouter()

MOST_SELECTED = 500
_MONTH_ROWS = 1000
_PDF = "application/pdf"

Id = Annotated[int, Path(ge=0, lt=2**63)]
PageNumber = Annotated[int, Path(ge=1, lt=2**31)]


@router.get("/statements")
def statements(
    request: Request,
    person: Asking,
    find: str = "",
    month: str = "",
    currency: str = "",
    state: str = "",
    after: str = "",
) -> HTMLResponse:
    """The list: what the search finds, a page at a time."""
    settings = desk_from_airflow()
    search = Search.read(person, find, month, currency, state)
    may_review = person.may(permissions.REVIEW_RELEASES)
    with on_store(settings) as store:
        chosen = month_named(store, search.month, settings.time_zone) if search.month else None
        rows = _found(store, search, chosen, Place.read(after), may_review=may_review)
        months = store.execute(query("desk/months")).fetchall()
        audit_log.enter(store, request, "searched", search.kinds)
        packable = (
            store.execute(
                query("desk/month_document_count"), {"month_start": chosen.start}
            ).fetchone()
            if chosen
            else None
        )
    shown, is_more = rows[:PAGE_ROWS], len(rows) > PAGE_ROWS
    last = Place(shown[-1]["close_id"], shown[-1]["account_id"]) if shown else None
    return page(
        request,
        "statements",
        search=search,
        rows=shown,
        is_first=not after,
        next_query=search.url_query(person, last) if is_more else None,
        first_query=search.url_query(person),
        months=[month_label(row) for row in months if row["has_released"] or may_review],
        states=[each for each in STATES if may_review or each in ("released", "superseded")],
        packable=packable,
    )


@router.post("/statements")
def search(
    request: Request,
    person: Asking,
    account: Annotated[str, Form()] = "",
    holder: Annotated[str, Form()] = "",
    month: Annotated[str, Form()] = "",
    currency: Annotated[str, Form()] = "",
    state: Annotated[str, Form()] = "",
) -> Response:
    """Take a search, and lead to what it finds."""
    entered = Search.entered(account, holder, month, currency, state)
    found = f"{request.scope['root_path']}/statements?{entered.url_query(person)}"
    return RedirectResponse(found.removesuffix("?"), 303)


@router.get("/statements/{close_id}/{account_id}")
def statement(request: Request, person: Asking, close_id: Id, account_id: Id) -> HTMLResponse:
    """One version of a statement, with all others of its month."""
    ids = {"close_id": close_id, "account_id": account_id}
    with on_store(desk_from_airflow()) as store:
        row = _visible(store, request, close_id, account_id)
        versions = store.execute(
            query("desk/statement_versions"),
            {**ids, "may_review": person.may(permissions.REVIEW_RELEASES)},
        ).fetchall()
        twins = store.execute(query("desk/statement_twins"), ids).fetchall()
        requests = store.execute(query("desk/statement_requests"), ids).fetchall()
        audit_log.enter(store, request, "looked", _subject(row), row["sha256"])
    return page(
        request,
        "statement",
        statement=row,
        month=month_label(row),
        versions=versions,
        twins={twin["media_type"] for twin in twins},
        requests=requests,
    )


@router.get("/statements/{close_id}/{account_id}/preview")
def preview(request: Request, close_id: Id, account_id: Id) -> Response:
    """The PDF, to be shown in the page."""
    return _document(request, close_id, account_id, _PDF, "pdf", inline=True)


@router.get("/statements/{close_id}/{account_id}/pages/{number}")
def pages(request: Request, close_id: Id, account_id: Id, number: PageNumber) -> HTMLResponse:
    """One page of the PDF as a picture with its text, for where no PDF can be shown."""
    _, content = _read(request, close_id, account_id, _PDF, "looked", f"page {number}")
    count = _count_with(content, number)
    return page(
        request,
        "pages",
        close_id=close_id,
        account_id=account_id,
        number=number,
        page_count=count,
        text=pdf_preview.text(content, number),
    )


@router.get("/statements/{close_id}/{account_id}/pages/{number}/picture")
def picture(request: Request, close_id: Id, account_id: Id, number: PageNumber) -> Response:
    """That picture."""
    what = f"picture of page {number}"
    _, content = _read(request, close_id, account_id, _PDF, "looked", what)
    _count_with(content, number)
    return Response(pdf_preview.picture(content, number), media_type="image/png")


@router.get("/statements/{close_id}/{account_id}/pdf")
def pdf(request: Request, close_id: Id, account_id: Id) -> Response:
    """The PDF, to be kept."""
    return _document(request, close_id, account_id, _PDF, "pdf")


@router.get("/statements/{close_id}/{account_id}/camt.053")
def camt053(request: Request, close_id: Id, account_id: Id) -> Response:
    """The ISO 20022 XML."""
    return _document(request, close_id, account_id, "application/xml", "xml")


@router.get("/statements/{close_id}/{account_id}/csv")
def csv(request: Request, close_id: Id, account_id: Id) -> Response:
    """The lines for a spreadsheet."""
    return _document(request, close_id, account_id, "text/csv", "csv")


@router.post("/statements/{close_id}/{account_id}/requests")
def request_reissue(
    request: Request, person: Asking, close_id: Id, account_id: Id, reason: Annotated[str, Form()]
) -> Response:
    """Ask for the statement to be issued again; an operator sees the reason."""
    asked = reason.replace("\0", "").strip()
    if not 0 < len(asked) <= 500:  # noqa: PLR2004  # as the table has it
        raise HTTPException(400, "A request says why, in at most 500 characters.")
    with on_store(desk_from_airflow()) as store:
        row = _visible(store, request, close_id, account_id)
        store.execute(
            query("desk/insert_reissue_request"),
            {
                "close_id": close_id,
                "account_id": account_id,
                "reason": asked,
                "person": person.name,
            },
        )
        audit_log.enter(store, request, "requested re-issue", _subject(row), row["sha256"])
    here = f"{request.scope['root_path']}/statements/{close_id}/{account_id}#requests"
    return RedirectResponse(here, 303)


@router.get("/statements/months/{month}/zip")
def month_zip(request: Request, month: str) -> Response:
    """All released statements of a month, in the version that stands, as one ZIP."""
    settings = desk_from_airflow()
    rows: list[DictRow] = []
    with on_store(settings) as store:
        chosen = month_named(store, month, settings.time_zone)
        while not rows or len(rows) % _MONTH_ROWS == 0:
            block = store.execute(
                query("desk/month_documents"),
                {
                    "month_start": chosen.start,
                    "after_account_id": rows[-1]["account_id"] if rows else -1,
                    "row_count": _MONTH_ROWS,
                },
            ).fetchall()
            if not block:
                break
            rows += block
        subject = f"ZIP of month {chosen.label}: {len(rows)} documents"
        return _packed(store, request, settings, rows, subject, f"statements-{chosen.label}.zip")


@router.post("/statements/zip")
def selected_zip(
    request: Request, statement: Annotated[list[str] | None, Form()] = None
) -> Response:
    """The statements that were ticked, as one ZIP; those that are not released are left out."""
    places = [place for place in map(Place.read, statement or []) if place is not None]
    if not 0 < len(places) <= MOST_SELECTED:
        raise HTTPException(400, f"Tick one statement at least, and {MOST_SELECTED} at most.")
    settings = desk_from_airflow()
    with on_store(settings) as store:
        rows = store.execute(
            query("desk/selected_documents"),
            {
                "close_ids": [place.close_id for place in places],
                "account_ids": [place.account_id for place in places],
            },
        ).fetchall()
        listed = " ".join(f"{row['close_id']}-{row['account_id']}" for row in rows)
        return _packed(store, request, settings, rows, f"ZIP of {listed}", "statements.zip")


def _packed(
    store: Store,
    request: Request,
    settings: DeskSettings,
    rows: Sequence[DictRow],
    subject: str,
    name: str,
) -> Response:
    if not rows:
        raise HTTPException(404, "None of these statements is released.")
    # The hash of a ZIP is that of its documents' hashes, in their order.
    contents = sha256("".join(row["sha256"] for row in rows).encode()).hexdigest()
    audit_log.enter(store, request, "downloaded", subject, contents)
    store.commit()
    packed = [Packed(_file_name(row, "pdf"), row["object_name"], row["byte_count"]) for row in rows]
    return zip_response(Documents(settings.documents_url), packed, name)


def _count_with(content: bytes, number: int) -> int:
    """How many pages the PDF has; not found if this is none of them."""
    count = pdf_preview.page_count(content)
    if number > count:
        raise HTTPException(404)
    return count


def _document(
    request: Request,
    close_id: int,
    account_id: int,
    media_type: str,
    suffix: str,
    *,
    inline: bool = False,
) -> Response:
    act: audit_log.Act = "looked" if inline else "downloaded"
    row, content = _read(request, close_id, account_id, media_type, act, suffix)
    return document_response(content, media_type, _file_name(row, suffix), inline=inline)


def _read(
    request: Request, close_id: int, account_id: int, media_type: str, act: audit_log.Act, what: str
) -> tuple[DictRow, bytes]:
    """A statement and its document of a kind, of which the person gets all or a part."""
    settings = desk_from_airflow()
    with on_store(settings) as store:
        row = _visible(store, request, close_id, account_id)
        object_name, digest = row["object_name"], row["sha256"]
        if media_type != _PDF:
            twins = store.execute(
                query("desk/statement_twins"), {"close_id": close_id, "account_id": account_id}
            )
            twin = next((each for each in twins if each["media_type"] == media_type), None)
            object_name, digest = (twin["object_name"], twin["sha256"]) if twin else (None, None)
        if object_name is None:
            raise HTTPException(404)
        content = Documents(settings.documents_url).read(object_name)
        audit_log.enter(store, request, act, f"{what} of {_subject(row)}", digest)
    return row, content


def _visible(store: Store, request: Request, close_id: int, account_id: int) -> DictRow:
    """The version if this person may see it. What they may not see is as if it were not there."""
    row = store.execute(
        query("desk/statement"),
        {
            "close_id": close_id,
            "account_id": account_id,
            "may_review": person_asking(request).may(permissions.REVIEW_RELEASES),
        },
    ).fetchone()
    if row is None:
        raise HTTPException(404)
    return row


def _found(
    store: Store, search: Search, month: Period | None, after: Place | None, *, may_review: bool
) -> list[DictRow]:
    parameters = {
        **search.parameters(),
        "month_start": month.start if month else None,
        "after_close_id": after.close_id if after else None,
        "after_account_id": after.account_id if after else None,
        "may_review": may_review,
        # One more says whether there is a next page.
        "row_count": PAGE_ROWS + 1,
    }
    return store.execute(query("desk/found_statements"), parameters).fetchall()


def _subject(row: DictRow) -> str:
    return (
        f"statement {row['close_id']}-{row['account_id']} of {month_label(row)},"
        f" version {row['statement_version']}"
    )


def _file_name(row: DictRow, suffix: str) -> str:
    return f"statement-{month_label(row)}-{row['account_id']}-v{row['statement_version']}.{suffix}"
