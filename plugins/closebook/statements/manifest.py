"""Write the manifest: the list of a month's statements with the sha256 of each document."""

import logging
from base64 import b64encode
from collections.abc import Sequence
from dataclasses import asdict, dataclass

from psycopg.rows import DictRow
from psycopg.types.json import Jsonb

from closebook.errors import WrongData
from closebook.keys import Key, label
from closebook.settings import Run, Settings
from closebook.sql import query
from closebook.statements.document_store import DocumentStore
from closebook.statements.manifest_document import (
    ManifestDocument,
    TreeHead,
    manifest_content,
)
from closebook.statements.manifest_entries import NoManifest, entry_facts
from closebook.statements.manifest_parts import ListedParts, folder_of
from closebook.statements.part_listing import MonthListing, list_month
from closebook.statements.signing.key_loader import load_signer
from closebook.statements.signing.signer import Signer
from closebook.statements.statement_reader import read_closed_month
from closebook.store.session import Store, on_store

logger = logging.getLogger(__name__)

NAMED_ACCOUNTS = 20


@dataclass(frozen=True)
class Manifest:
    """A manifest that was written: its object name and sha256, and how many documents it lists.

    ``root_sha256`` is the root of its entries. ``exception_count`` is the number of accounts that
    have no document for a reason that is on record, and ``missing_count`` the number of statements
    that have none without such a reason.
    """

    object_name: str
    sha256: str
    root_sha256: str
    document_count: int
    missing_count: int
    exception_count: int


def write_manifest(settings: Settings, close_id: int, run: Run) -> Manifest:
    """Write the manifest of a month, store it with the documents, and register it.

    The manifest lists every statement of the month with its document, and the month's exceptions
    with their reasons. It is made from parts, of which each is written once: by the task of a shard
    where all of its statements have documents, and by this task otherwise. So a task that is run
    again continues where it stopped. A
    manifest that would list the same as the newest one of the close is not written again. Each
    manifest names the one before it and the end of the desk's log, so that the document store keeps
    both outside of the database. Raises WrongData when a document is missing from the document
    store, or was changed.
    """
    documents = DocumentStore(settings.documents_url)
    with on_store(settings) as store:
        store.autocommit = True
        month = read_closed_month(store, close_id)
        for folder in (f"statements/{month.label}", folder_of(month.label)):
            documents.remove_partial_files(folder)
        listing = list_month(store, documents, month, close_id, run)
        signer = load_signer(settings.signing_key)
        with store.transaction():
            exceptions = store.execute(
                query("manifest_exceptions/of_close"), {"close_id": close_id}
            ).fetchall()
            rejected = store.execute(
                query("statement_decisions/last_rejection"), {"close_id": close_id}
            ).fetchone()
            # A run with a reason writes another manifest for a rejected month, so that it can be
            # decided again.
            # guard: release.rejected-month-is-shown-again-with-a-reason
            answered_rejection = rejected if run.reason is not None else None
            store.execute(query("statement_manifests/lock"))
            manifest = _unchanged(
                store, documents, close_id, listing.entries, exceptions, answered_rejection
            )
            signature: str | None = None
            if manifest is None:
                head = _head(month.label, listing.entries)
                signature = _signature(signer, head)
                content = _content(
                    store, head, signature, close_id, listing, exceptions, answered_rejection
                )
                stored = documents.put(content, folder=f"manifests/{month.label}", suffix="json")
                manifest = _summary(
                    stored.object_name, ManifestDocument.read(content, documents.read)
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
                    "currencies": [each["currency"] for each in exceptions],
                    "reasons": [each["reason"] for each in exceptions],
                }
                store.execute(query("manifest_exceptions/insert"), listed)
                plan = listing.plan_maker.plan(signature)
                store.execute(
                    query("statement_manifests/insert_zip_plan"),
                    {"manifest_id": written["manifest_id"], "plan": Jsonb(plan.content)},
                )
    return manifest


