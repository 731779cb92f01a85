"""Downloads of many statements: the PDFs of a month or of a selection as one ZIP."""

from collections.abc import Iterator, Sequence
from functools import partial
from hashlib import sha256
from typing import Annotated
from urllib.parse import parse_qsl, urlencode, urlsplit

from fastapi import Form, HTTPException, Request, Response
from fastapi.responses import RedirectResponse
from psycopg.rows import DictRow

from closebook.desk import audit_log
from closebook.desk.capacity import ZIPS
from closebook.desk.desk_route import desk_router
from closebook.desk.downloads import ZipEntry, zip_response
from closebook.desk.months import month_from_url
from closebook.desk.search import MAX_SELECTED, StatementKey
from closebook.desk.statement_documents import file_name
from closebook.keys import Key, statement_name
from closebook.periods import Period
from closebook.settings import DeskSettings, desk_from_airflow
from closebook.sql import query
from closebook.statements.document_store import DocumentStore
from closebook.statements.manifest_document import ManifestDocument
from closebook.statements.released_documents import ReleasedManifests
from closebook.store.key_types import key_types_of
from closebook.store.session import Store, on_store

router = desk_router(ZIPS)

_ROWS_PER_QUERY = 1000


@router.get("/statements/months/{month}/zip")
def month_zip(request: Request, month: str) -> Response:
    """Return all statements of a month, in the version that was released last, as one ZIP."""
    settings = desk_from_airflow()
    with on_store(settings) as store:
        period = month_from_url(store, month, settings.time_zone)
        rows = _month_documents(store, period)
    ReleasedManifests(DocumentStore(settings.documents_url)).refuse_missing(rows)
    subject = f"ZIP of month {period.label}: {len(rows)} documents"
    return _zip_of(request, settings, rows, subject, f"statements-{period.label}.zip")


def _month_documents(store: Store, month: Period) -> list[DictRow]:
    rows: list[DictRow] = []
    while len(rows) % _ROWS_PER_QUERY == 0:
        block = store.execute(
            query("desk/month_documents"),
            {
                "month_start": month.start,
                "after_account_id": rows[-1]["account_id"] if rows else None,
                "after_currency": rows[-1]["currency"] if rows else None,
                "row_count": _ROWS_PER_QUERY,
            },
        ).fetchall()
        if not block:
            break
        rows += block
    return rows


@router.post("/statements/zip")
def selected_zip(
    request: Request, statement: Annotated[list[str] | None, Form()] = None
) -> Response:
    """Return the selected statements as one ZIP, without those that are not released."""
    settings = desk_from_airflow()
    with on_store(settings) as store:
        key_type = key_types_of(store).accounts
        parsed = (StatementKey.parse(each, key_type) for each in statement or [])
        keys = [key for key in parsed if key is not None]
        if not 0 < len(keys) <= MAX_SELECTED:
            return _back_to_list(request, "many" if keys else "none")
        rows = store.execute(
            query("desk/selected_documents"),
            {
                "close_ids": [key.close_id for key in keys],
                "account_ids": [key.account_id for key in keys],
                "currencies": [key.currency for key in keys],
            },
        ).fetchall()
    packed = " ".join(
        statement_name(row["close_id"], row["account_id"], row["currency"]) for row in rows
    )
    return _zip_of(request, settings, rows, f"ZIP of {packed}", "statements.zip")


def _back_to_list(request: Request, told: str) -> Response:
    """Return to the list that the form is from, with its search; ``told`` says what is wrong."""
    root_path, before = request.scope["root_path"], urlsplit(request.headers.get("Referer", ""))
    is_list = before.path == f"{root_path}/statements"
    kept = [each for each in parse_qsl(before.query if is_list else "") if each[0] != "selection"]
    url_query = urlencode([*kept, ("selection", told)])
    return RedirectResponse(f"{root_path}/statements?{url_query}", 303)


def _zip_of(
    request: Request,
    settings: DeskSettings,
    rows: Sequence[DictRow],
    subject: str,
    zip_name: str,
) -> Response:
    if not rows:
        raise HTTPException(404, "None of these statements is released.")
    # No transaction of the reporting store is open while the document store answers.
    entries = [*_zip_entries(DocumentStore(settings.documents_url), rows)]
    # The audit log gets one hash for the ZIP: the hash of its documents' hashes in their order.
    digest = sha256("".join(row["sha256"] for row in rows).encode()).hexdigest()
    with on_store(settings) as store:
        audit_log.record(store, request, "downloaded", subject, digest)
    return zip_response(entries, zip_name)


def _zip_entries(documents: DocumentStore, rows: Sequence[DictRow]) -> Iterator[ZipEntry]:
    """Yield each statement's PDF, and its proof where its manifest gives one.

    Raises WrongData for a statement that is not as it was released.
    """
    manifests = ReleasedManifests(documents)
    for row in rows:
        entry = manifests.entry(row)  # guard: desk.zip-is-as-released
        yield ZipEntry(
            file_name(row, "pdf"), row["byte_count"], partial(documents.read, row["object_name"])
        )
        manifest = None if entry is None else manifests.of(row)
        proof = None if manifest is None else manifest.proof(row["account_id"], row["currency"])
        if manifest is not None and proof is not None:
            # Made again when it is sent: those of a large month together fill the memory.
            yield ZipEntry(
                file_name(row, "proof.json"),
                len(proof),
                partial(_proof_again, manifest, row["account_id"], row["currency"]),
            )


def _proof_again(manifest: ManifestDocument, account_id: Key, currency: str) -> bytes:
    return manifest.proof(account_id, currency) or b""
