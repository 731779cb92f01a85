"""Downloads of many statements as one ZIP: of a month, of what a search finds, of a selection.

A client can resume a download that was interrupted, with the header ``Range``.
"""

from collections.abc import Sequence
from hashlib import sha256
from typing import Annotated
from urllib.parse import parse_qsl, urlencode, urlsplit

from fastapi import Form, HTTPException, Request, Response
from fastapi.responses import RedirectResponse
from psycopg.rows import DictRow

from closebook.desk import audit_log
from closebook.desk.byte_ranges import asked_part
from closebook.desk.capacity import ZIPS
from closebook.desk.current_user import CurrentUser
from closebook.desk.desk_route import desk_router
from closebook.desk.downloads import ZipResponse
from closebook.desk.found_statements import find_statements
from closebook.desk.months import month_from_url
from closebook.desk.search import MAX_SELECTED, MOST_IN_ZIP, Search, StatementKey
from closebook.desk.statement_archives import MonthZip, archive_of_some
from closebook.desk.zip_archive import ZipArchive
from closebook.keys import statement_name
from closebook.settings.desk_settings import DeskSettings, desk_from_airflow
from closebook.sql import query
from closebook.statements.document_store import DocumentStore
from closebook.store.key_types import key_types_of
from closebook.store.session import Store, on_store

router = desk_router(ZIPS)

_NONE_IS_RELEASED = "None of these statements is released."


@router.get("/statements/months/{month}/zip")
def month_zip(request: Request, month: str, twins: bool = False) -> Response:
    """Return all statements of a month, in the version that was released last, as one ZIP."""
    settings = desk_from_airflow()
    with on_store(settings) as store:
        period = month_from_url(store, month, settings.time_zone)
        parameters = {"month_start": period.start}
        release = store.execute(query("desk/month_release"), parameters).fetchone()
    if release is None:
        raise HTTPException(404, _NONE_IS_RELEASED)
    made = MonthZip(settings, release, twins)
    # No transaction of the reporting store is open while the document store answers.
    document_count = made.plan().plan.document_count
    if not document_count:
        raise HTTPException(404, _NONE_IS_RELEASED)
    subject = f"ZIP of month {period.label}: {document_count} documents"
    # The manifest has the hashes of all documents.
    digest = release["manifest_sha256"]
    name = f"statements-{period.label}.zip"
    return _answer(request, settings, made.archive(), subject, digest, name)


@router.get("/statements/zip")
def found_zip(
    request: Request,
    user: CurrentUser,
    find: str = "",
    month: str = "",
    currency: str = "",
    state: str = "",
    twins: bool = False,
) -> Response:
    """Return the released statements that a search finds as one ZIP."""
    settings = desk_from_airflow()
    search = Search.from_url(user, find, month, currency, state, "")
    with on_store(settings) as store:
        period = month_from_url(store, search.month, settings.time_zone) if search.month else None
        found = find_statements(store, search, period, may_review=False, row_count=MOST_IN_ZIP)
        if found.rows and not found.fits_in_zip:
            raise HTTPException(400, f"More than {MOST_IN_ZIP} statements are found.")
        keys = [StatementKey(r["close_id"], r["account_id"], r["currency"]) for r in found.rows]
        rows = _selected_documents(store, keys)
    subject = f"ZIP of the search {search.audit_subject}: {_named(rows)}"
    return _zip_of(request, settings, rows, subject, with_twins=twins)


@router.post("/statements/zip")
def selected_zip(
    request: Request,
    statement: Annotated[list[str] | None, Form()] = None,
    twins: Annotated[bool, Form()] = False,
) -> Response:
    """Return the selected statements as one ZIP, without those that are not released."""
    settings = desk_from_airflow()
    with on_store(settings) as store:
        key_type = key_types_of(store).accounts
        parsed = (StatementKey.parse(each, key_type) for each in statement or [])
        keys = [key for key in parsed if key is not None]
        if not 0 < len(keys) <= MAX_SELECTED:
            return _back_to_list(request, "many" if keys else "none")
        rows = _selected_documents(store, keys)
    return _zip_of(request, settings, rows, f"ZIP of {_named(rows)}", with_twins=twins)


def _selected_documents(store: Store, keys: Sequence[StatementKey]) -> list[DictRow]:
    return store.execute(
        query("desk/selected_documents"),
        {
            "close_ids": [key.close_id for key in keys],
            "account_ids": [key.account_id for key in keys],
            "currencies": [key.currency for key in keys],
        },
    ).fetchall()


def _named(rows: Sequence[DictRow]) -> str:
    return " ".join(
        statement_name(row["close_id"], row["account_id"], row["currency"]) for row in rows
    )


def _back_to_list(request: Request, problem: str) -> Response:
    """Return to the list that the form is from, with its search; ``problem`` is a code."""
    root_path, before = request.scope["root_path"], urlsplit(request.headers.get("Referer", ""))
    is_list = before.path == f"{root_path}/statements"
    kept = [each for each in parse_qsl(before.query if is_list else "") if each[0] != "selection"]
    url_query = urlencode([*kept, ("selection", problem)])
    return RedirectResponse(f"{root_path}/statements?{url_query}", 303)


def _zip_of(
    request: Request,
    settings: DeskSettings,
    rows: Sequence[DictRow],
    subject: str,
    *,
    with_twins: bool,
) -> Response:
    if not rows:
        raise HTTPException(404, _NONE_IS_RELEASED)
    # No transaction of the reporting store is open while the document store answers.
    documents = DocumentStore(settings.documents_url)
    archive = archive_of_some(documents, rows, with_twins=with_twins)
    # The audit log gets one hash for the ZIP: the hash of its documents' hashes in their order.
    digest = sha256("".join(row["sha256"] for row in rows).encode()).hexdigest()
    return _answer(request, settings, archive, subject, digest, "statements.zip")


def _answer(
    request: Request,
    settings: DeskSettings,
    archive: ZipArchive,
    subject: str,
    digest: str,
    zip_name: str,
) -> Response:
    """Return the part of the ZIP that the client asks for. The audit log gets an entry first."""
    part = asked_part(request.headers, archive.byte_count, archive.etag)
    if part.first_byte:
        subject = f"{subject}, from byte {part.first_byte}"
    with on_store(settings) as store:
        audit_log.record(store, request, "downloaded", subject, digest)
    return ZipResponse(archive, zip_name, part)
