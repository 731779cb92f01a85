"""Read the tables of a statement's pages, cell by cell, through the structure tree.

A screen reader reads the pages in the same way. In a PDF of Closebook each text is an array of
glyphs in a marked content, and a cell of the structure tree names this marked content.
"""

import re
from collections import defaultdict
from dataclasses import dataclass, field
from typing import Any

from closebook.statements.pdf.page_roles import role_of
from closebook.statements.verify.embedded_fonts import SILENT
from closebook.statements.verify.untrusted_pdf import (
    MAX_ELEMENTS,
    CheckFailed,
    UntrustedPdf,
    array_items,
    bounded_reading,
)

_CELLS = {"/TD", "/TH"}
_CONTENT_COMMANDS = re.compile(
    rb"<</MCID (\d{1,7})>>\s+BDC|<</ActualText <feff([0-9a-f]+)>>>\s+BDC|\b(EMC)\b"
    rb"|(/\w+) [\d.]+ Tf|\[([<>0-9a-fA-F .\-\s]*)\]\s*TJ"
)
ACTUAL_TEXT = re.compile(rb"/Span\s+<</ActualText <feff(?:[0-9a-f]{4})+>>>\s+")
"""The beginning of a content with ActualText, which readers use in place of its glyphs."""
_GLYPHS = re.compile(rb"<([0-9a-fA-F]*)>")
_GLYPH_MAP_ENTRIES = re.compile(rb"<([0-9a-fA-F]{4})> <((?:[0-9a-fA-F]{4})*)>")
_HEX_DIGITS_PER_GLYPH = 4

Row = list[str]


@dataclass
class Table:
    """The rows of a table in reading order, without its column heads.

    ``role`` is that of the table. ``columns`` has the places of columns whose head has a role, and
    ``column_count`` is the number of cells of the head.
    """

    has_head: bool = False
    rows: list[Row] = field(default_factory=list)
    role: str | None = None
    columns: dict[str, int] = field(default_factory=dict)
    column_count: int = 0


@dataclass(frozen=True)
class RoleCell:
    """A cell with a role: its table, its row and its place there."""

    role: str
    table: Table
    row: int
    place: int

    @property
    def text(self) -> str:
        """The text of the cell."""
        return self.table.rows[self.row][self.place]


@dataclass(frozen=True)
class PageTables:
    """All tables of a file in reading order, and the cells that have a role."""

    tables: list[Table]
    cells: list[RoleCell]


def read_tables(pdf: UntrustedPdf) -> PageTables:
    """Return the tables of a PDF.

    Raises CheckFailed when the structure tree is missing or too large.
    """
    with bounded_reading():
        texts = _ContentTexts(pdf)
        found = _StructureTree(texts).tables(pdf.reader.root_object["/StructTreeRoot"])
        texts.read_all()
        return found


class _StructureTree:
    def __init__(self, texts: "_ContentTexts") -> None:
        self._texts = texts
        self._found = PageTables([], [])
        self._count = 0

    def tables(self, root: Any) -> PageTables:
        # A loop, not a recursion: a hostile tree may be deeper than Python's stack.
        left: list[tuple[Any, int, Table | None]] = [
            (child, 0, None) for child in array_items(root["/K"])
        ]
        left.reverse()
        while left:
            child, page, table = left.pop()
            self._count_element()
            element = child.get_object()
            if isinstance(element, int):
                if table is not None and table.rows and table.rows[-1]:
                    table.rows[-1][-1] += self._texts.of(page, element)
                continue
            name = element.get("/S")
            if "/Pg" in element:
                page = element.raw_get("/Pg").idnum
            if "/MCID" in element:  # guard: verify.cell-on-several-pages
                # A marked content on another page than its element (ISO 32000-1, 14.7.4.3).
                left.append((element["/MCID"], page, table))
                continue
            if name == "/Table":
                table = Table(role=_role(element))
                self._found.tables.append(table)
            elif name == "/THead" and table is not None:
                self._read_head(table, element)
                continue
            elif name == "/TR" and table is not None:
                table.rows.append([])
            elif name in _CELLS and table is not None:
                self._add_cell(table, element)
            if "/K" in element:
                children = reversed(array_items(element["/K"]))
                left += [(grandchild, page, table) for grandchild in children]
        return self._found

    def _count_element(self) -> None:
        self._count += 1
        if self._count > MAX_ELEMENTS:
            raise CheckFailed("its structure tree has more elements than that of any statement")

    def _add_cell(self, table: Table, element: Any) -> None:
        row = table.rows[-1]
        row.append("")
        role = _role(element)
        if role is not None:
            self._found.cells.append(RoleCell(role, table, len(table.rows) - 1, len(row) - 1))

    def _read_head(self, table: Table, head: Any) -> None:
        """Note the roles of the columns. A table has one row of heads."""
        table.has_head = True
        for row in array_items(head["/K"])[:1]:
            for place, cell in enumerate(array_items(row.get_object()["/K"])):
                self._count_element()
                role = _role(cell.get_object())
                if role is not None and table.columns.setdefault(role, place) != place:
                    raise CheckFailed(f"its table has two columns of the role {role[:20]}")
                table.column_count = place + 1


