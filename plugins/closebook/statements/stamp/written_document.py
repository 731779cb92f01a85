"""Reads a file that the stamper wrote: contents, maps of fonts and tag tree."""

import re
import sys
import zlib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from closebook.statements.pdf.page_roles import LINES, role_of
from closebook.statements.stamp.shown_texts import PARAGRAPH

_OBJECT = re.compile(rb"(?:^|\n)(\d+) 0 obj\n<<(.*?)/Length (\d+)>>\nstream\n", re.DOTALL)
_MAPPED = re.compile(rb"<([0-9a-f]{4})> <([0-9a-f]*)>")
_SHOWN = re.compile(rb"/(\S+) [\d.]+ Tf\s+\[([^\]]*)\] TJ")
_GLYPHS = re.compile(rb"<([0-9a-f]*)>")
_REFERENCE = re.compile(rb"(\d+) 0 R")
# Most cells have one text and no identifier: its page and its number are read at once.
_PLAIN_CELL = re.compile(
    rb"<</Type /StructElem/S /TD/P \d+ 0 R/Pg (\d+) 0 R[^\[]*(?:\[[^\]]*\][^\[]*)??/K \[(\d+)\]>>"
)
_KIDS, _IDENTIFIER = b"/K [", b"/ID <"
_MARKED, _ENDED, _NUMBER, _BEGUN = b"/MCID ", b"EMC\n", b">>", b" BDC\n"
_TEXT_PLACED, _TEXT_SHOWN = b" Tm\n", b"TJ"
_KEPT_MAPS = 32
_KEPT_TEXTS = 5_000

_maps: dict[bytes, "_GlyphMap"] = {}


class _GlyphMap(dict[int, str]):
    """The texts of a font's glyphs, by their codes as numbers in this machine's order of bytes."""

    def __init__(self, stream: bytes) -> None:
        super().__init__(
            (
                int.from_bytes(bytes.fromhex(glyph.decode()), sys.byteorder),
                bytes.fromhex(text.decode()).decode("utf-16-be"),
            )
            for glyph, text in _MAPPED.findall(zlib.decompress(stream))
        )

    def text(self, shown: bytes) -> str:
        """Return the text of a run of glyphs, from the operand of its operator TJ."""
        digits = b"".join(_GLYPHS.findall(shown)).decode()
        return "".join(map(self.__getitem__, memoryview(bytes.fromhex(digits)).cast("H")))


class _PageFonts(dict[bytes, _GlyphMap]):
    """The fonts of a page by their names. ``texts`` has what commands show in these fonts."""

    def __init__(self, fonts: Mapping[bytes, _GlyphMap]) -> None:
        super().__init__(fonts)
        self.texts: dict[bytes, str] = {}

    def text(self, commands: bytes) -> str:
        """Return the text that some commands show, in the order of drawing."""
        text = ""
        for font, shown in _SHOWN.findall(commands):
            text += self[font].text(shown)
        if len(self.texts) > _KEPT_TEXTS:
            self.texts.clear()
        self.texts[commands] = text
        return text


_fonts: dict[tuple[tuple[bytes, bytes], ...], _PageFonts] = {}


@dataclass(frozen=True)
class ReadDocument:
    """What a finished file prints: the texts of each row of the lines, and of each role.

    ``pages`` are the rows of each page, each with the role of its first cell that has one: lines
    have none. ``others`` are the texts of all other elements. Each text has its lines, with the
    glyphs in the order of drawing; PARAGRAPH is between the elements inside of one.
    """

    pages: Sequence[Sequence[tuple[str | None, tuple[str, ...]]]]
    roles: Mapping[str, str]
    others: Collection[str]


def read_document(pdf: bytes) -> ReadDocument:
    """Read a file that the stamper wrote."""
    objects, streams = _objects(pdf)
    root = next(body for body in objects.values() if b"/Type /Catalog" in body)
    pages = _numbers(_entry(objects[_named(root, b"Pages")], b"Kids"))
    texts: list[dict[int, str]] = []
    known: dict[int, _PageFonts] = {}
    for page in pages:
        number = _named(objects[page], b"Resources")
        fonts = known.get(number)
        if fonts is None:
            fonts = known[number] = _page_fonts(objects[number], objects, streams)
        texts.append(_texts(streams[_named(objects[page], b"Contents")], fonts))
    tree = objects[_named(root, b"StructTreeRoot")]
    document = _numbers(_entry(tree, b"K"))[0]
    reader = _TreeReader(objects, {number: at for at, number in enumerate(pages)}, texts)
    return reader.read(document)


