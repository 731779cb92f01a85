"""Anchors of the desk's log in the document store: its end, kept outside of the database.

Whoever has the rights of the database's owner can write the log again, with hashes that match. The
anchors show it: each manifest has the end of the log, and a task writes an anchor every day.
"""

import json
from collections.abc import Iterator, MutableMapping
from dataclasses import dataclass

from closebook.errors import WrongData
from closebook.settings import Settings
from closebook.settings.store_settings import RegisterSettings
from closebook.sql import query
from closebook.statements.document_store import DocumentStore
from closebook.statements.manifest_document import ManifestDocument, is_sha256
from closebook.store.audit_chain import Anchor
from closebook.store.session import on_store

FOLDER = "log-anchors"
_MANIFESTS = "manifests"
_FORMAT = "closebook log anchor 1"


@dataclass(frozen=True)
class WrittenAnchor:
    """An anchor, and the name of the one that was written before it."""

    anchor: Anchor
    previous: str | None


def write_anchor(settings: Settings | RegisterSettings) -> Anchor:
    """Write the end of the desk's log to the document store, and return it.

    Each anchor names the one before it. An end that has an anchor already gets no second one.
    """
    documents = DocumentStore(settings.documents_url)
    with on_store(settings) as store:
        store.execute(query("statement_manifests/lock"))
        head = store.execute(query("desk_log/head")).fetchone()
        assert head is not None  # noqa: S101  # the query gives one row
        written = sorted(written_anchors(documents), key=lambda anchor: anchor.entry_count)
        for anchor in written:
            if (anchor.entry_count, anchor.sha256) == (head["entry_count"], head["sha256"]):
                return anchor
        content = {
            "format": _FORMAT,
            "entry_count": head["entry_count"],
            "sha256": head["sha256"],
            "previous": written[-1].source if written else None,
        }
        stored = documents.put(
            json.dumps(content, indent=1, sort_keys=True).encode(), folder=FOLDER, suffix="json"
        )
    return Anchor(head["entry_count"], head["sha256"], stored.object_name)


def read_anchors(documents: DocumentStore) -> list[Anchor]:
    """Return all anchors of the document store, those of the manifests too.

    Raises WrongData for an anchor that was changed, that is none, or whose predecessor is missing.
    """
    return [*written_anchors(documents), *_manifest_anchors(documents)]


def written_anchors(
    documents: DocumentStore, known: MutableMapping[str, WrittenAnchor] | None = None
) -> list[Anchor]:
    """Return the anchors that were written by themselves. Raises what ``read_anchors`` raises.

    ``known`` are anchors by their names that were read before: they are not read again. Those that
    are read now are added. A name has the hash of its content, so a known anchor stays right.
    """
    known = {} if known is None else known
    written = []
    for name in documents.names(FOLDER):
        if name not in known:
            known[name] = _written(documents, name)
        written.append(known[name])
    missing = sorted(
        {each.previous for each in written if each.previous is not None}
        - {each.anchor.source for each in written}
    )
    if missing:  # guard: log.anchors-follow
        raise WrongData(
            "CB-DATA-LOG-ANCHOR-MISSING",
            f"the anchor {missing[0]} of the desk's log was removed from the document store: "
            "restore it from a backup",
        )
    return [each.anchor for each in written]


def _written(documents: DocumentStore, name: str) -> WrittenAnchor:
    try:
        content = json.loads(documents.read(name))
        anchor = Anchor(content["entry_count"], content["sha256"], name)
        is_anchor = (
            content["format"] == _FORMAT
            and isinstance(anchor.entry_count, int)
            and is_sha256(anchor.sha256)
        )
        previous = content["previous"]
    except (ValueError, TypeError, LookupError):
        is_anchor = False
    if not is_anchor:
        raise WrongData(
            "CB-DATA-LOG-ANCHOR-UNREADABLE",
            f"{name} is no anchor of the desk's log: keep it as evidence, and look who wrote it",
        )
    return WrittenAnchor(anchor, previous)


def _manifest_anchors(documents: DocumentStore) -> Iterator[Anchor]:
    for name in documents.names(_MANIFESTS):
        manifest = ManifestDocument.read(documents.read(name))
        if manifest.log_entry_count is not None and manifest.log_sha256 is not None:
            yield Anchor(manifest.log_entry_count, manifest.log_sha256, name)
