"""The plan of a month's ZIP: how many bytes its files have, block by block of its manifest.

A ZIP of 200,000 statements begins at once, and is resumed at any byte, since the plan says which
block of the manifest a byte belongs to. The plan is written with the manifest. It is not trusted: a
block's entries must have the hash that leads to the root of the manifest, and the files must have
the sizes of the plan.
"""

import csv
import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from io import StringIO
from typing import Any, Self
from zlib import crc32

from closebook.keys import Key, file_part
from closebook.statements import merkle
from closebook.statements.formats.statement_csv import text_cell
from closebook.statements.manifest_document import ManifestDocument, TreeHead, proof_content
from closebook.statements.manifest_entries import Entry, NoManifest, tree_of
from closebook.statements.manifest_parts import PART_ENTRIES

BLOCK_ENTRIES = PART_ENTRIES
"""A power of two: so the entries of a block have one node of the manifest's tree."""

PDF, PROOF, CAMT053, CSV = "pdf", "proof.json", "xml", "csv"
KINDS = (PDF, PROOF, CAMT053, CSV)
"""The files of a statement in a ZIP, by the ends of their names, in their order."""
TWINS: Mapping[str, str] = {CAMT053: "application/xml", CSV: "text/csv"}
"""The media types of the files that a ZIP has only if somebody asks for them."""

INDEX_FORMS = ("csv", "json")
INDEX_STARTS = {
    "csv": b"file,account,number,currency,month,version,sha256\r\n",
    "json": b"[\n",
}
INDEX_ENDS = {"csv": b"", "json": b"\n]\n"}

_ENTRIES = re.compile(rb'"statements"\s*:\s*\[\s*')
_BETWEEN = re.compile(rb"\s*,?\s*")
_LONGEST_NUMBER = 60
_ANY_ROOT = "0" * 64


@dataclass(frozen=True, slots=True)
class Listed:
    """A statement of a ZIP, with the sizes of its PDF and of its twins by media type."""

    account_id: Key
    account_number: str
    currency: str
    month: str
    version: int
    sha256: str
    byte_count: int
    twin_bytes: Mapping[str, int]

    @property
    def stem(self) -> str:
        """The names of the statement's files without their ends.

        The account's number comes first, and its key makes the name unique.
        """
        # No "_" can be in the number: so no two statements have the same name.
        number = "".join(each if each.isalnum() or each == "." else "-" for each in _short(self))
        return (
            f"statement-{self.month}-{number}_{file_part(self.account_id)}"
            f"-{self.currency}-v{self.version}."
        )

    @property
    def _columns(self) -> dict[str, object]:
        return {
            "file": self.stem + PDF,
            "account": self.account_id,
            "number": self.account_number,
            "currency": self.currency,
            "month": self.month,
            "version": self.version,
            "sha256": self.sha256,
        }

    @property
    def csv_line(self) -> bytes:
        """The statement's line of the index as CSV."""
        line = StringIO()
        csv.writer(line, quoting=csv.QUOTE_ALL).writerow(
            [text_cell(str(each)) for each in self._columns.values()]
        )
        return line.getvalue().encode()

    @property
    def json_line(self) -> bytes:
        """The statement's line of the index as JSON."""
        return json.dumps(self._columns).encode()


def listed_from(row: Mapping[str, Any], month: str) -> Listed:
    """Return the statement of a row with its number, version, PDF and ``twin_bytes``."""
    return Listed(
        row["account_id"],
        row["account_number"],
        row["currency"],
        month,
        row["statement_version"],
        row["sha256"],
        row["byte_count"],
        row["twin_bytes"],
    )


def head_of(manifest: ManifestDocument) -> TreeHead:
    """Return what the proofs of a manifest lead to. One of an old format has an empty root."""
    return manifest.head or TreeHead(manifest.month, "", len(manifest.entries))


def _short(listed: Listed) -> str:
    return listed.account_number[-_LONGEST_NUMBER:].strip(". ")


def index_parts(form: str, listed: Sequence[Listed], *, is_first: bool) -> bytes:
    """Return the lines of some statements in the index, as CSV or as JSON."""
    if form == "csv":
        return b"".join(each.csv_line for each in listed)
    lines = b",\n".join(each.json_line for each in listed)
    return lines if is_first or not lines else b",\n" + lines


