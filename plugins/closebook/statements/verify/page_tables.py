"""What a statement's pages say, as a program that reads them out hears it: tables, cell by cell.

The pages are Closebook's own, or made to look so: each text is an array of glyphs, in a marked
content that its cell in the tree of tags names.
"""

import re
from collections import defaultdict
from dataclasses import dataclass, field
from typing import Any

from closebook.statements.verify.untrusted_pdf import (
    MOST_ELEMENTS,
    Received,
    Refused,
    items,
    reading,
)

_CELLS = {"/TD", "/TH"}
_SHOWN = re.compile(
    rb"<</MCID (\d{1,7})>>\s+BDC|\b(EMC)\b|(/\w+) [\d.]+ Tf|\[([<>0-9a-fA-F .\-\s]*)\]\s*TJ"
)
_GLYPHS = re.compile(rb"<([0-9a-fA-F]*)>")
_CHARACTERS = re.compile(rb"<([0-9a-fA-F]{4})> <((?:[0-9a-fA-F]{4})*)>")
_DIGITS_OF_A_GLYPH = 4

Row = list[str]


@dataclass
class Table:
    """Rows of cells in reading order, without the heads of columns."""

    has_head: bool = False
    rows: list[Row] = field(default_factory=list)


def tables(received: Received) -> list[Table]:
    """The tables of a file. Raises Refused when it has no tree of tags, or too large a one."""
    with reading():
        texts = _Texts(received)
        return _Tree(texts).tables(received.reader.root_object["/StructTreeRoot"])


class _Tree:
    def __init__(self, texts: "_Texts") -> None:
        self._texts = texts
        self._found: list[Table] = []
        self._count = 0

    def tables(self, root: Any) -> list[Table]:
        # By hand: a tree that is deeper than Python's stack is no reason to fall.
        left: list[tuple[Any, int, Table | None]] = [(kid, 0, None) for kid in items(root["/K"])]
        left.reverse()
        while left:
            kid, page, table = left.pop()
            self._count += 1
            if self._count > MOST_ELEMENTS:
                raise Refused("it has more elements than a statement does")
            element = kid.get_object()
            if isinstance(element, int):
                if table is not None:
                    table.rows[-1][-1] += self._texts.of(page, element)
                continue
            name = element.get("/S")
            if "/Pg" in element:
                page = element.raw_get("/Pg").idnum
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
                left += [(below, page, table) for below in reversed(items(element["/K"]))]
        return self._found


class _Texts:
    """The texts of pages by the number of their page's object and of their content."""

    def __init__(self, received: Received) -> None:
        self._pages: dict[int, Any] = {}
        for page in received.reader.pages:
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
        for number, end, font, glyphs in _SHOWN.findall(page["/Contents"].get_object().get_data()):
            if number:
                content = int(number)
            elif end:
                content = -1
            elif font:
                characters = self._characters(fonts.raw_get(font.decode()))
            else:
                text = b"".join(_GLYPHS.findall(glyphs))
                texts[content] += "".join(
                    characters.get(int(text[at : at + _DIGITS_OF_A_GLYPH], 16), "\ufffd")
                    for at in range(0, len(text), _DIGITS_OF_A_GLYPH)
                )
        return texts

    def _characters(self, font: Any) -> dict[int, str]:
        """What each glyph of a font stands for, by the map that the file has of it."""
        if font.idnum not in self._fonts:
            content = font.get_object()["/ToUnicode"].get_object().get_data()
            self._fonts[font.idnum] = {
                int(glyph, 16): bytes.fromhex(text.decode()).decode("utf-16-be")
                for glyph, text in _CHARACTERS.findall(content)
            }
        return self._fonts[font.idnum]
