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


@dataclass(frozen=True)
class Manifest:
    """A manifest that was written: its object name and sha256, and how many documents it lists.

    ``missing_count`` is the number of statements that have no document yet.
    """

    object_name: str
    sha256: str
    document_count: int
    missing_count: int


def write_manifest(settings: Settings, close_id: int, run: Run) -> Manifest:
    """Write the manifest of a month, store it with the documents, and register it.

    The manifest lists every statement of the month with its document. Each document is read and
    its sha256 is compared with its name. Raises WrongData when a document is missing from the
    document store, or was changed.
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
        rejected = store.execute(
            query("statement_decisions/last_rejection"), {"close_id": close_id}
        ).fetchone()
        # With a reason, a month that was rejected becomes another manifest, which is decided on.
        # guard: release.rejected-month-is-shown-again-with-a-reason
        answered = rejected if run.reason is not None else None
        stored = documents.put(
            _manifest_text(close_id, month, rows, answered),
            folder=f"manifests/{month.label}",
            suffix="json",
        )
        document_count = sum(row["object_name"] is not None for row in rows)
        manifest = Manifest(
            stored.object_name, stored.sha256, document_count, len(rows) - document_count
        )
        store.execute(
            query("statement_manifests/insert"),
            {
                "close_id": close_id,
                "run_id": run.run_id,
                "requested_by": run.requested_by,
                "reason": run.reason,
                **asdict(manifest),
            },
        )
    return manifest


def _manifest_text(
    close_id: int, month: Period, rows: list[DictRow], answered: DictRow | None
) -> bytes:
    content: dict[str, Any] = {"month": month.label, "close_id": close_id, "statements": rows}
    if answered is not None:
        content["after_rejection"] = answered["decision_id"]
    return json.dumps(content, indent=1, sort_keys=True).encode()
