"""The manifest as a document: one entry for each statement of a month, and the root of them all.

The root is that of a Merkle tree whose leaves are the entries. So one statement can be proved to be
in a released month by its entry and an audit path, which show no other account. The manifest of a
large month lists parts, which have the entries: the root and the proofs are the same. Manifests
that were written before there was a root have a list of entries only, and can still be read.
"""

import json
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256
from typing import Any, Self

from closebook.keys import Key
from closebook.statements import merkle
from closebook.statements.manifest_entries import (
    Entry,
    NoManifest,
    canonical,
    is_entry,
    leaf_of,
    tree_of,
)
from closebook.statements.manifest_parts import ListedPart, ListedParts, PartReader

FORMAT = "closebook manifest 2"
"""The format of a manifest that has its entries in itself, and of what a signature covers."""
FORMAT_OF_PARTS = "closebook manifest 3"
"""The format of a manifest whose entries are in parts."""
MOST_ENTRIES_IN_ONE = 16_384
"""A manifest with more entries than this, which are 12 MB, has them in parts."""
PROOF_FORMAT = "closebook proof 1"
LARGEST_PROOF_BYTES = 64 * 1024

_MAX_LEVELS = 64
_HEX_DIGITS = 64

ManifestException = Mapping[str, str]
"""A statement that has no document: its account ``subject``, ``currency``, and ``reason``.

The currency is empty for all statements of the account, as older manifests mean it.
"""


@dataclass(frozen=True)
class TreeHead:
    """What is published and signed of a month: the root of its entries, and their number."""

    month: str
    root: str
    tree_size: int

    @property
    def content(self) -> bytes:
        """The bytes that a signature of the manifest covers."""
        return canonical(
            {"format": FORMAT, "month": self.month, "root": self.root, "tree_size": self.tree_size}
        )


@dataclass(frozen=True)
class ManifestDocument:
    """A manifest that was read. ``sha256`` is that of the whole document.

    ``head`` is None for a manifest from before there was a root, as is ``signature`` (CMS,
    detached, in base64) for one that is not signed. ``log_entry_count`` and ``log_sha256`` are the
    desk's log as it was when the manifest was written, and ``previous_sha256`` is the manifest
    that was written before. ``after_rejection`` is the rejection after which it is shown again.
    ``exceptions`` are the accounts that have no document, for a reason that is on record; they are
    not among the entries, or are there without a document. If a manifest has parts, its ``entries``
    are read from them when they are needed.
    """

    sha256: str
    month: str
    close_id: int | None
    entries: Sequence[Entry]
    head: TreeHead | None = None
    signature: str | None = None
    previous_sha256: str | None = None
    log_entry_count: int | None = None
    log_sha256: str | None = None
    after_rejection: int | None = None
    exceptions: tuple[ManifestException, ...] = ()

    @classmethod
    def read(cls, content: bytes, read_part: PartReader | None = None) -> Self:
        """Return the manifest. Raises NoManifest if it is none, or has not the root it states.

        ``read_part`` returns the document of a part by its object name. Without it the
        entries of a manifest with parts cannot be read.
        """
        entries: Sequence[Entry]
        try:
            manifest = json.loads(content)
            month = str(manifest["month"])
            exceptions = tuple(
                {
                    "subject": str(each["subject"]),
                    # Without one, as older manifests are, it is for all currencies.
                    "currency": str(each.get("currency", "")),
                    "reason": str(each["reason"]),
                }
                for each in manifest.get("exceptions", ())
            )
            if manifest.get("format") == FORMAT_OF_PARTS:
                parts = [ListedPart.read(each) for each in manifest["parts"]]
                entries, is_complete = ListedParts(month, parts, read_part), True
            else:
                entries = tuple(manifest["statements"])
                is_complete = all(map(is_entry, entries))
        except (ValueError, TypeError, LookupError, AttributeError, RecursionError):
            is_complete = False
        if not is_complete:
            raise NoManifest("the document is no manifest of a month")
        digest = sha256(content).hexdigest()
        close_id = manifest.get("close_id")
        if "format" not in manifest:
            return cls(digest, month, close_id, entries, exceptions=exceptions)
        if manifest["format"] not in {FORMAT, FORMAT_OF_PARTS}:
            raise NoManifest("the manifest has a format that this version does not know")
        tree = entries.upper_tree if isinstance(entries, ListedParts) else tree_of(month, entries)
        head = TreeHead(month, tree.root.hex(), len(entries))
        if manifest.get("root") != head.root:  # guard: manifest.root-is-of-its-entries
            raise NoManifest("the manifest's entries do not have the root that it states")
        log = manifest.get("desk_log") or {}
        return cls(
            digest,
            month,
            close_id,
            entries,
            head,
            manifest.get("signature"),
            manifest.get("previous_sha256"),
            log.get("entry_count"),
            log.get("sha256"),
            manifest.get("after_rejection"),
            exceptions,
        )

    @property
    def document_count(self) -> int:
        """How many statements have a document."""
        if isinstance(self.entries, ListedParts):
            return sum(each.document_count for each in self.entries.parts)
        return sum(entry["sha256"] is not None for entry in self.entries)

    @property
    def missing_count(self) -> int:
        """How many statements have no document, and are no exception."""
        excepted = {(each["subject"], each["currency"]) for each in self.exceptions}
        entries = self.entries
        return sum(
            entry["sha256"] is None
            and not _is_excepted(entry, excepted)  # guard: exceptions.have-a-reason
            for entry in (entries.with_missing() if isinstance(entries, ListedParts) else entries)
        )

    @property
    def held_count(self) -> int:
        """How many entries it has in memory: none if they are in parts."""
        return 0 if isinstance(self.entries, ListedParts) else len(self.entries)

    @cached_property
    def tree(self) -> merkle.Tree:
        """The tree over the entries, in their order."""
        return tree_of(self.month, self.entries)

    @cached_property
    def _places(self) -> dict[tuple[Key, str], int]:
        return {
            (entry["account_id"], entry["currency"]): place
            for place, entry in enumerate(self.entries)
        }

    def _place_of(self, account_id: Key, currency: str) -> int | None:
        if isinstance(self.entries, ListedParts):
            return self.entries.place_of(account_id, currency)
        return self._places.get((account_id, currency))

    def entry(self, account_id: Key, currency: str) -> Entry | None:
        """Return the entry of an account and currency, or None."""
        place = self._place_of(account_id, currency)
        return None if place is None else self.entries[place]

    def proof(self, account_id: Key, currency: str) -> bytes | None:
        """Return the proof of one statement, or None if the manifest gives none.

        The proof has the entry of this statement alone. The hashes of its audit path cannot be
        guessed, since each entry has a salt.
        """
        place = self._place_of(account_id, currency)
        if place is None or self.head is None:
            return None
        tree = self.entries if isinstance(self.entries, ListedParts) else self.tree
        path = tree.audit_path(place)
        return proof_content(self.head, self.signature, self.entries[place], place, path)


