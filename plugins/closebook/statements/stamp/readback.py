"""Read a stamped document back, before it is filed: it must print what the statement says.

This reads the file that was made, and not what the stamper meant to write: contents, fonts' maps
and tag tree are taken from the finished bytes. It formats amounts and days from the statement anew.
So a layout that takes a variable for a constant, a slot in the wrong place, or a glyph with another
meaning cannot be filed.
"""

import re
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from closebook.money import MINUS, format_minor
from closebook.statements.model import Statement, StatementLine
from closebook.statements.pdf.page_roles import ACCOUNT, EDGES, LINES, SUMMARY, role_of
from closebook.statements.printed_days import printed_day
from closebook.statements.render.catalog import page_locale
from closebook.statements.render.template import StatementTemplate
from closebook.statements.render.view_model import StatementView
from closebook.statements.stamp.outside_layout import OutsideLayout

_OBJECT = re.compile(rb"(?:^|\n)(\d+) 0 obj\n<<(.*?)/Length (\d+)>>\nstream\n", re.DOTALL)
_MAPPED = re.compile(rb"<([0-9a-f]{4})> <([0-9a-f]*)>")
_MARKED = re.compile(rb"/MCID (\d+)>> BDC\n(.*?)EMC\n", re.DOTALL)
_SHOWN = re.compile(rb"/(\S+) [\d.]+ Tf\s+\[([^\]]*)\] TJ")
_GLYPHS = re.compile(rb"<([0-9a-f]*)>")
_REFERENCE = re.compile(rb"(\d+) 0 R")
_KEPT_MAPS = 200
_KEPT_RUNS = 20_000

_maps: dict[bytes, "_GlyphMap"] = {}


class _GlyphMap(dict[bytes, str]):
    """What a font's glyphs say, by their codes; and what runs of them say, once they were read."""

    def __init__(self, stream: bytes) -> None:
        super().__init__(
            (glyph, bytes.fromhex(text.decode()).decode("utf-16-be"))
            for glyph, text in _MAPPED.findall(zlib.decompress(stream))
        )
        self._runs: dict[bytes, str] = {}

    def text(self, shown: bytes) -> str:
        """Return what a run says, from the operand of its operator TJ."""
        found = self._runs.get(shown)
        if found is None:
            if len(self._runs) > _KEPT_RUNS:
                self._runs.clear()
            digits = b"".join(_GLYPHS.findall(shown))
            found = "".join([self[digits[at : at + 4]] for at in range(0, len(digits), 4)])
            self._runs[shown] = found = _plain(found)
        return found


@dataclass(frozen=True)
class ReadDocument:
    """What a finished file prints: the texts of each row of the lines, and of each role.

    ``before`` and ``after`` are all other texts in reading order, without blanks.
    """

    rows: Sequence[tuple[str, ...]]
    roles: Mapping[str, str]
    others: str


def require_read_back(
    pdf: bytes, statement: Statement, view: StatementView, template: StatementTemplate
) -> None:
    """Raise OutsideLayout unless a document prints the statement's amounts, days, references and
    names.
    """
    read = read_document(pdf)
    locale = statement.holder.locale
    days = page_locale(template.folder, template.brand, locale)

    def amount(amount_minor: int, *, with_currency: bool = False) -> str:
        return _plain(
            format_minor(amount_minor, statement.currency, locale, with_currency=with_currency)
        )

    def row(line: StatementLine, view_number: int) -> tuple[str, ...]:
        shown = view.lines[view_number]
        figures = amount(abs(line.amount_minor))
        return (
            _plain(printed_day(line.posted_on, days)),
            _plain(shown.description),
            _plain(shown.counterparty),
            _plain(shown.reference),
            figures if line.amount_minor < 0 else "",
            "" if line.amount_minor < 0 else figures,
            amount(line.balance_minor),
        )

    wanted = [row(line, number) for number, line in enumerate(statement.lines)]
    if list(read.rows) != wanted:  # guard: stamp.rows-are-read-back
        raise OutsideLayout("read-back", "the lines of the page are not those of the statement")
    roles = {
        ACCOUNT: _plain(view.variables["holder"].account_number),
        SUMMARY[0]: amount(statement.opening_minor),
        SUMMARY[1]: amount(statement.credit_minor),
        SUMMARY[2]: amount(statement.debit_minor),
        SUMMARY[3]: amount(statement.fee_minor),
        SUMMARY[4]: amount(statement.closing_minor, with_currency=True),
        EDGES[0]: _plain(printed_day(statement.period_start, days)),
        EDGES[1]: amount(statement.opening_minor),
        EDGES[2]: _plain(printed_day(statement.period_end_inclusive, days)),
        EDGES[3]: amount(statement.closing_minor),
    }
    for role, text in roles.items():
        if read.roles.get(role) != text:  # guard: stamp.totals-are-read-back
            raise OutsideLayout("read-back", f"{role} of the page is not that of the statement")
    variables = view.variables
    names = (
        variables["holder"].name + variables["holder"].address,
        variables["chart"]["range"] if template.brand.layout.chart else "",
        variables["notes"]["fees"],
    )
    for text in names:
        if _plain(text) not in read.others:  # guard: stamp.names-are-read-back
            raise OutsideLayout("read-back", "a name of the statement is not on its page")


