"""Downloads of statements: a single document, or many PDFs as one ZIP."""

from collections.abc import Iterator, Sequence
from functools import partial
from hashlib import sha256
from typing import Annotated

from fastapi import APIRouter, Form, HTTPException, Request, Response
from psycopg.rows import DictRow

from closebook.desk import audit_log
from closebook.desk.downloads import ZipEntry, document_response, zip_response
from closebook.desk.months import month_from_url
from closebook.desk.search import StatementKey
from closebook.desk.statement_documents import (
    CAMT053,
    CSV,
    PDF,
    PROOF,
    Id,
    file_name,
    read_document,
    statement_proof,
)
from closebook.periods import Period
from closebook.settings import DeskSettings, desk_from_airflow
from closebook.sql import query
from closebook.statements.document_store import DocumentStore
from closebook.statements.manifest_document import ManifestDocument
from closebook.statements.released_documents import ReleasedManifests
from closebook.store.session import Store, on_store

router = APIRouter()

MOST_SELECTED = 500
_ROWS_PER_QUERY = 1000


@router.get("/statements/{close_id}/{account_id}/preview")
def preview(request: Request, close_id: Id, account_id: Id) -> Response:
    """Return the PDF for a frame of the page."""
    row, content = read_document(request, close_id, account_id, PDF, "looked", "pdf")
    return document_response(content, PDF, file_name(row, "pdf"), inline=True)


@router.get("/statements/{close_id}/{account_id}/pdf")
def pdf(request: Request, close_id: Id, account_id: Id) -> Response:
    """Return the PDF as a file."""
    return _download(request, close_id, account_id, PDF, "pdf")


@router.get("/statements/{close_id}/{account_id}/camt.053")
def camt053(request: Request, close_id: Id, account_id: Id) -> Response:
    """Return the ISO 20022 XML as a file."""
    return _download(request, close_id, account_id, CAMT053, "xml")


@router.get("/statements/{close_id}/{account_id}/csv")
def csv(request: Request, close_id: Id, account_id: Id) -> Response:
    """Return the lines of the statement as a CSV file."""
    return _download(request, close_id, account_id, CSV, "csv")


@router.get("/statements/{close_id}/{account_id}/proof")
def proof(request: Request, close_id: Id, account_id: Id) -> Response:
    """Return the proof that the statement is in its released month, as a file."""
    row, content = statement_proof(request, close_id, account_id)
    return document_response(content, PROOF, file_name(row, "proof.json"))


def _download(
    request: Request, close_id: int, account_id: int, media_type: str, suffix: str
) -> Response:
    row, content = read_document(request, close_id, account_id, media_type, "downloaded", suffix)
    return document_response(content, media_type, file_name(row, suffix))


@router.get("/statements/months/{month}/zip")
def month_zip(request: Request, month: str) -> Response:
    """Return all statements of a month, in the version that was released last, as one ZIP."""
    settings = desk_from_airflow()
    period = month_from_url(month, settings.time_zone)
    with on_store(settings) as store:
        rows = _month_documents(store, period)
        ReleasedManifests(DocumentStore(settings.documents_url)).refuse_missing(rows)
        subject = f"ZIP of month {period.label}: {len(rows)} documents"
        zip_name = f"statements-{period.label}.zip"
        return _zip_of(store, request, settings, rows, subject, zip_name)


def _month_documents(store: Store, month: Period) -> list[DictRow]:
    rows: list[DictRow] = []
    while len(rows) % _ROWS_PER_QUERY == 0:
        block = store.execute(
            query("desk/month_documents"),
            {
                "month_start": month.start,
                "after_account_id": rows[-1]["account_id"] if rows else -1,
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
    keys = [key for key in map(StatementKey.parse, statement or []) if key is not None]
    if not 0 < len(keys) <= MOST_SELECTED:
        raise HTTPException(400, f"Select between 1 and {MOST_SELECTED} statements.")
    settings = desk_from_airflow()
    with on_store(settings) as store:
        rows = store.execute(
            query("desk/selected_documents"),
            {
                "close_ids": [key.close_id for key in keys],
                "account_ids": [key.account_id for key in keys],
            },
        ).fetchall()
        packed = " ".join(str(StatementKey(row["close_id"], row["account_id"])) for row in rows)
        return _zip_of(store, request, settings, rows, f"ZIP of {packed}", "statements.zip")


def _zip_of(
    store: Store,
    request: Request,
    settings: DeskSettings,
    rows: Sequence[DictRow],
    subject: str,
    zip_name: str,
) -> Response:
    if not rows:
        raise HTTPException(404, "None of these statements is released.")
    documents = DocumentStore(settings.documents_url)
    entries = [*_zip_entries(documents, rows)]
    # The audit log gets one hash for the ZIP: the hash of its documents' hashes in their order.
    digest = sha256("".join(row["sha256"] for row in rows).encode()).hexdigest()
    audit_log.record(store, request, "downloaded", subject, digest)
    # The entry must be committed before the first byte of the ZIP is sent.
    store.commit()
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
        proof = None if manifest is None else manifest.proof(row["account_id"])
        if manifest is not None and proof is not None:
            # Made again when it is sent: those of a large month together fill the memory.
            yield ZipEntry(
                file_name(row, "proof.json"),
                len(proof),
                partial(_proof_again, manifest, row["account_id"]),
            )


def _proof_again(manifest: ManifestDocument, account_id: int) -> bytes:
    return manifest.proof(account_id) or b""
