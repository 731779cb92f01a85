"""The parts of a manifest: documents of 256 entries each. The manifest of a large month lists them.

A part is written once, under its sha256, as soon as its statements have their documents. All parts
but the last have the same number of entries, a power of two. So each part is one node of the
manifest's tree, and the root is computed from the nodes. To find a statement, one part is read.
"""

import json
from bisect import bisect_right
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from hashlib import sha256
from typing import Any, Self, overload

from closebook.keys import Key
from closebook.statements import merkle
from closebook.statements.manifest_entries import Entry, NoManifest, is_entry, tree_of

PART_ENTRIES = 256
"""How many entries a part has: a power of two, so that they make one node of the tree."""

PART_FORMAT = "closebook manifest part 1"
FOLDER = "manifest-parts"

PartReader = Callable[[str], bytes]
"""A function that returns the document with an object name."""


@dataclass(frozen=True, slots=True)
class ListedPart:
    """What a manifest says of a part: its first statement, its counts, its node, its document."""

    account_id: Key
    currency: str
    entry_count: int
    document_count: int
    node: str
    sha256: str
    byte_count: int
    crc32: int

    @property
    def content(self) -> dict[str, Any]:
        """The part as JSON values, as the manifest has it."""
        return asdict(self)

    @classmethod
    def read(cls, stored: Mapping[str, Any]) -> Self:
        """Return a part as `content` has it.

        Raises NoManifest, ValueError or TypeError for anything else.
        """
        part = cls(**stored)
        is_complete = (
            isinstance(part.account_id, int | str)
            and isinstance(part.currency, str)
            and all(isinstance(each, str) for each in (part.node, part.sha256))
            and len(bytes.fromhex(part.node)) == len(bytes.fromhex(part.sha256)) == 32  # noqa: PLR2004
            and all(isinstance(each, int) for each in (part.byte_count, part.crc32))
            and 0 <= part.document_count <= part.entry_count
        )
        if not is_complete:
            raise NoManifest("what a manifest says of a part is not complete")
        return part

    def object_name(self, month: str) -> str:
        """Return the name of the part's document in the document store."""
        return f"{folder_of(month)}/{self.sha256[:2]}/{self.sha256}.json"


def folder_of(month: str) -> str:
    """Return the folder of the document store that has the parts of a month."""
    return f"{FOLDER}/{month}"


def part_content(month: str, entries: Sequence[Entry]) -> bytes:
    """Return the document of a part."""
    content = {"format": PART_FORMAT, "month": month, "statements": entries}
    return json.dumps(content, indent=1, sort_keys=True).encode()


def entries_of_part(content: bytes, month: str) -> list[Entry]:
    """Return the entries of a part. Raises NoManifest if the document is no part of the month."""
    try:
        part = json.loads(content)
        entries: list[Entry] = part["statements"]
        is_part = (part["format"], part["month"]) == (PART_FORMAT, month)
        is_part = is_part and all(map(is_entry, entries))
    except (ValueError, TypeError, LookupError, RecursionError):
        is_part = False
    if not is_part:
        raise NoManifest(f"a document is no part of the manifest of {month}")
    return entries


class ListedParts(Sequence[Entry]):
    """The entries of a manifest that has them in parts. Each part is read when it is needed."""

    def __init__(self, month: str, parts: Sequence[ListedPart], read: PartReader | None) -> None:
        """Raises NoManifest if the parts are not of one size, a power of two, or not in order."""
        self.parts = tuple(parts)
        self._month, self._read = month, read
        self._keys = [(each.account_id, each.currency) for each in parts]
        self._size = size = parts[0].entry_count if parts else 1
        self._last: tuple[int, list[Entry]] | None = None
        # guard: manifest.parts-are-nodes
        if (
            not all(each.entry_count == size for each in parts[:-1])
            or any(not 0 < each.entry_count <= size for each in parts)
            or (len(parts) > 1 and size & (size - 1))
        ):
            raise NoManifest("the parts of the manifest are not nodes of one tree")
        try:
            is_in_order = all(a < b for a, b in zip(self._keys, self._keys[1:], strict=False))
        except TypeError:
            is_in_order = False
        if not is_in_order:
            raise NoManifest("the parts of the manifest are not in order")

    def __len__(self) -> int:
        return sum(each.entry_count for each in self.parts)

    @overload
    def __getitem__(self, place: int) -> Entry: ...
    @overload
    def __getitem__(self, place: slice) -> Sequence[Entry]: ...
    def __getitem__(self, place: int | slice) -> Entry | Sequence[Entry]:
        if isinstance(place, slice):
            return [self[each] for each in range(*place.indices(len(self)))]
        number, at = divmod(range(len(self))[place], self._size)
        return self.of_part(number)[at]

    def __iter__(self) -> Iterator[Entry]:
        for number in range(len(self.parts)):
            yield from self.of_part(number)

    @cached_property
    def upper_tree(self) -> merkle.Tree:
        """The manifest's tree above the nodes of the parts."""
        return merkle.Tree([bytes.fromhex(each.node) for each in self.parts])

    def of_part(self, number: int) -> list[Entry]:
        """Return the entries of a part. Those of the last one that was read are kept.

        Raises WrongData if its document is missing, NoManifest if it is not the one that the
        manifest lists.
        """
        last = self._last
        if last is not None and last[0] == number:
            return last[1]
        part = self.parts[number]
        if self._read is None:
            raise NoManifest("the parts of the manifest were not given")
        content = self._read(part.object_name(self._month))
        entries = entries_of_part(content, self._month)
        # guard: manifest.part-is-as-listed
        if (
            sha256(content).hexdigest() != part.sha256
            or tree_of(self._month, entries).root.hex() != part.node
            or len(entries) != part.entry_count
            or sum(each["sha256"] is not None for each in entries) != part.document_count
        ):
            raise NoManifest(f"part {number + 1} of the manifest is not the one that it lists")
        self._last = number, entries
        return entries

    def with_missing(self) -> Iterator[Entry]:
        """Yield the entries of the parts in which a statement has no document."""
        for number, part in enumerate(self.parts):
            if part.document_count < part.entry_count:
                yield from self.of_part(number)

    def with_text(self, text: str) -> Iterator[Entry]:
        """Yield the entries of the parts whose documents contain a text of digits and letters.

        Other parts are not parsed, which makes the search ten times as fast.
        """
        for number, part in enumerate(self.parts):
            if self._read is None or text.encode() in self._read(part.object_name(self._month)):
                yield from self.of_part(number)

    def place_of(self, account_id: Key, currency: str) -> int | None:
        """Return the place of an account's entry, or None."""
        try:
            number = bisect_right(self._keys, (account_id, currency)) - 1
        except TypeError:  # a key of another type than those of the manifest
            return None
        if number < 0:
            return None
        for at, entry in enumerate(self.of_part(number)):
            if (entry["account_id"], entry["currency"]) == (account_id, currency):
                return number * self._size + at
        return None

    def audit_path(self, place: int) -> list[bytes]:
        """Return the audit path of an entry (RFC 6962): with it the root is computed."""
        number, at = divmod(place, self._size)
        tree = tree_of(self._month, self.of_part(number))
        return [*tree.audit_path(at), *self.upper_tree.audit_path(number)]