def _role(element: Any) -> str | None:
    identifier = element.get("/ID")
    return None if identifier is None else role_of(str(identifier))


def _other_text() -> CheckFailed:
    return CheckFailed("a page gives readers another text than its glyphs draw")


def _utf16(digits: bytes) -> str:
    try:
        return bytes.fromhex(digits.decode()).decode("utf-16-be")
    except ValueError as error:
        raise CheckFailed("a page has an ActualText that is not UTF-16") from error


class _ContentTexts:
    """The texts of marked contents, by the page's object number and the content's number."""

    def __init__(self, pdf: UntrustedPdf) -> None:
        self._pages: dict[int, Any] = {}
        for page in pdf.reader.pages:
            if page.indirect_reference is not None:
                self._pages[page.indirect_reference.idnum] = page
        self._read: dict[int, dict[int, str]] = {}
        self._fonts: dict[int, dict[int, str]] = {}

    def of(self, page: int, content: int) -> str:
        if page not in self._read:
            self._read[page] = self._texts(self._pages[page])
        return self._read[page].get(content, "")

    def read_all(self) -> None:
        """Read all pages. Raises CheckFailed for a text that differs from that of its glyphs."""
        for page in self._pages:
            self.of(page, -1)

    def _texts(self, page: Any) -> dict[int, str]:
        characters: dict[int, str] = {}
        texts: defaultdict[int, str] = defaultdict(str)
        content, begin = -1, 0
        said: str | None = None
        for number, actual, end, font, glyphs in _CONTENT_COMMANDS.findall(
            page["/Contents"].get_object().get_data()
        ):
            if number:
                content = int(number)
            elif actual:
                if said is not None:
                    raise _other_text()
                said, begin = _utf16(actual), len(texts[content])
            elif end:
                drawn = texts[content][begin:].replace(SILENT, "")
                # guard: verify.other-text-is-that-of-its-glyphs
                if said is not None and said != drawn:
                    raise _other_text()
                content, said = -1, None
            elif font:
                characters = self._characters(page["/Resources"]["/Font"].raw_get(font.decode()))
            else:
                text = b"".join(_GLYPHS.findall(glyphs))
                texts[content] += "".join(
                    characters.get(int(text[at : at + _HEX_DIGITS_PER_GLYPH], 16), "\ufffd")
                    for at in range(0, len(text), _HEX_DIGITS_PER_GLYPH)
                )
        if said is not None:
            raise _other_text()
        return texts

    def _characters(self, font: Any) -> dict[int, str]:
        """Return the characters of each glyph of a font, from the font's ToUnicode map."""
        if font.idnum not in self._fonts:
            content = font.get_object()["/ToUnicode"].get_object().get_data()
            self._fonts[font.idnum] = {
                int(glyph, 16): bytes.fromhex(text.decode()).decode("utf-16-be")
                for glyph, text in _GLYPH_MAP_ENTRIES.findall(content)
            }
        return self._fonts[font.idnum]
