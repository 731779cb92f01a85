"""Assemble the PDF of a statement from parts: runs of pages that WeasyPrint has drawn.

A part is drawn, written and removed from memory before the next part begins. A long statement
therefore needs the memory of one part. The parts' objects get new numbers and are written one after
the other, and the parts' structure trees become one tree. A tool such as qpdf would lose the tags
of the parts, and would hold the whole tree in memory.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, BinaryIO

from closebook.errors import Misconfigured
from closebook.statements.pdf.attachment import Attachment
from closebook.statements.pdf.object_writer import (
    Deflate,
    ObjectWriter,
    RawSyntax,
    as_small_as_possible,
    reference,
    referenced_numbers,
    serialize,
    text_string,
)
from closebook.statements.pdf.page_roles import (
    CELL_ROLES,
    FULLER_ROLES,
    LINES,
    identifier_of,
    role_of,
)
from closebook.statements.pdf.xmp import DocumentMetadata
from closebook.statements.weasyprint_adapter.color_profile import SRGB_PROFILE_NAME, srgb_profile
from closebook.statements.weasyprint_adapter.drawn_pages import (
    DrawnPages,
    is_stream,
    object_number,
    stream_commands,
    stream_dictionary,
)
from closebook.statements.weasyprint_adapter.font_subset import remove_unused_places
from closebook.statements.weasyprint_adapter.joined_lines import join_lines
from closebook.statements.weasyprint_adapter.structure_tree import (
    complete_glyph_map,
    repair_structure_tree,
)

_BEGINS_A_GLYPH_MAP = b"begincmap"
# This name is in the bytes of documents that were issued: a lost one must be made again as it was.
_PAGE_NUMBER_NAME = "folio"


@dataclass(frozen=True)
class WrittenPages:
    """Pages and structure elements whose objects the caller has written, as references.

    ``identified`` has the elements with a role, by their identifiers. ``content_owners`` has a list
    for each page: the element that owns each marked content.
    """

    pages: Sequence[int]
    before_lines: Sequence[bytes]
    row_groups: Sequence[bytes]
    after_lines: Sequence[bytes]
    identified: Mapping[str, bytes]
    content_owners: Sequence[Sequence[int]]
    bookmarks: Sequence[tuple[str, int]]


class PdfAssembler:
    """Writes a PDF that conforms to PDF/A-3a and PDF/UA-1, part after part."""

    def __init__(self, output: BinaryIO, deflated: Deflate | None = None) -> None:
        self._writer = ObjectWriter(output, deflated)
        self._catalog, self._pages, self._structure_tree, self._document, self._lines_table = (
            self._writer.reserve() for _ in range(5)
        )
        self._page_objects: list[int] = []
        self._before_lines: list[bytes] = []
        self._row_groups: list[bytes] = []
        self._after_lines: list[bytes] = []
        self._bookmarks: list[tuple[str, int]] = []
        self._parent_tree: list[bytes] = []
        self._page_number_objects: list[int] = []
        self._role_counts: Counter[str] = Counter()
        self._identified: dict[str, bytes] = {identifier_of(LINES, 1): reference(self._lines_table)}

    @property
    def writer(self) -> ObjectWriter:
        """The writer of the file's objects."""
        return self._writer

    @property
    def page_tree(self) -> int:
        """The number of the root of the page tree."""
        return self._pages

    @property
    def document(self) -> int:
        """The number of the structure element of the whole document."""
        return self._document

    @property
    def lines_table(self) -> int:
        """The number of the structure element of the table of lines."""
        return self._lines_table

    @property
    def page_count(self) -> int:
        """How many pages have been added so far."""
        return len(self._page_objects)

    def add_pages(
        self,
        part: DrawnPages,
        *,
        bookmarks: Sequence[tuple[str, int]],
        page_number_at: tuple[float, float] | None = None,
    ) -> None:
        """Write the pages and the structure elements of one part.

        ``bookmarks`` are titles, each with the index of its page in the part. ``page_number_at``
        says where ``add_page_numbers`` will put the number of each page, in points from the lower
        left corner; None when the pages have their numbers already.
        """
        remove_unused_places(part)
        elements = repair_structure_tree(part, is_later_part=bool(self._page_objects))
        join_lines(part)
        pages = part.pages
        for index, page in enumerate(pages, start=self.page_count):
            page["StructParents"] = index
            if page_number_at is not None:
                self._reserve_page_number(part, page, page_number_at)
        identified = {self._identify(part, role, cell): cell for role, cell in elements.roles}
        root = part.structure_tree
        known_numbers = {
            part.page_tree.number: self._pages,
            root.number: self._structure_tree,
            object_number(root["K"][0]): self._document,
            object_number(elements.lines_table): self._lines_table,
        }
        new_elements = (elements.before_lines, elements.row_groups, elements.after_lines)
        roots = [page.number for page in pages]
        roots += [object_number(element) for some in new_elements for element in some]
        numbers = self._write_reachable(part, roots, known_numbers)

        first = self.page_count
        self._page_objects += [numbers[page.number] for page in pages]
        self._bookmarks += [(title, first + index) for title, index in bookmarks]
        all_elements = (self._before_lines, self._row_groups, self._after_lines)
        for kept, added in zip(all_elements, new_elements, strict=True):
            kept += [reference(numbers[object_number(element)]) for element in added]
        for identifier, cell in identified.items():
            self._identified[identifier] = reference(numbers[object_number(cell)])
        nums: list[Any] = []
        for index, owners in enumerate(elements.content_owners, start=first):
            nums += [index, [b"null" if owner is None else owner for owner in owners]]
        branch = {"Limits": [first, self.page_count - 1], "Nums": nums}
        number = self._writer.add(serialize(branch, numbers.__getitem__))
        self._parent_tree.append(reference(number))

    def add_written(self, written: WrittenPages) -> None:
        """Add pages whose objects are in the file already: they are all pages of the document."""
        self._page_objects += written.pages
        self._before_lines += written.before_lines
        self._row_groups += written.row_groups
        self._after_lines += written.after_lines
        self._bookmarks += written.bookmarks
        for identifier, element in written.identified.items():
            self._identified[identifier] = element
            self._role_counts[role_of(identifier) or ""] += 1
        nums = b" ".join(
            b"%d [%s]" % (page, b" ".join([b"%d 0 R" % owner for owner in owners]))
            for page, owners in enumerate(written.content_owners)
        )
        branch = b"<</Limits [0 %d]/Nums [%s]>>" % (self.page_count - 1, nums)
        self._parent_tree.append(reference(self._writer.add(branch)))

    def add_page_numbers(self, page_numbers: DrawnPages) -> None:
        """Draw each page of ``page_numbers`` (untagged) where ``add_pages`` left room for it."""
        remove_unused_places(page_numbers)
        new_numbers: dict[int, int] = {}
        for page, new_number in zip(page_numbers.pages, self._page_number_objects, strict=True):
            stream = page_numbers.content_of(page)
            entries = stream_dictionary(stream)
            entries |= {
                "Type": "/XObject",
                "Subtype": "/Form",
                "BBox": page["MediaBox"],
                "Resources": page["Resources"],
            }
            new_numbers[stream.number] = new_number
        self._write_reachable(page_numbers, list(new_numbers), new_numbers, write_known=True)

    def finish(
        self, metadata: DocumentMetadata, attachments: Sequence[Attachment], identifier: bytes
    ) -> None:
        """Write the metadata, the attachments, and the objects that join the parts.

        Raises Misconfigured when a role of CELL_ROLES is missing, because a brand left it out.
        """
        given = {role for role, count in self._role_counts.items() if count}
        given |= {role for fuller, role in FULLER_ROLES.items() if fuller in given}
        missing = [role for role in CELL_ROLES if role not in given]
        if missing:  # guard: brands.what-is-verified-is-on-the-page
            raise Misconfigured(
                "CB-CONFIG-BRAND-ROLE-MISSING",
                f"the brand's page has no cell with data-role={', '.join(missing)}, which "
                "closebook verify compares: give it to the <td> that has the value",
            )
        writer = self._writer
        attached = [reference(each.write(writer, metadata.pdf_date)) for each in attachments]
        names = [text_string(attachment.name) for attachment in attachments]
        color_profile = writer.add_stream(
            _deflated_profile(), b"/N 3/Filter /FlateDecode", compress=False
        )
        objects = {
            self._pages: {
                "Type": "/Pages",
                "Count": self.page_count,
                "Kids": [reference(number) for number in self._page_objects],
            },
            **self._structure_objects(),
            self._catalog: {
                "Type": "/Catalog",
                "Pages": reference(self._pages),
                "Lang": text_string(metadata.language),
                "MarkInfo": {"Marked": "true"},
                "ViewerPreferences": {"DisplayDocTitle": "true"},
                "StructTreeRoot": reference(self._structure_tree),
                "Outlines": reference(self._write_bookmarks()),
                "Metadata": reference(metadata.write_xmp(writer)),
                "OutputIntents": [
                    {
                        "Type": "/OutputIntent",
                        "S": "/GTS_PDFA1",
                        "OutputConditionIdentifier": text_string("sRGB"),
                        "Info": text_string(SRGB_PROFILE_NAME),
                        "DestOutputProfile": reference(color_profile),
                    }
                ],
                "AF": attached,
                "Names": {
                    "EmbeddedFiles": {
                        "Names": [
                            item
                            for pair in sorted(zip(names, attached, strict=True))
                            for item in pair
                        ]
                    }
                },
            },
        }
        # A signature reads and updates these objects: they get an object stream of their own.
        writer.end_object_stream()
        for number, content in objects.items():
            writer.add(serialize(content), number)
        info = metadata.write_info(writer)
        writer.finish(root=self._catalog, info=info, identifier=identifier)

    def _structure_objects(self) -> dict[int, Any]:
        """Return the objects above all structure elements of the parts, by their numbers."""
        return {
            self._structure_tree: {
                "Type": "/StructTreeRoot",
                "K": [reference(self._document)],
                "ParentTree": {"Kids": self._parent_tree},
                "ParentTreeNextKey": self.page_count,
                "IDTree": {
                    "Names": [
                        item
                        for identifier, element in sorted(self._identified.items())
                        for item in (text_string(identifier), element)
                    ]
                },
            },
            self._document: {
                "Type": "/StructElem",
                "S": "/Document",
                "P": reference(self._structure_tree),
                "K": [*self._before_lines, reference(self._lines_table), *self._after_lines],
            },
            self._lines_table: {
                "Type": "/StructElem",
                "S": "/Table",
                "P": reference(self._document),
                "ID": text_string(identifier_of(LINES, 1)),
                "K": self._row_groups,
            },
        }

    def _identify(self, part: DrawnPages, role: str, cell: bytes) -> str:
        """Give a cell the identifier of its role, by which programs find it; return it."""
        self._role_counts[role] += 1
        identifier = identifier_of(role, self._role_counts[role])
        part.at(cell)["ID"] = text_string(identifier)
        return identifier

    def _write_bookmarks(self) -> int:
        writer, outlines = self._writer, self._writer.reserve()
        items = [writer.reserve() for _ in self._bookmarks]
        for index, (title, page) in enumerate(self._bookmarks):
            item = {
                "Title": text_string(title),
                "Parent": reference(outlines),
                "Dest": [reference(self._page_objects[page]), "/Fit"],
            }
            if index:
                item["Prev"] = reference(items[index - 1])
            if index + 1 < len(items):
                item["Next"] = reference(items[index + 1])
            writer.add(serialize(item), items[index])
        ends = {"First": reference(items[0]), "Last": reference(items[-1]), "Count": len(items)}
        return writer.add(serialize({"Type": "/Outlines"} | ends), outlines)

    def _reserve_page_number(self, part: DrawnPages, page: Any, at: tuple[float, float]) -> None:
        """Let the page draw an object that ``add_page_numbers`` will write."""
        number = self._writer.reserve()
        self._page_number_objects.append(number)
        name = f"{_PAGE_NUMBER_NAME}{len(self._page_number_objects)}"
        # This number is one of the assembled file: it must not be replaced like the part's own.
        part.resources_of(page)["XObject"][name] = RawSyntax(reference(number))
        x, y = at
        stream_commands(part.content_of(page))[:0] = [
            b"/Artifact <</Type /Pagination/Subtype /Footer>> BDC q",
            b"1 0 0 1 %.2f %.2f cm /%s Do Q EMC" % (x, y, name.encode()),
        ]

    def _write_reachable(
        self,
        part: DrawnPages,
        roots: Sequence[int],
        known_numbers: dict[int, int],
        *,
        write_known: bool = False,
    ) -> dict[int, int]:
        """Write all objects that the roots lead to; return the new number of each old number.

        ``known_numbers`` has the new numbers that some objects must get. These objects are written
        only if ``write_known`` is true.
        """
        numbers = dict(known_numbers)
        left, found = list(roots), set[int]()
        while left:
            number = left.pop()
            if number in found or (number in known_numbers and not write_known):
                continue
            found.add(number)
            left.extend(referenced_numbers(part.objects[number]))
        for number in sorted(found - set(known_numbers)):
            value = part.objects[number]
            if is_stream(value) and not _refers_to_objects(value):
                numbers[number] = self._write_stream(value, None, numbers)
            else:
                numbers[number] = self._writer.reserve()
        for number in sorted(found):
            value = part.objects[number]
            if not is_stream(value):
                self._writer.add(serialize(value, numbers.__getitem__), numbers[number])
            elif _refers_to_objects(value):
                self._write_stream(value, numbers[number], numbers)
        return numbers

    def _write_stream(self, stream: Any, number: int | None, numbers: dict[int, int]) -> int:
        commands = stream_commands(stream)
        if _BEGINS_A_GLYPH_MAP in commands:
            commands = complete_glyph_map(commands)
        # A stream's content holds no references. Most commands are bytes, which need no work.
        content = b"\n".join(
            command if isinstance(command, bytes) else serialize(command) for command in commands
        )
        entries = dict(stream_dictionary(stream))
        if entries.get("Subtype") == "/Image":
            # PDF/A allows no picture that a viewer smooths (ISO 19005-3, 6.2.8).
            entries["Interpolate"] = "false"
        head = serialize(entries, numbers.__getitem__)[2:-2]
        # WeasyPrint has compressed pictures already.
        return self._writer.add_stream(content, head, number, compress="Filter" not in entries)


@lru_cache(maxsize=1)
def _deflated_profile() -> bytes:
    return as_small_as_possible(srgb_profile())


def _refers_to_objects(stream: Any) -> bool:
    return any(referenced_numbers(stream_dictionary(stream)))
