"""The manifest: the list of a month's statements with the sha256 of each document."""

import json
from dataclasses import asdict, dataclass
from typing import Any

from psycopg.rows import DictRow

from closebook.errors import WrongData
from closebook.periods import Period
from closebook.settings import Run, Settings
from closebook.sql import query
from closebook.statements.document_store import DocumentStore
from closebook.statements.statement_reader import read_closed_month
from closebook.store.session import on_store

NAMED_ACCOUNTS = 20


@dataclass(frozen=True)
class Manifest:
    """A manifest that was written: its object name and sha256, and how many documents it lists.

    ``exception_count`` is the number of accounts that have no document for a reason that is on
    record, and ``missing_count`` the number of statements that have none without such a reason.
    """

    object_name: str
    sha256: str
    document_count: int
    missing_count: int
    exception_count: int


def write_manifest(settings: Settings, close_id: int, run: Run) -> Manifest:
    """Write the manifest of a month, store it with the documents, and register it.

    The manifest lists every statement of the month with its document, and the month's exceptions
    with their reasons. Each document is read and its sha256 is compared with its name. Raises
    WrongData when a document is missing from the document store, or was changed.
    """
    documents = DocumentStore(settings.documents_url)
    with on_store(settings) as store:
        month = read_closed_month(store, close_id)
        documents.remove_partial_files(f"statements/{month.label}")
        store.execute(query("session/expect_many_rows"))
        rows = store.execute(
            query("statement_manifests/entries"), {"close_id": close_id}
        ).fetchall()
        lost = [
            str(row["account_id"])
            for row in rows
            if row["object_name"] is not None and not documents.exists(row["object_name"])
        ]
        if lost:  # guard: documents.lost-one-stops-the-manifest
            raise WrongData(
                "CB-DATA-DOCUMENTS-LOST",
                f"{month}: {len(lost)} registered documents are missing from "
                f"{settings.documents_url}, those of the accounts {', '.join(lost[:20])} …: "
                "run the month again",
            )
        for row in rows:
            if row["object_name"] is not None:
                documents.read(row["object_name"])
        exceptions = store.execute(
            query("manifest_exceptions/of_close"), {"close_id": close_id}
        ).fetchall()
        rejected = store.execute(
            query("statement_decisions/last_rejection"), {"close_id": close_id}
        ).fetchone()
        # With a reason, a month that was rejected becomes another manifest, which is decided on.
        # guard: release.rejected-month-is-shown-again-with-a-reason
        answered = rejected if run.reason is not None else None
        stored = documents.put(
            _manifest_text(close_id, month, rows, exceptions, answered),
            folder=f"manifests/{month.label}",
            suffix="json",
        )
        excepted = {each["subject"] for each in exceptions}
        without_document = [row for row in rows if row["object_name"] is None]
        manifest = Manifest(
            stored.object_name,
            stored.sha256,
            document_count=len(rows) - len(without_document),
            # guard: exceptions.have-a-reason
            missing_count=sum(str(row["account_id"]) not in excepted for row in without_document),
            exception_count=len(exceptions),
        )
        written = store.execute(
            query("statement_manifests/insert"),
            {
                "close_id": close_id,
                "run_id": run.run_id,
                "requested_by": run.requested_by,
                "reason": run.reason,
                **asdict(manifest),
            },
        ).fetchone()
        if written is not None:
            listed = {
                "manifest_id": written["manifest_id"],
                "subjects": [each["subject"] for each in exceptions],
                "reasons": [each["reason"] for each in exceptions],
            }
            store.execute(query("manifest_exceptions/insert"), listed)
    return manifest


def refuse_exceptions(settings: Settings, close_id: int) -> None:
    """Raise WrongData, naming the accounts, if the month's manifest does not list all documents."""
    with on_store(settings) as store:
        month = read_closed_month(store, close_id)
        exceptions = store.execute(
            query("manifest_exceptions/of_close"), {"close_id": close_id}
        ).fetchall()
        latest = store.execute(
            query("statement_manifests/latest"), {"period_start": month.start}
        ).fetchone()
    missing_count = 0 if latest is None else latest["missing_count"]
    if exceptions or missing_count:
        named = [f"{each['subject']} ({each['reason']})" for each in exceptions[:NAMED_ACCOUNTS]]
        more = ["…"] if len(exceptions) > NAMED_ACCOUNTS else []
        raise WrongData(
            "CB-DATA-MONTH-WITH-EXCEPTIONS",
            f"{month} is issued without {len(exceptions)} accounts, and {missing_count} documents "
            f"are not made yet: {', '.join(named + more) or 'see the log of render_shard'}; the "
            "rest is issued: correct these accounts and run the month again with a reason, or "
            "release the month without them",
        )


def _manifest_text(
    close_id: int,
    month: Period,
    rows: list[DictRow],
    exceptions: list[DictRow],
    answered: DictRow | None,
) -> bytes:
    content: dict[str, Any] = {
        "month": month.label,
        "close_id": close_id,
        "statements": rows,
        "exceptions": exceptions,
    }
    if answered is not None:
        content["after_rejection"] = answered["decision_id"]
    return json.dumps(content, indent=1, sort_keys=True).encode()