def proof_content(
    head: TreeHead, signature: str | None, entry: Entry, index: int, path: Sequence[bytes]
) -> bytes:
    """Return the proof of the entry at ``index`` (from 0), with its audit path."""
    content = {
        "format": PROOF_FORMAT,
        "month": head.month,
        "statement": entry,
        "index": index,
        "tree_size": head.tree_size,
        "path": [each.hex() for each in path],
        "root": head.root,
        "signature": signature,
    }
    return json.dumps(content, sort_keys=True).encode()


@dataclass(frozen=True)
class Proof:
    """A proof that was read, and that leads to its root. Nothing says yet that the root is ours."""

    entry: Entry
    head: TreeHead
    signature: str | None

    @classmethod
    def read(cls, content: bytes) -> Self:
        """Return the proof. Raises NoManifest if it is none, or does not lead to its root."""
        if len(content) > LARGEST_PROOF_BYTES:
            raise NoManifest("the proof is larger than any proof is")
        try:
            proof = json.loads(content)
            path = [bytes.fromhex(each) for each in proof["path"]]
            head = TreeHead(str(proof["month"]), str(proof["root"]), int(proof["tree_size"]))
            entry, index = dict(proof["statement"]), int(proof["index"])
            is_complete = (
                proof["format"] == PROOF_FORMAT
                and is_entry(entry)
                and len(path) <= _MAX_LEVELS
                and all(len(each) == sha256().digest_size for each in path)
            )
            signature = proof.get("signature")
        except (ValueError, TypeError, LookupError, AttributeError, RecursionError):
            is_complete = False
        if not is_complete:
            raise NoManifest("the document is no proof of a statement")
        found = merkle.root_from_path(leaf_of(head.month, entry), index, head.tree_size, path)
        if found is None or found.hex() != head.root:  # guard: proof.leads-to-its-root
            raise NoManifest("the proof does not lead to the root that it states")
        return cls(entry, head, signature if isinstance(signature, str) else None)


def _is_excepted(entry: Entry, excepted: Set[tuple[str, str]]) -> bool:
    account = str(entry["account_id"])
    return not excepted.isdisjoint({(account, ""), (account, entry["currency"])})


def is_sha256(text: object) -> bool:
    """Return whether a text is a sha256 in lower-case hexadecimal digits."""
    return (
        isinstance(text, str)
        and len(text) == _HEX_DIGITS
        and all(digit in "0123456789abcdef" for digit in text)
    )


def manifest_content(
    head: TreeHead,
    close_id: int,
    entries: Sequence[Entry],
    exceptions: Sequence[ManifestException],
    *,
    signature: str | None,
    previous_sha256: str | None,
    log_entry_count: int,
    log_sha256: str,
    after_rejection: int | None = None,
) -> bytes:
    """Return the document of a manifest, which has the entries or lists their parts."""
    content: dict[str, Any] = {
        "format": FORMAT,
        "month": head.month,
        "close_id": close_id,
        "exceptions": exceptions,
        "root": head.root,
        "signature": signature,
        "previous_sha256": previous_sha256,
        "desk_log": {"entry_count": log_entry_count, "sha256": log_sha256},
    }
    if isinstance(entries, ListedParts) and len(entries) > MOST_ENTRIES_IN_ONE:
        content["format"] = FORMAT_OF_PARTS
        content["parts"] = [each.content for each in entries.parts]
    else:
        content["statements"] = [*entries]
    if after_rejection is not None:
        content["after_rejection"] = after_rejection
    return json.dumps(content, indent=1, sort_keys=True).encode()