def refuse_exceptions(
    settings: Settings, close_id: int, account_ids: Sequence[Key] | None = None
) -> None:
    """Raise WrongData, naming the accounts, if the month's manifest does not list all documents.

    ``account_ids`` are the accounts that the run was for; None means all. After a run for some
    accounts the documents of the others may be missing: this is a warning in the log. But a missing
    document of a corrected statement is an error: the month cannot be released without it.
    """
    with on_store(settings) as store:
        month = read_closed_month(store, close_id)
        exceptions = store.execute(
            query("manifest_exceptions/of_close"), {"close_id": close_id}
        ).fetchall()
        latest = store.execute(
            query("statement_manifests/latest"), {"period_start": month.start}
        ).fetchone()
        without = store.execute(
            query("statement_versions/without_document"), {"close_id": close_id}
        ).fetchall()
    missing_count = 0 if latest is None else latest["missing_count"]
    corrected = [row for row in without if row["is_corrected"]]
    # guard: issue.correction-is-complete
    if corrected and account_ids is not None and not exceptions:
        raise WrongData(
            "CB-DATA-CORRECTION-INCOMPLETE",
            f"{month}: {corrected[0]['corrected_count']} corrected statements have no document, "
            f"since the run was for other accounts: {_named(corrected)}; the month cannot be "
            f"released: trigger monthly_statements with the month {month.label} and an empty field "
            "Accounts, which makes what is missing",
        )
    if missing_count and account_ids is not None and not exceptions:
        logger.warning(
            "%s: %d documents are not made yet, since the run was for %d accounts only, and the "
            "month cannot be released: run it again without Accounts",
            month,
            missing_count,
            len(set(account_ids)),
        )
    elif exceptions or missing_count:
        named = [f"{each['subject']} ({each['reason']})" for each in exceptions[:NAMED_ACCOUNTS]]
        more = ["…"] if len(exceptions) > NAMED_ACCOUNTS else []
        raise WrongData(
            "CB-DATA-MONTH-WITH-EXCEPTIONS",
            f"{month} is issued without {len(exceptions)} accounts, and {missing_count} documents "
            f"are not made yet: {', '.join(named + more) or 'see the log of render_shard'}; the "
            "rest is issued: correct these accounts and run the month again with a reason, or "
            "release the month without them",
        )


def _named(rows: Sequence[DictRow]) -> str:
    names = ", ".join(label(row["account_id"]) for row in rows)
    return names if len(rows) == rows[0]["corrected_count"] else f"{names} …"


def _unchanged(
    store: Store,
    documents: DocumentStore,
    close_id: int,
    entries: ListedParts,
    exceptions: list[DictRow],
    answered_rejection: DictRow | None,
) -> Manifest | None:
    """Return the newest manifest of the close if it lists just these entries and exceptions.

    A manifest that was rejected is not returned to a run with a reason: ``answered_rejection`` is
    the rejection, and only a manifest that was written after it counts. A manifest
    that was written before there were parts has other salts, so the entries are compared without
    them: it must not have to be reviewed again.
    """
    newest = store.execute(query("statement_manifests/newest"), {"close_id": close_id}).fetchone()
    if newest is None or newest["object_name"] is None:
        return None
    try:
        manifest = ManifestDocument.read(documents.read(newest["object_name"]), documents.read)
        if manifest.head is None:
            return None
        if (
            answered_rejection is not None
            and manifest.after_rejection != answered_rejection["decision_id"]
        ):
            return None
        # guard: exceptions.others-make-another-manifest
        if list(manifest.exceptions) != exceptions:
            return None
        is_same = manifest.head == _head(manifest.month, entries) or (
            len(manifest.entries) == len(entries)
            and all(
                entry_facts(old) == entry_facts(new)
                for old, new in zip(manifest.entries, entries, strict=True)
            )
        )
        return _summary(newest["object_name"], manifest) if is_same else None
    except WrongData:
        return None


def _head(month: str, entries: ListedParts) -> TreeHead:
    return TreeHead(month, entries.upper_tree.root.hex(), len(entries))


def _signature(signer: Signer | None, head: TreeHead) -> str | None:
    return None if signer is None else b64encode(signer.sign_detached(head.content)).decode()


def _content(
    store: Store,
    head: TreeHead,
    signature: str | None,
    close_id: int,
    listing: MonthListing,
    exceptions: list[DictRow],
    answered_rejection: DictRow | None,
) -> bytes:
    newest = store.execute(query("statement_manifests/newest"), {"close_id": close_id}).fetchone()
    log = store.execute(query("desk_log/head")).fetchone()
    assert newest is not None  # noqa: S101  # each of the two queries gives one row
    assert log is not None  # noqa: S101
    return manifest_content(
        head,
        close_id,
        listing.entries,
        exceptions,
        signature=signature,
        previous_sha256=newest["previous_sha256"],
        log_entry_count=log["entry_count"],
        log_sha256=log["sha256"],
        after_rejection=None if answered_rejection is None else answered_rejection["decision_id"],
    )


def _summary(object_name: str, manifest: ManifestDocument) -> Manifest:
    if manifest.head is None:
        raise NoManifest(f"the manifest {object_name} has no root")
    return Manifest(
        object_name,
        manifest.sha256,
        manifest.head.root,
        manifest.document_count,
        manifest.missing_count,
        len(manifest.exceptions),
    )
