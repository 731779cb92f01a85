"""Read the tables of a statement's pages, cell by cell, through the structure tree.

A screen reader reads the pages in the same way. In a PDF of Closebook each text is an array of
glyphs in a marked content, and a cell of the structure tree names this marked content.
"""

import re
from collections import defaultdict
from dataclasses import dataclass, field
from typing import Any

from closebook.statements.verify.untrusted_pdf import (
    MAX_ELEMENTS,
    CheckFailed,
    UntrustedPdf,
    array_items,
    bounded_reading,
)

_CELLS = {"/TD", "/TH"}
_CONTENT_COMMANDS = re.compile(
    rb"<</MCID (\d{1,7})>>\s+BDC|\b(EMC)\b|(/\w+) [\d.]+ Tf|\[([<>0-9a-fA-F .\-\s]*)\]\s*TJ"
)
_GLYPHS = re.compile(rb"<([0-9a-fA-F]*)>")
_GLYPH_MAP_ENTRIES = re.compile(rb"<([0-9a-fA-F]{4})> <((?:[0-9a-fA-F]{4})*)>")
_HEX_DIGITS_PER_GLYPH = 4

Row = list[str]


@dataclass
class Table:
    """The rows of a table in reading order, without its column heads."""

    has_head: bool = False
    rows: list[Row] = field(default_factory=list)


def read_tables(pdf: UntrustedPdf) -> list[Table]:
    """Return the tables of a PDF in reading order.

    Raises CheckFailed when the structure tree is missing or too large.
    """
    with bounded_reading():
        texts = _ContentTexts(pdf)
        return _StructureTree(texts).tables(pdf.reader.root_object["/StructTreeRoot"])


class _StructureTree:
    def __init__(self, texts: "_ContentTexts") -> None:
        self._texts = texts
        self._found: list[Table] = []
        self._count = 0

    def tables(self, root: Any) -> list[Table]:
        # A loop, not a recursion: a hostile tree may be deeper than Python's stack.
        left: list[tuple[Any, int, Table | None]] = [
            (child, 0, None) for child in array_items(root["/K"])
        ]
        left.reverse()
        while left:
            child, page, table = left.pop()
            self._count += 1
            if self._count > MAX_ELEMENTS:
                raise CheckFailed("its structure tree has more elements than that of any statement")
            element = child.get_object()
            if isinstance(element, int):
                if table is not None:
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
                table = Table()
                self._found.append(table)
            elif name == "/THead" and table is not None:
                table.has_head = True
                continue
            elif name == "/TR" and table is not None:
                table.rows.append([])
            elif name in _CELLS and table is not None:
                table.rows[-1].append("")
            if "/K" in element:
                children = reversed(array_items(element["/K"]))
                left += [(grandchild, page, table) for grandchild in children]
        return self._found


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

    def _texts(self, page: Any) -> dict[int, str]:
        fonts = page["/Resources"]["/Font"]
        characters: dict[int, str] = {}
        texts: defaultdict[int, str] = defaultdict(str)
        content = -1
        for number, end, font, glyphs in _CONTENT_COMMANDS.findall(
            page["/Contents"].get_object().get_data()
        ):
            if number:
                content = int(number)
            elif end:
                content = -1
            elif font:
                characters = self._characters(fonts.raw_get(font.decode()))
            else:
                text = b"".join(_GLYPHS.findall(glyphs))
                texts[content] += "".join(
                    characters.get(int(text[at : at + _HEX_DIGITS_PER_GLYPH], 16), "\ufffd")
                    for at in range(0, len(text), _HEX_DIGITS_PER_GLYPH)
                )
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
