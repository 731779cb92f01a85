"""One version of a statement and its documents, as far as the current user may see them."""

from typing import Annotated

from fastapi import HTTPException, Path, Request
from psycopg.rows import DictRow

from closebook.desk import audit_log, permissions
from closebook.desk.current_user import current_user
from closebook.desk.months import month_label
from closebook.settings import desk_from_airflow
from closebook.sql import query
from closebook.statements.document_store import DocumentStore
from closebook.store.session import Store, on_store

PDF = "application/pdf"
CAMT053 = "application/xml"
CSV = "text/csv"

# An id in a path of the desk: a bigint of the store.
Id = Annotated[int, Path(ge=0, lt=2**63)]  # guard: desk.ids-are-numbers


def visible_statement(store: Store, request: Request, close_id: int, account_id: int) -> DictRow:
    """Return the version of the statement.

    Raises HTTP 404 if it does not exist. The answer is the same if the user may not see it, so that
    the user cannot find out which statements exist.
    """
    row = store.execute(
        query("desk/statement"),
        {
            "close_id": close_id,
            "account_id": account_id,
            "may_review": current_user(request).may(permissions.REVIEW_RELEASES),
        },
    ).fetchone()
    if row is None:
        raise HTTPException(404)
    return row


def read_document(
    request: Request,
    close_id: int,
    account_id: int,
    media_type: str,
    action: audit_log.Action,
    part: str,
) -> tuple[DictRow, bytes]:
    """Return a statement and the content of its document of a media type.

    The audit log gets an entry with the action, and with the part of the document that the user
    gets. It gets the entry before the document is read: no transaction of the reporting store is
    open while the document store answers. Raises HTTP 404 as ``visible_statement`` does, and if
    there is no such document.
    """
    settings = desk_from_airflow()
    with on_store(settings) as store:
        row = visible_statement(store, request, close_id, account_id)
        object_name, digest = row["object_name"], row["sha256"]
        if media_type != PDF:
            other = _other_documents(store, close_id, account_id).get(media_type)
            object_name, digest = (other["object_name"], other["sha256"]) if other else (None, None)
        if object_name is None:
            raise HTTPException(404)
        # guard: desk.looks-are-recorded
        audit_log.record(store, request, action, f"{part} of {audit_subject(row)}", digest)
    return row, DocumentStore(settings.documents_url).read(object_name)


def media_types(store: Store, close_id: int, account_id: int) -> set[str]:
    """Return the media types of the statement's documents other than the PDF."""
    return set(_other_documents(store, close_id, account_id))


def _other_documents(store: Store, close_id: int, account_id: int) -> dict[str, DictRow]:
    ids = {"close_id": close_id, "account_id": account_id}
    rows = store.execute(query("desk/statement_twins"), ids)
    return {row["media_type"]: row for row in rows}


def audit_subject(row: DictRow) -> str:
    """Return the subject of an entry in the audit log about this version of a statement."""
    return (
        f"statement {row['close_id']}-{row['account_id']} of {month_label(row)},"
        f" version {row['statement_version']}"
    )


def file_name(row: DictRow, suffix: str) -> str:
    """Return the name of the file that a user downloads. It contains no holder's name."""
    return f"statement-{month_label(row)}-{row['account_id']}-v{row['statement_version']}.{suffix}"
