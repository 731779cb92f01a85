"""The commands that draw a text which Pango has set, in fonts that have the texts of its glyphs."""

import re
from collections.abc import Iterator, Mapping, Sequence

from closebook.statements.stamp.font_writer import GlyphTexts
from closebook.statements.stamp.page_items import PageItem
from closebook.statements.weasyprint_adapter.glyph_texts import pieces_by_place
from closebook.statements.weasyprint_adapter.pango_texts import SetCommand

_GROUPS = re.compile(r"<([0-9a-f]+)>")
_FONT = re.compile(rb"/([A-Z]+)(\d*) ([\d.]+) Tf")
_DIGITS = 4


def drawn(commands: Sequence[SetCommand], texts: GlyphTexts) -> bytes:
    """Return commands as they are written. ``texts`` has those of the document's glyphs so far.

    A glyph that had another text before is drawn in a copy of its font, which has a map of its own.
    Each TJ has a Tf before it, since the file is read back by pairs of these.
    """
    parts: list[bytes] = []
    font = size = b""
    for operator, operand, shares in commands:
        if operator == "Tf":
            font, size = operand.split()
        elif operator == "Ts":
            parts.append(operand + b" Ts")
        elif operator in ("BDC", "EMC"):
            parts.append(operand)
        else:
            text = operand.decode()
            if not shares:
                parts.append(b"/%s %s Tf\n[%s] TJ" % (font, size, operand))
                continue
            places = [
                _place(texts, font.decode(), glyph, share)
                for glyph, share in zip(_glyphs(text), shares, strict=True)
            ]
            for piece, place in pieces_by_place(text, places):
                name = b"%s%d" % (font, place) if place else font
                parts.append(b"/%s %s Tf\n[%s] TJ" % (name, size, piece.encode()))
    return b"\n".join(parts)


def fit(glyphs: frozenset[tuple[str, int, str]], texts: GlyphTexts) -> bool:
    """Return whether none of these glyphs has another text in the maps of a document so far."""
    return all(texts.get(font, {}).get(glyph, text) == text for font, glyph, text in glyphs)


def commands_of(item: PageItem, texts: Mapping[str, Mapping[int, str]]) -> tuple[SetCommand, ...]:
    """Return the commands of a text of a page. ``texts`` has those of the glyphs, by font."""
    found: list[SetCommand] = []
    name = ""
    for command in item.commands:
        font = _FONT.fullmatch(command)
        if font:
            name = (font[1] + font[2]).decode()
            found.append(("Tf", b"%s %s" % (font[1], font[3]), ()))
        elif command.startswith(b"/Span "):
            found.append(("BDC", command, ()))
        elif command == b"EMC":
            found.append(("EMC", command, ()))
        elif command.endswith(b" Ts"):
            found.append(("Ts", command.removesuffix(b" Ts"), ()))
        elif command.endswith(b" TJ"):
            operand = command.removesuffix(b" TJ").strip()[1:-1]
            shares = tuple(texts[name][glyph] for glyph in _glyphs(operand.decode()))
            found.append(("TJ", operand, shares))
    return tuple(found)


def _place(texts: GlyphTexts, font: str, glyph: int, text: str) -> int:
    place = 0
    while True:
        name = f"{font}{place}" if place else font
        if texts.setdefault(name, {}).setdefault(glyph, text) == text:
            return place
        place += 1


def _glyphs(text: str) -> Iterator[int]:
    for group in _GROUPS.finditer(text):
        for at in range(0, len(group[1]), _DIGITS):
            yield int(group[1][at : at + _DIGITS], 16)
