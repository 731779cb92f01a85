"""Downloads of many statements as one ZIP: of a month, of what a search finds, of a selection.

A ZIP has the PDFs, their proofs, and an index of the PDFs as CSV and as JSON. That of a month has
the released manifest too. The others do not: a manifest lists the balances of all accounts.
"""

import csv
import json
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from hashlib import sha256
from io import StringIO
from typing import Annotated
from urllib.parse import parse_qsl, urlencode, urlsplit

from fastapi import Form, HTTPException, Request, Response
from fastapi.responses import RedirectResponse
from psycopg.rows import DictRow

from closebook.desk import audit_log
from closebook.desk.capacity import ZIPS
from closebook.desk.current_user import CurrentUser
from closebook.desk.desk_route import desk_router
from closebook.desk.downloads import ZipEntry, zip_response
from closebook.desk.found_statements import find_statements
from closebook.desk.months import month_from_url, month_label
from closebook.desk.search import MAX_SELECTED, MOST_FOUND, Search, StatementKey
from closebook.desk.statement_documents import file_name
from closebook.keys import Key, statement_name
from closebook.periods import Period
from closebook.settings import DeskSettings, desk_from_airflow
from closebook.sql import query
from closebook.statements.document_store import DocumentStore
from closebook.statements.formats.statement_csv import text_cell
from closebook.statements.manifest_document import ManifestDocument
from closebook.statements.released_documents import ReleasedManifests
from closebook.store.key_types import key_types_of
from closebook.store.session import Store, on_store

router = desk_router(ZIPS)

_ROWS_PER_QUERY = 10_000


@router.get("/statements/months/{month}/zip")
def month_zip(request: Request, month: str) -> Response:
    """Return all statements of a month, in the version that was released last, as one ZIP."""
    settings = desk_from_airflow()
    with on_store(settings) as store:
        period = month_from_url(store, month, settings.time_zone)
        rows = _month_documents(store, period)
    ReleasedManifests(DocumentStore(settings.documents_url)).refuse_missing(rows)
    subject = f"ZIP of month {period.label}: {len(rows)} documents"
    name = f"statements-{period.label}.zip"
    return _zip_of(request, settings, rows, subject, name, with_manifest=True)


@router.get("/statements/zip")
def found_zip(
    request: Request,
    user: CurrentUser,
    find: str = "",
    month: str = "",
    currency: str = "",
    state: str = "",
) -> Response:
    """Return the released statements that a search finds as one ZIP."""
    settings = desk_from_airflow()
    search = Search.from_url(user, find, month, currency, state, "")
    with on_store(settings) as store:
        period = month_from_url(store, search.month, settings.time_zone) if search.month else None
        found = find_statements(store, search, period, may_review=False)
        if not found.is_all:
            raise HTTPException(400, f"More than {MOST_FOUND} statements are found.")
        keys = [StatementKey(r["close_id"], r["account_id"], r["currency"]) for r in found.rows]
        rows = _selected_documents(store, keys)
    subject = f"ZIP of the search {search.audit_subject}: {_named(rows)}"
    return _zip_of(request, settings, rows, subject, "statements.zip")


def _month_documents(store: Store, month: Period) -> list[DictRow]:
    """Return the documents of a month as it was released last, with the manifest of the release."""
    release = store.execute(query("desk/month_release"), {"month_start": month.start}).fetchone()
    if release is None:
        return []
    names = ("first_date", "manifest_sha256", "manifest_object_name")
    of_release = {name: release[name] for name in names}
    rows: list[DictRow] = []
    while len(rows) % _ROWS_PER_QUERY == 0:
        block = store.execute(
            query("desk/month_documents"),
            {
                "close_id": release["close_id"],
                "manifest_id": release["manifest_id"],
                "after_account_id": rows[-1]["account_id"] if rows else None,
                "after_currency": rows[-1]["currency"] if rows else None,
                "row_count": _ROWS_PER_QUERY,
            },
            # A plan for any place in the month would begin each block at the month's start.
            prepare=False,
        ).fetchall()
        if not block:
            break
        rows += [{**row, **of_release} for row in block]
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
        rows = _selected_documents(store, keys)
    return _zip_of(request, settings, rows, f"ZIP of {_named(rows)}", "statements.zip")


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
    """Redirect to the list with its search. ``problem`` is what is wrong with the selection."""
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
    zip_name: str,
    *,
    with_manifest: bool = False,
) -> Response:
    if not rows:
        raise HTTPException(404, "None of these statements is released.")
    # No transaction of the reporting store is open while the document store answers.
    documents = DocumentStore(settings.documents_url)
    entries = [*_zip_entries(documents, rows), *_indexes(rows)]
    manifest_name = rows[0]["manifest_object_name"]
    if with_manifest and manifest_name is not None:
        read_manifest = partial(documents.read, manifest_name)
        entries.append(ZipEntry("manifest.json", len(read_manifest()), read_manifest))
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


def _indexes(rows: Sequence[DictRow]) -> Iterator[ZipEntry]:
    """Yield the index of the PDFs as CSV and as JSON. Each is made again when it is sent."""
    for name, lines in (("index.csv", _csv_lines), ("index.json", _json_lines)):
        yield ZipEntry(name, sum(map(len, lines(rows))), partial(_joined, lines, rows))


def _joined(
    lines: Callable[[Sequence[DictRow]], Iterator[bytes]], rows: Sequence[DictRow]
) -> bytes:
    return b"".join(lines(rows))


def _listed(row: DictRow) -> dict[str, object]:
    return {
        "file": file_name(row, "pdf"),
        "account": row["account_id"],
        "currency": row["currency"],
        "month": month_label(row),
        "version": row["statement_version"],
        "sha256": row["sha256"],
    }


def _csv_lines(rows: Sequence[DictRow]) -> Iterator[bytes]:
    yield ",".join(_listed(rows[0])).encode() + b"\r\n"
    for row in rows:
        line = StringIO()
        csv.writer(line, quoting=csv.QUOTE_ALL).writerow(
            [text_cell(str(each)) for each in _listed(row).values()]
        )
        yield line.getvalue().encode()


def _json_lines(rows: Sequence[DictRow]) -> Iterator[bytes]:
    yield b"[\n"
    for place, row in enumerate(rows):
        yield json.dumps(_listed(row)).encode() + (b",\n" if place < len(rows) - 1 else b"\n")
    yield b"]\n"
