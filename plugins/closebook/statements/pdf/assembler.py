"""A statement's file, bound from parts: pages that WeasyPrint set, in one tree of tags.

A part is laid out, written and forgotten before the next one begins, so that a long account takes
the memory of one part. Bound by qpdf, the parts would lose their tags, and the whole tree would
have to stand in memory; so the parts' objects are renumbered and written one after the other.
"""

from collections.abc import Sequence
from importlib.resources import files
from typing import Any, BinaryIO

from closebook.statements.pdf.object_writer import (
    ObjectFile,
    number_of,
    reference,
    references,
    written,
)
from closebook.statements.pdf.xmp import Attachment, Metadata, text_string
from closebook.statements.weasyprint_adapter.structure_tree import named, tidy

_MAPS_GLYPHS = b"begincmap"
_COLOURS = "sRGB2014.icc"


class Binding:
    """Writes a PDF/A-3a that is a PDF/UA-1 too, part after part."""

    def __init__(self, output: BinaryIO) -> None:
        self._file = ObjectFile(output)
        self._catalog, self._pages, self._tree, self._document, self._table = (
            self._file.reserve() for _ in range(5)
        )
        self._page_numbers: list[int] = []
        self._before: list[bytes] = []
        self._groups: list[bytes] = []
        self._after: list[bytes] = []
        self._bookmarks: list[tuple[str, int]] = []
        self._branches: list[bytes] = []
        self._folios: list[int] = []

    @property
    def page_count(self) -> int:
        """How many pages there are so far."""
        return len(self._page_numbers)

    def add(
        self,
        part: Any,
        *,
        bookmarks: Sequence[tuple[str, int]],
        folio_at: tuple[float, float] | None = None,
    ) -> None:
        """Write a part's pages and tags.

        ``bookmarks`` are titles with the index of their page in the part. ``folio_at`` says where
        on each page its number will stand, in points from the lower left, once ``add_folios`` has
        told it.
        """
        tagged = tidy(part, continued=bool(self._page_numbers))
        pages = [part.objects[number] for number in part.pages["Kids"][::3]]
        for index, page in enumerate(pages, start=self.page_count):
            page["StructParents"] = index
            if folio_at is not None:
                self._leave_room(part, page, folio_at)
        root = part.objects[number_of(part.catalog["StructTreeRoot"])]
        known = {
            part.pages.number: self._pages,
            root.number: self._tree,
            number_of(root["K"][0]): self._document,
            number_of(tagged.table): self._table,
        }
        tops = (tagged.before, tagged.groups, tagged.after)
        wanted = [page.number for page in pages]
        wanted += [number_of(top) for part_of_tree in tops for top in part_of_tree]
        numbers = self._write_reachable(part, wanted, known)

        def renumbered(number: int) -> int:
            return numbers[number]

        first = self.page_count
        self._page_numbers += [numbers[page.number] for page in pages]
        self._bookmarks += [(title, first + index) for title, index in bookmarks]
        for kept, added in zip((self._before, self._groups, self._after), tops, strict=True):
            kept += [reference(numbers[number_of(top)]) for top in added]
        nums: list[Any] = []
        for index, owners in enumerate(tagged.owners, start=first):
            nums += [index, [b"null" if owner is None else owner for owner in owners]]
        branch = {"Limits": [first, self.page_count - 1], "Nums": nums}
        self._branches.append(reference(self._file.add(written(branch, renumbered))))

    def add_folios(self, strips: Any) -> None:
        """Put a page of ``strips`` (an untagged part) where each page's number stands."""
        numbers: dict[int, int] = {}
        for number, folio in zip(strips.pages["Kids"][::3], self._folios, strict=True):
            page = strips.objects[number]
            stream = strips.objects[number_of(page["Contents"])]
            stream.extra |= {
                "Type": "/XObject",
                "Subtype": "/Form",
                "BBox": page["MediaBox"],
                "Resources": page["Resources"],
            }
            numbers[stream.number] = folio
        self._write_reachable(strips, list(numbers), numbers, write_known=True)

    def finish(
        self, metadata: Metadata, attachments: Sequence[Attachment], identifier: bytes
    ) -> None:
        """Write what holds the parts together: the claims, the tree's root, the attachments."""
        file = self._file
        attached = [reference(it.write(file, metadata.pdf_date)) for it in attachments]
        names = [text_string(attachment.name) for attachment in attachments]
        colours = (files("weasyprint.pdf") / _COLOURS).read_bytes()
        profile = file.add_stream(colours, b"/N 3")
        objects = {
            self._pages: {
                "Type": "/Pages",
                "Count": self.page_count,
                "Kids": [reference(number) for number in self._page_numbers],
            },
            self._tree: {
                "Type": "/StructTreeRoot",
                "K": [reference(self._document)],
                "ParentTree": {"Kids": self._branches},
                "ParentTreeNextKey": self.page_count,
            },
            self._document: {
                "Type": "/StructElem",
                "S": "/Document",
                "P": reference(self._tree),
                "K": [*self._before, reference(self._table), *self._after],
            },
            self._table: {
                "Type": "/StructElem",
                "S": "/Table",
                "P": reference(self._document),
                "K": self._groups,
            },
            self._catalog: {
                "Type": "/Catalog",
                "Pages": reference(self._pages),
                "Lang": text_string(metadata.language),
                "MarkInfo": {"Marked": "true"},
                "ViewerPreferences": {"DisplayDocTitle": "true"},
                "StructTreeRoot": reference(self._tree),
                "Outlines": reference(self._write_bookmarks()),
                "Metadata": reference(metadata.write_xmp(file)),
                "OutputIntents": [
                    {
                        "Type": "/OutputIntent",
                        "S": "/GTS_PDFA1",
                        "OutputConditionIdentifier": text_string("sRGB"),
                        "Info": text_string(_COLOURS),
                        "DestOutputProfile": reference(profile),
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
        file.pack()  # whoever signs the file looks for these
        for number, content in objects.items():
            file.add(written(content), number)
        info = metadata.write_info(file)
        file.finish(root=self._catalog, info=info, identifier=identifier)

    def _write_bookmarks(self) -> int:
        file, outlines = self._file, self._file.reserve()
        items = [file.reserve() for _ in self._bookmarks]
        for index, (title, page) in enumerate(self._bookmarks):
            item = {
                "Title": text_string(title),
                "Parent": reference(outlines),
                "Dest": [reference(self._page_numbers[page]), "/Fit"],
            }
            if index:
                item["Prev"] = reference(items[index - 1])
            if index + 1 < len(items):
                item["Next"] = reference(items[index + 1])
            file.add(written(item), items[index])
        ends = {"First": reference(items[0]), "Last": reference(items[-1]), "Count": len(items)}
        return file.add(written({"Type": "/Outlines"} | ends), outlines)

    def _leave_room(self, part: Any, page: Any, at: tuple[float, float]) -> None:
        folio = self._file.reserve()
        self._folios.append(folio)
        name = f"folio{len(self._folios)}"
        # Of this document already, and so not to be renumbered as the part's own are.
        part.objects[number_of(page["Resources"])]["XObject"][name] = _Written(reference(folio))
        stream = part.objects[number_of(page["Contents"])].stream
        x, y = at
        stream[:0] = [
            b"/Artifact <</Type /Pagination/Subtype /Footer>> BDC q",
            b"1 0 0 1 %.2f %.2f cm /%s Do Q EMC" % (x, y, name.encode()),
        ]

    def _write_reachable(
        self,
        part: Any,
        wanted: Sequence[int],
        known: dict[int, int],
        *,
        write_known: bool = False,
    ) -> dict[int, int]:
        """Write all that the wanted objects lead to; return the new number of each old one."""
        numbers = dict(known)
        left, found = list(wanted), set[int]()
        while left:
            number = left.pop()
            if number in found or (number in known and not write_known):
                continue
            found.add(number)
            left.extend(references(part.objects[number]))
        for number in sorted(found - set(known)):
            value = part.objects[number]
            if hasattr(value, "stream") and not any(references(value.extra)):
                numbers[number] = self._write_stream(value, None, numbers)
            else:
                numbers[number] = self._file.reserve()
        for number in sorted(found):
            value = part.objects[number]
            if not hasattr(value, "stream"):
                self._file.add(written(value, numbers.__getitem__), numbers[number])
            elif any(references(value.extra)):
                self._write_stream(value, numbers[number], numbers)
        return numbers

    def _write_stream(self, stream: Any, number: int | None, numbers: dict[int, int]) -> int:
        commands = named(stream.stream) if _MAPS_GLYPHS in stream.stream else stream.stream
        # Thousands of commands are bytes, and there are no references in a stream.
        content = b"\n".join(it if isinstance(it, bytes) else written(it) for it in commands)
        head = written(dict(stream.extra), numbers.__getitem__)[2:-2]
        return self._file.add_stream(content, head, number)


class _Written:
    """A value that is PDF syntax already."""

    def __init__(self, data: bytes) -> None:
        self.data = data