@dataclass(frozen=True, slots=True)
class Size:
    """Some files of a ZIP: how many, the bytes of their names, and the bytes of their contents."""

    file_count: int = 0
    name_bytes: int = 0
    content_bytes: int = 0

    def __add__(self, other: "Size") -> "Size":
        return Size(
            self.file_count + other.file_count,
            self.name_bytes + other.name_bytes,
            self.content_bytes + other.content_bytes,
        )


@dataclass(frozen=True, slots=True)
class PlanBlock:
    """Up to 256 entries of a manifest, as the bytes of a document from ``first_byte`` on.

    ``object_name`` is that of the part of the manifest that has them; without it they are in the
    manifest's own document. ``node`` is their node of the manifest's tree. ``sizes`` is of their
    files by kind, and ``index_bytes`` of their lines in the index by form.
    """

    first_entry: int
    entry_count: int
    first_byte: int
    byte_count: int
    node: str
    sizes: Mapping[str, Size]
    index_bytes: Mapping[str, int]
    object_name: str | None = None

    @classmethod
    def read(cls, stored: Mapping[str, Any]) -> Self:
        """Return a block that was stored as `ZipPlan.content` has it."""
        sizes = {kind: Size(**size) for kind, size in stored["sizes"].items()}
        return cls(**{**stored, "sizes": sizes})

    def entries(self, month: str, content: bytes) -> list[Entry]:
        """Return the entries that these bytes of the manifest hold.

        Raises NoManifest if they are not the entries of the block's node.
        """
        try:
            found: list[Entry] = json.loads(b"[" + content + b"]")
        except ValueError:
            found = []
        # guard: zip.entries-have-their-node
        if len(found) != self.entry_count or tree_of(month, found).root.hex() != self.node:
            raise NoManifest("the entries of the manifest do not have the node of their block")
        return found

    def files(self, *, with_twins: bool) -> Size:
        """Return the size of the block's files."""
        kinds = [kind for kind in KINDS if with_twins or kind not in TWINS]
        return sum((self.sizes.get(kind, Size()) for kind in kinds), Size())


@dataclass(frozen=True, slots=True)
class ZipPlan:
    """The blocks of a manifest, and the CRC-32 of the index by form."""

    blocks: Sequence[PlanBlock]
    index_crc32: Mapping[str, int]

    @property
    def content(self) -> dict[str, Any]:
        """The plan as JSON values, as the register keeps it."""
        return asdict(self)

    @classmethod
    def read(cls, stored: Mapping[str, Any]) -> Self:
        """Return a plan that was stored as `content` has it."""
        blocks = [PlanBlock.read(each) for each in stored["blocks"]]
        return cls(blocks, stored["index_crc32"])

    @property
    def upper_tree(self) -> merkle.Tree:
        """The manifest's tree above the nodes of the blocks. Its root is the manifest's."""
        return merkle.Tree([bytes.fromhex(each.node) for each in self.blocks])

    @property
    def entry_count(self) -> int:
        """How many statements the manifest lists, with a document or without."""
        return sum(each.entry_count for each in self.blocks)

    @property
    def document_count(self) -> int:
        """How many statements have a document."""
        return sum(each.sizes[PDF].file_count for each in self.blocks)

    def index_bytes(self, form: str) -> int:
        """Return the size of the index in one form."""
        lines = sum(each.index_bytes[form] for each in self.blocks)
        return len(INDEX_STARTS[form]) + lines + len(INDEX_ENDS[form])


ListedOf = Callable[[Sequence[Entry]], Sequence[Listed]]


class PlanMaker:
    """Makes the plan of a manifest from its blocks, which are added in their order.

    The length of a proof depends on its entry, its place and the signature, and not on the value of
    the root, which is known at the end only. A manifest of an old format has no proofs.
    """

    def __init__(self, month: str, tree_size: int, *, has_proofs: bool = True) -> None:
        self._head = TreeHead(month, _ANY_ROOT if has_proofs else "", tree_size)
        self._blocks: list[PlanBlock] = []
        self._sums = {form: crc32(INDEX_STARTS[form]) for form in INDEX_FORMS}
        self._is_first = True
        self._entry_count = 0

    def add(
        self,
        content: bytes,
        listed_of: ListedOf,
        object_name: str | None = None,
    ) -> None:
        """Add the blocks of a document: of a manifest, or of the part with this name."""
        for entries, first_byte, end in _blocks(content):
            listed = listed_of(entries)
            parts = {
                form: index_parts(form, listed, is_first=self._is_first) for form in INDEX_FORMS
            }
            self._sums = {form: crc32(parts[form], self._sums[form]) for form in INDEX_FORMS}
            self._is_first = self._is_first and not listed
            first_entry = self._entry_count
            self._entry_count += len(entries)
            self._blocks.append(
                PlanBlock(
                    first_entry,
                    len(entries),
                    first_byte,
                    end - first_byte,
                    tree_of(self._head.month, entries).root.hex(),
                    _sizes(entries, first_entry, listed, self._head),
                    {form: len(part) for form, part in parts.items()},
                    object_name,
                )
            )

    def plan(self, signature: str | None) -> ZipPlan:
        """Return the plan, with proofs that have this signature of the root."""
        more = len(json.dumps(signature)) - len(json.dumps(None))
        blocks = [replace(each, sizes=_with_signature(each.sizes, more)) for each in self._blocks]
        ends = {form: crc32(INDEX_ENDS[form], self._sums[form]) for form in INDEX_FORMS}
        return ZipPlan(blocks, ends)


