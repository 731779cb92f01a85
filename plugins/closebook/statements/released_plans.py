"""The plan of a released month's ZIP, compared with the manifest that was released."""

import json
import re
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from threading import Lock
from typing import Any
from weakref import WeakValueDictionary
from zlib import crc32

from closebook.statements import merkle
from closebook.statements.document_store import DocumentStore, sha256_of_name
from closebook.statements.manifest_document import (
    FORMAT,
    FORMAT_OF_PARTS,
    ManifestDocument,
    TreeHead,
)
from closebook.statements.manifest_entries import Entry, NoManifest
from closebook.statements.manifest_parts import ListedPart
from closebook.statements.zip_plan import Listed, ZipPlan, head_of, make_plan

_BEFORE_ENTRIES = re.compile(rb'"statements"\s*:\s*\[')
_MOST_KNOWN = 8

Row = Mapping[str, Any]


@dataclass(frozen=True)
class ReleasedPlan:
    """A plan whose nodes lead to the root of the released manifest, and what its proofs need.

    ``byte_count`` and ``crc32`` are of the manifest's document, ``parts`` what it lists as parts.
    """

    plan: ZipPlan
    head: TreeHead
    signature: str | None
    byte_count: int
    crc32: int
    parts: tuple[ListedPart, ...] = ()

    @cached_property
    def upper_tree(self) -> merkle.Tree:
        """The manifest's tree above the nodes of the blocks."""
        return self.plan.upper_tree


_known: OrderedDict[str, ReleasedPlan] = OrderedDict()
_keeping = Lock()
# One of each manifest: while the plan of an old release is made, the ZIPs of others begin.
_makings: WeakValueDictionary[str, Lock] = WeakValueDictionary()


def released_plan(
    documents: DocumentStore, release: Row, listed_of: Callable[[Sequence[Entry]], list[Listed]]
) -> ReleasedPlan:
    """Return the plan of a release. The last few of this process are kept, of 60 kB each.

    A release from before there were plans gets one from its manifest, which is read as a whole for
    that; ``listed_of`` returns the statements of some of its entries. Raises WrongData if the
    document store does not have the manifest with the released hash, or if the plan is of others.
    """
    digest, object_name = release["manifest_sha256"], release["manifest_object_name"]
    if sha256_of_name(object_name) != digest:  # guard: released.plan-has-the-released-hash
        raise NoManifest(f"the month's manifest is {object_name}, and {digest} was released")
    with _keeping:
        making = _makings.setdefault(digest, Lock())
    with making:
        found = _known.get(digest)
        if found is None:
            if release["plan"] is None:
                found = _made(documents, object_name, listed_of)
            else:
                found = _compared(documents, object_name, ZipPlan.read(release["plan"]))
        with _keeping:
            _known[digest] = found
            _known.move_to_end(digest)
            while len(_known) > _MOST_KNOWN:
                _known.popitem(last=False)
    return found


def _made(
    documents: DocumentStore,
    object_name: str,
    listed_of: Callable[[Sequence[Entry]], list[Listed]],
) -> ReleasedPlan:
    content = documents.read(object_name)
    manifest = ManifestDocument.read(content, documents.read)
    head = head_of(manifest)
    plan = make_plan(content, head, manifest.signature, listed_of)
    return ReleasedPlan(plan, head, manifest.signature, len(content), crc32(content))


def _compared(documents: DocumentStore, object_name: str, plan: ZipPlan) -> ReleasedPlan:
    """Return a plan that was stored, once all of the manifest was read and has its hash."""
    start, sum_of_all, byte_count = b"", 0, 0
    is_open = True
    for piece in documents.pieces(object_name):
        sum_of_all, byte_count = crc32(piece, sum_of_all), byte_count + len(piece)
        if is_open:
            start += piece
            found = _BEFORE_ENTRIES.search(start)
            if found is not None:
                start, is_open = start[: found.end()], False
    # A manifest of parts is small, and has no entries after which to stop.
    stated = json.loads(start if is_open else start + b"]}")
    root = plan.upper_tree.root.hex()
    is_known = stated.get("format") in {FORMAT, FORMAT_OF_PARTS}
    # guard: released.plan-leads-to-the-root
    if not is_known or stated.get("root") != root:
        raise NoManifest("the plan of the ZIP is of another manifest than was released")
    head = TreeHead(str(stated["month"]), root, plan.entry_count)
    parts = tuple(map(ListedPart.read, stated.get("parts", ())))
    return ReleasedPlan(plan, head, stated.get("signature"), byte_count, sum_of_all, parts)
