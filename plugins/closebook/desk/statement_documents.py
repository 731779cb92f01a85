"""One version of a statement and its documents, as far as the current user may see them."""

from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Annotated

from fastapi import Depends, HTTPException, Path, Request
from psycopg.rows import DictRow

from closebook.desk import audit_log, permissions
from closebook.desk.current_user import current_user
from closebook.desk.months import month_label
from closebook.keys import file_part, from_path_part, statement_name
from closebook.settings.desk_settings import desk_from_airflow
from closebook.sql import query
from closebook.statements.document_store import DocumentStore
from closebook.statements.manifest_document import Entry
from closebook.statements.released_documents import NotAsReleased, ReleasedManifests
from closebook.statements.verify.untrusted_pdf import CSV_NAME, XML_NAME, UntrustedPdf
from closebook.store.key_types import key_types_of
from closebook.store.session import Store, on_store

PDF = "application/pdf"
CAMT053 = "application/xml"
CSV = "text/csv"
MT940, OFX = "application/x-mt940", "application/x-ofx"
PROOF = "application/json"

# An id in a path of the desk: a bigint of the store.
Id = Annotated[int, Path(ge=0, lt=2**63)]  # guard: desk.ids-are-numbers
Currency = Annotated[str, Path(pattern="^[A-Z]{3}$")]


@dataclass(frozen=True)
class StatementPath:
    """The statement of a path of the desk. The account is as `closebook.keys.path_part` has it."""

    close_id: int
    account: str
    currency: str

    def ids(self, store: Store) -> dict[str, object]:
        """Return the parameters that name the statement in the store.

        Raises HTTP 404 if the account is no key of this store.
        """
        account_id = from_path_part(self.account, key_types_of(store).accounts)
        if account_id is None:
            raise HTTPException(404)
        return {
            "close_id": self.close_id,
            "account_id": account_id,
            "currency": self.currency,
        }


async def _statement_path(close_id: Id, account: str, currency: Currency) -> StatementPath:
    return StatementPath(close_id, account, currency)


OfPath = Annotated[StatementPath, Depends(_statement_path)]


def visible_statement(request: Request, path: StatementPath) -> DictRow:
    """Return the version of the statement, once it was compared with its manifest.

    Raises HTTP 404 if it does not exist. The answer is the same if the user may not see it, so that
    the user cannot find out which statements exist. Raises WrongData if the row is not as it was
    released.
    """
    row, _ = _visible_rows(request, path)
    _manifests().entry(row)
    return row


def read_document(
    request: Request,
    path: StatementPath,
    media_type: str,
    action: audit_log.Action,
    part: str,
) -> tuple[DictRow, bytes]:
    """Return a statement and the content of its document of a media type.

    The audit log gets an entry with the action, and with the part of the document that the user
    gets. No transaction of the reporting store is open while the document store answers. Raises
    HTTP 404 as ``visible_statement`` does, and if there is no such document; WrongData if it is not
    the one that was released.
    """
    settings = desk_from_airflow()
    documents = DocumentStore(settings.documents_url)
    row, others = _visible_rows(request, path)
    entry = ReleasedManifests(documents).entry(row)
    if row["object_name"] is None or (media_type != PDF and media_type not in others):
        raise HTTPException(404)
    if media_type == PDF:
        content = documents.read(row["object_name"])
    else:
        content = documents.read(others[media_type]["object_name"])
        if entry is not None:
            refuse_other_attachment(row, entry, media_type, content, documents)
    with on_store(settings) as store:
        # guard: desk.looks-are-recorded
        audit_log.record(
            store,
            request,
            action,
            f"{part} of {audit_subject(row)}",
            sha256(content).hexdigest(),
        )
    return row, content


def _manifests() -> ReleasedManifests:
    return ReleasedManifests(DocumentStore(desk_from_airflow().documents_url))


def _visible_rows(request: Request, path: StatementPath) -> tuple[DictRow, dict[str, DictRow]]:
    """Return a version of a statement and its attachments by media type, as the register has them.

    Raises HTTP 404 as ``visible_statement`` does.
    """
    with on_store(desk_from_airflow()) as store:
        ids = path.ids(store)
        row = store.execute(
            query("desk/statement"),
            {
                **ids,
                "may_review": current_user(request).may(permissions.REVIEW_RELEASES),
            },
        ).fetchone()
        if row is None:
            raise HTTPException(404)
        return row, _other_documents(store, ids)


def has_proof(row: DictRow) -> bool:
    """Return whether the manifest of a statement gives a proof of it."""
    manifest = _manifests().of(row)
    return row["sha256"] is not None and manifest is not None and manifest.head is not None


def statement_proof(request: Request, path: StatementPath) -> tuple[DictRow, bytes]:
    """Return a statement and the proof that it is in its released month.

    Raises HTTP 404 as ``visible_statement`` does, and if its manifest gives no proofs.
    """
    row = visible_statement(request, path)
    manifest = _manifests().of(row)
    proof = None if manifest is None else manifest.proof(row["account_id"], row["currency"])
    if proof is None:
        raise HTTPException(404)
    digest = sha256(proof).hexdigest()
    with on_store(desk_from_airflow()) as store:
        audit_log.record(store, request, "downloaded", f"proof of {audit_subject(row)}", digest)
    return row, proof


def refuse_other_attachment(
    row: DictRow, entry: Entry, media_type: str, content: bytes, documents: DocumentStore
) -> None:
    """Raise WrongData if the content is not the attachment that was released with the PDF."""
    # MT940 and OFX are younger than the manifests that list the PDF alone.
    if "twins" in entry or media_type not in (CAMT053, CSV):
        is_released = entry.get("twins", {}).get(media_type) == sha256(content).hexdigest()
    else:
        # Older manifests list the PDF alone, and the same files are attached to it.
        name = {CAMT053: XML_NAME, CSV: CSV_NAME}[media_type]
        pdf = UntrustedPdf.open(documents.read(row["object_name"]))
        is_released = pdf.attachments[name] == content
    if not is_released:  # guard: desk.attachment-is-as-released
        raise NotAsReleased(row, "the register names another attachment than was released")


def media_types(store: Store, ids: Mapping[str, object]) -> set[str]:
    """Return the media types of the statement's documents other than the PDF."""
    return set(_other_documents(store, ids))


def _other_documents(store: Store, ids: Mapping[str, object]) -> dict[str, DictRow]:
    rows = store.execute(query("desk/statement_twins"), ids)
    return {row["media_type"]: row for row in rows}


def audit_subject(row: DictRow) -> str:
    """Return the subject of an entry in the audit log about this version of a statement."""
    name = statement_name(row["close_id"], row["account_id"], row["currency"])
    return f"statement {name} of {month_label(row)}, version {row['statement_version']}"


def file_name(row: DictRow, suffix: str) -> str:
    """Return the name of the file that a user downloads. It contains no holder's name."""
    account, version = file_part(row["account_id"]), row["statement_version"]
    return f"statement-{month_label(row)}-{account}-{row['currency']}-v{version}.{suffix}"