def read_document(pdf: bytes) -> ReadDocument:
    """Read a file that the stamper wrote."""
    objects, streams = _objects(pdf)
    root = next(body for body in objects.values() if b"/Type /Catalog" in body)
    pages = _numbers(_entry(objects[_named(root, b"Pages")], b"Kids"))
    texts: list[dict[int, str]] = []
    for page in pages:
        resources = objects[_named(objects[page], b"Resources")]
        fonts = {
            name: _map(streams[_named(objects[int(number)], b"ToUnicode")])
            for name, number in re.findall(rb"/([A-Z]+) (\d+) 0 R", _fonts_of(resources))
        }
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
        self._rows: list[tuple[str, ...]] = []
        self._roles: dict[str, str] = {}
        self._others: list[str] = []

    def read(self, document: int) -> ReadDocument:
        for kid in _numbers(_entry(self._objects[document], b"K")):
            if self._role(kid) == LINES:
                self._read_lines(kid)
            else:
                self._others.append(self._text(kid))
        return ReadDocument(self._rows, self._roles, "".join(self._others))

    def _read_lines(self, table: int) -> None:
        for group in _numbers(_entry(self._objects[table], b"K")):
            for row in _numbers(_entry(self._objects[group], b"K")):
                cells = _numbers(_entry(self._objects[row], b"K"))
                texts = tuple(self._text(cell) for cell in cells)
                # Heads, the opening and the closing have roles: no line has one.
                if not any(self._role(cell) for cell in cells):
                    self._rows.append(texts)

    def _text(self, number: int) -> str:
        body = self._objects[number]
        kids = _entry(body, b"K")
        if b" R" in kids:
            found = "".join(self._text(kid) for kid in _numbers(kids))
        elif kids.strip():
            texts = self._texts[self._pages[_named(body, b"Pg")]]
            found = "".join(texts[int(kid)] for kid in kids.split())
        else:
            found = ""
        role = self._role(number)
        if role is not None:
            self._roles.setdefault(role, found)
        return found

    def _role(self, number: int) -> str | None:
        found = re.search(rb"/ID <([0-9a-f]+)>", self._objects[number])
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
            places = inside[:first].split()
            numbers = [int(each) for each in places[::2]]
            starts = [first + int(each) for each in places[1::2]]
            for number, begin, end in zip(numbers, starts, [*starts[1:], None], strict=True):
                objects[number] = inside[begin:end]
        else:
            streams[int(found[1])] = content
    return objects, streams


def _texts(stream: bytes, fonts: Mapping[bytes, _GlyphMap]) -> dict[int, str]:
    """Return the text of each marked content of a page, without blanks."""
    found = {}
    for number, body in _MARKED.findall(zlib.decompress(stream)):
        text = ""
        for font, shown in _SHOWN.findall(body):
            text += fonts[font].text(shown)
        found[int(number)] = text
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


def _plain(text: str) -> str:
    """Return a text without blanks, with the minus that a reader finds."""
    return re.sub("[\\s\u200b]+", "", text).replace(MINUS, "-")