def make_plan(
    content: bytes, head: TreeHead, signature: str | None, listed_of: ListedOf
) -> ZipPlan:
    """Return the plan for the document of a manifest that has its entries in itself.

    ``listed_of`` returns the statements of those of some entries that have a document. A manifest
    of an old format states no root and gives no proofs: its ``head`` has an empty root.
    """
    maker = PlanMaker(head.month, head.tree_size, has_proofs=bool(head.root))
    maker.add(content, listed_of)
    return maker.plan(signature)


def listed_of_rows(rows: Iterable[Mapping[str, Any]], month: str) -> ListedOf:
    """Return a function from entries to their statements, which it makes from these rows."""
    of_key = {(row["account_id"], row["currency"]): row for row in rows}

    def listed_of(entries: Sequence[Entry]) -> list[Listed]:
        keys = [(each["account_id"], each["currency"]) for each in entries if each["sha256"]]
        return [listed_from(of_key[key], month) for key in keys]

    return listed_of


def plan_of_rows(content: bytes, rows: Iterable[Mapping[str, Any]]) -> ZipPlan:
    """Return the plan for the document of a manifest that was made of these rows."""
    manifest = ManifestDocument.read(content)
    listed_of = listed_of_rows(rows, manifest.month)
    return make_plan(content, head_of(manifest), manifest.signature, listed_of)


def _sizes(
    entries: Sequence[Entry],
    first_entry: int,
    listed: Sequence[Listed],
    head: TreeHead,
) -> dict[str, Size]:
    sizes: dict[str, Size] = {kind: Size() for kind in KINDS}
    with_document = [place for place, entry in enumerate(entries) if entry["sha256"] is not None]
    for place, statement in zip(with_document, listed, strict=True):
        stem_bytes = len(statement.stem.encode())
        index = first_entry + place
        contents = {PDF: statement.byte_count} | {
            kind: statement.twin_bytes[media_type]
            for kind, media_type in TWINS.items()
            if media_type in statement.twin_bytes
        }
        if head.root:
            # All hashes of the path have the same number of digits.
            path = [b"\0" * 32] * merkle.path_length(index, head.tree_size)
            contents[PROOF] = len(proof_content(head, None, entries[place], index, path))
        for kind, byte_count in contents.items():
            sizes[kind] += Size(1, stem_bytes + len(kind), byte_count)
    return sizes


def _with_signature(sizes: Mapping[str, Size], more: int) -> dict[str, Size]:
    """Return sizes with ``more`` bytes in each proof."""
    proofs = sizes[PROOF]
    return {**sizes, PROOF: proofs + Size(content_bytes=more * proofs.file_count)}


def _blocks(content: bytes) -> Iterator[tuple[list[Entry], int, int]]:
    """Yield the entries of a manifest block by block, with their first byte and their end."""
    # JSON of a manifest is ASCII: a place in the text is a place in the bytes.
    start = _ENTRIES.search(content)
    if start is None:
        raise NoManifest("the document is no manifest of a month")
    text, place = content.decode("ascii"), start.end()
    decoder = json.JSONDecoder()
    entries: list[Entry] = []
    first_byte = end = place
    while text[place] != "]":
        entry, end = decoder.raw_decode(text, place)
        entries.append(entry)
        between = _BETWEEN.match(content, end)
        place = end if between is None else between.end()
        if len(entries) == BLOCK_ENTRIES:
            yield entries, first_byte, end
            entries, first_byte = [], place
    if entries:
        yield entries, first_byte, end