class _TreeReader:
    def __init__(
        self,
        objects: Mapping[int, bytes],
        pages: Mapping[int, int],
        texts: Sequence[Mapping[int, str]],
    ) -> None:
        self._objects, self._pages, self._texts = objects, pages, texts
        self._pages_of_rows: list[list[tuple[str | None, tuple[str, ...]]]] = []
        self._roles: dict[str, str] = {}
        self._others: set[str] = set()

    def read(self, document: int) -> ReadDocument:
        for kid in _numbers(_entry(self._objects[document], b"K")):
            if self._role(kid) == LINES:
                self._read_lines(kid)
            else:
                self._text(kid, self._others)
        return ReadDocument(self._pages_of_rows, self._roles, self._others)

    def _read_lines(self, table: int) -> None:
        for group in _numbers(_entry(self._objects[table], b"K")):
            rows: list[tuple[str | None, tuple[str, ...]]] = []
            self._pages_of_rows.append(rows)
            for row in _numbers(_entry(self._objects[group], b"K")):
                rows.append(self._row(row))

    def _row(self, row: int) -> tuple[str | None, tuple[str, ...]]:
        # This is done for each cell of each line.
        texts, role = [], None
        for cell in _numbers(_entry(self._objects[row], b"K")):
            body = self._objects[cell]
            plain = _PLAIN_CELL.fullmatch(body)
            if _IDENTIFIER in body:
                # Heads, the opening and the closing have roles: no line has one.
                role = role or self._role(cell)
                texts.append(self._text(cell))
            elif plain is None:
                texts.append(self._text(cell))
            else:
                texts.append(self._texts[self._pages[int(plain[1])]][int(plain[2])])
        return role, tuple(texts)

    def _text(self, number: int, others: set[str] | None = None) -> str:
        """Return the text of an element, and add those of it and of all in it to ``others``."""
        # This is done for each cell.
        body = self._objects[number]
        start = body.index(_KIDS) + len(_KIDS)
        kids = body[start : body.index(b"]", start)]
        if not kids:
            found = ""
        elif b"R" in kids:
            found = PARAGRAPH.join([self._text(kid, others) for kid in _numbers(kids)])
        else:
            texts = self._texts[self._pages[_named(body, b"Pg")]]
            contents = [texts[int(kid)] for kid in kids.split()]
            found = "\n".join(contents)
            if others is not None:
                others.update(contents)
        if others is not None:
            others.add(found)
        if _IDENTIFIER in body:
            role = self._role(number)
            if role is not None:
                self._roles.setdefault(role, found)
        return found

    def _role(self, number: int) -> str | None:
        body = self._objects[number]
        if _IDENTIFIER not in body:
            return None
        found = re.search(rb"/ID <([0-9a-f]+)>", body)
        return None if found is None else role_of(bytes.fromhex(found[1].decode()).decode())


def _objects(pdf: bytes) -> tuple[dict[int, bytes], dict[int, bytes]]:
    """Return the objects of a file's object streams, and its other streams, by their numbers."""
    objects: dict[int, bytes] = {}
    streams: dict[int, bytes] = {}
    at = 0
    while found := _OBJECT.search(pdf, at):
        head, start = found[2], found.end()
        at = start + int(found[3])
        content = pdf[start:at]
        if b"/Type /ObjStm" in head:
            inside = zlib.decompress(content)
            first = int(re.search(rb"/First (\d+)", head)[1])  # type: ignore[index]
            places = [*map(int, inside[:first].split())]
            bodies = inside[first:]
            spans = pairwise((*places[1::2], len(bodies)))
            for number, (begin, end) in zip(places[::2], spans, strict=True):
                objects[number] = bodies[begin:end].rstrip()
        else:
            streams[int(found[1])] = content
    return objects, streams


def _texts(stream: bytes, fonts: _PageFonts) -> dict[int, str]:
    """Return the text of each marked content of a page, in the order of drawing."""
    found, known = {}, fonts.texts
    for marked in zlib.decompress(stream).split(_ENDED):
        _, begun, rest = marked.partition(_MARKED)
        if not begun:
            continue  # an artifact
        head, _, body = rest.partition(_BEGUN)
        number = head.removesuffix(_NUMBER)
        before, placed, commands = body.partition(_TEXT_PLACED)
        # The same text stands at many places.
        shown = commands if placed and _TEXT_SHOWN not in before else body
        text = known.get(shown)
        found[int(number)] = fonts.text(shown) if text is None else text
    return found


def _page_fonts(
    resources: bytes, objects: Mapping[int, bytes], streams: Mapping[int, bytes]
) -> _PageFonts:
    """Return the fonts of a page. Many documents have the same fonts."""
    named = tuple(
        (name, streams[_named(objects[int(number)], b"ToUnicode")])
        for name, number in re.findall(rb"/([A-Z]+\d*) (\d+) 0 R", _fonts_of(resources))
    )
    found = _fonts.get(named)
    if found is None:
        if len(_fonts) > _KEPT_MAPS:
            _fonts.clear()
        found = _fonts[named] = _PageFonts({name: _map(stream) for name, stream in named})
    return found


def _map(stream: bytes) -> _GlyphMap:
    """Return the texts of a font's glyphs. Many documents have the same map."""
    found = _maps.get(stream)
    if found is None:
        if len(_maps) > _KEPT_MAPS:
            _maps.clear()
        found = _maps[stream] = _GlyphMap(stream)
    return found


def _fonts_of(resources: bytes) -> bytes:
    return resources[resources.index(b"/Font <<") : resources.index(b">>")]


def _entry(body: bytes, name: bytes) -> bytes:
    """Return the inside of an array of a dictionary."""
    start = body.index(b"/" + name + b" [") + len(name) + 3
    return body[start : body.index(b"]", start)]


def _named(body: bytes, name: bytes) -> int:
    """Return the number that an entry of a dictionary refers to."""
    start = body.index(b"/" + name + b" ") + len(name) + 2
    return int(body[start : body.index(b" ", start)])


def _numbers(array: bytes) -> list[int]:
    return [int(each) for each in _REFERENCE.findall(array)]
