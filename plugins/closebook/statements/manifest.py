"""Write the manifest: the list of a month's statements with the sha256 of each document."""

from base64 import b64encode
from dataclasses import asdict, dataclass

from psycopg.rows import DictRow

from closebook.errors import WrongData
from closebook.settings import Run, Settings
from closebook.sql import query
from closebook.statements.document_store import DocumentStore
from closebook.statements.manifest_document import (
    Entry,
    ManifestDocument,
    NoManifest,
    TreeHead,
    manifest_content,
    plain,
    root_of,
    salted_entry,
)
from closebook.statements.signing.key_loader import load_signer
from closebook.statements.signing.signer import Signer
from closebook.statements.statement_reader import read_closed_month
from closebook.store.session import Store, on_store


@dataclass(frozen=True)
class Manifest:
    """A manifest that was written: its object name and sha256, and how many documents it lists.

    ``root_sha256`` is the root of its entries. ``missing_count`` is the number of statements that
    have no document yet.
    """

    object_name: str
    sha256: str
    root_sha256: str
    document_count: int
    missing_count: int


def write_manifest(settings: Settings, close_id: int, run: Run) -> Manifest:
    """Write the manifest of a month, store it with the documents, and register it.

    The manifest lists every statement of the month with its document. Each document is read and
    its sha256 is compared with its name. A manifest that would list the same as the newest one of
    the close is not written again. Each manifest names the one before it and the end of the desk's
    log, so that the document store keeps both outside of the database. Raises WrongData when a
    document is missing from the document store, or was changed.
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
        store.execute(query("statement_manifests/lock"))
        manifest = _unchanged(store, documents, close_id, rows, answered)
        if manifest is None:
            content = _content(
                store, load_signer(settings.signing_key), close_id, month.label, rows, answered
            )
            stored = documents.put(content, folder=f"manifests/{month.label}", suffix="json")
            manifest = _summary(stored.object_name, ManifestDocument.read(content))
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


def _unchanged(
    store: Store,
    documents: DocumentStore,
    close_id: int,
    rows: list[DictRow],
    answered: DictRow | None,
) -> Manifest | None:
    """Return the newest manifest of the close if it lists just these rows, else None.

    One that was rejected, and is shown again with a reason, is another one: ``answered`` is the
    rejection.

    Otherwise new salts would make a new manifest each time, and it would have to be reviewed again.
    """
    newest = store.execute(query("statement_manifests/newest"), {"close_id": close_id}).fetchone()
    if newest is None or newest["object_name"] is None:
        return None
    try:
        manifest = ManifestDocument.read(documents.read(newest["object_name"]))
    except WrongData:
        return None
    if manifest.head is None:
        return None
    if answered is not None and manifest.after_rejection != answered["decision_id"]:
        return None
    entries = [plain(entry) for entry in manifest.entries]
    return (
        _summary(newest["object_name"], manifest)
        if entries == [plain(_facts(row)) for row in rows]
        else None
    )


def _content(
    store: Store,
    signer: Signer | None,
    close_id: int,
    month: str,
    rows: list[DictRow],
    answered: DictRow | None,
) -> bytes:
    entries = [salted_entry(_facts(row), row["account_number"], row["holder_name"]) for row in rows]
    head = TreeHead(month, root_of(month, entries), len(entries))
    newest = store.execute(query("statement_manifests/newest"), {"close_id": close_id}).fetchone()
    log = store.execute(query("desk_log/head")).fetchone()
    assert newest is not None  # noqa: S101  # each of the two queries gives one row
    assert log is not None  # noqa: S101
    return manifest_content(
        head,
        close_id,
        entries,
        signature=(
            None if signer is None else b64encode(signer.sign_detached(head.content)).decode()
        ),
        previous_sha256=newest["previous_sha256"],
        log_entry_count=log["entry_count"],
        log_sha256=log["sha256"],
        after_rejection=None if answered is None else answered["decision_id"],
    )


def _facts(row: DictRow) -> Entry:
    return {name: value for name, value in row.items() if name not in _HOLDER}


_HOLDER = frozenset({"account_number", "holder_name"})


def _summary(object_name: str, manifest: ManifestDocument) -> Manifest:
    if manifest.head is None:
        raise NoManifest(f"the manifest {object_name} has no root")
    document_count = sum(entry["sha256"] is not None for entry in manifest.entries)
    return Manifest(
        object_name,
        manifest.sha256,
        manifest.head.root,
        document_count,
        len(manifest.entries) - document_count,
    )
