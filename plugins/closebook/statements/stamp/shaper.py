"""Shape texts: choose the fonts and the glyphs of a line, and their places."""

import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise

from fontTools.unicodedata import script

from closebook.statements.stamp.faces import Face
from closebook.statements.stamp.outside_layout import OutsideLayout
from closebook.statements.weasyprint_adapter.glyph_texts import shared_among

_THOUSAND = 1000
_KEPT_LINES = 100_000
_COMMON = {"Zyyy", "Zinh"}
_SCRIPTS = _COMMON | {"Latn", "Grek", "Cyrl"}
# Characters without a glyph, or whose glyph is drawn over another one: Pango has rules for each.
_REFUSED = {"Cc", "Cf", "Co", "Cs", "Cn", "Mn", "Me", "Mc", "Zl", "Zp"}


@dataclass(frozen=True, slots=True)
class ShapedLine:
    """A line of text in a font. Lengths are in multiples of the font's size.

    ``runs`` have a font's name each, and the glyphs in the syntax of the operator TJ. ``glyphs``
    are all glyphs with their texts. ``ascent`` and ``descent`` are the largest of the fonts.
    """

    text: str
    runs: tuple[tuple[str, bytes], ...]
    width: float
    ascent: float
    descent: float
    glyphs: frozenset[tuple[str, int, str]]


class Shaper:
    """Shapes the texts of the statements of one layout."""

    def __init__(self, faces: Mapping[str, Face], stand_ins: Mapping[str, str]) -> None:
        self._faces = faces
        self._stand_ins = stand_ins
        self._lines: dict[tuple[str, str], ShapedLine] = {}

    def face(self, font: str) -> Face:
        """Return the face of a font's name."""
        return self._faces[font]

    def line(self, font: str, text: str) -> ShapedLine:
        """Return a text of one line. Raises OutsideLayout for one that is not shaped exactly."""
        found = self._lines.get((font, text))
        if found is None:
            found = self._shaped(font, text)
            if len(self._lines) > _KEPT_LINES:
                self._lines.clear()
            self._lines[font, text] = found
        return found

    def _shaped(self, font: str, text: str) -> ShapedLine:
        runs: list[tuple[str, bytes]] = []
        glyphs: set[tuple[str, int, str]] = set()
        width = ascent = descent = 0.0
        for name, piece in self._pieces(font, text):
            face = self._faces[name]
            syntax, advance = self._run(name, piece, glyphs)
            if runs and runs[-1][0] == name:
                runs[-1] = (name, runs[-1][1] + syntax)
            else:
                runs.append((name, syntax))
            width += advance
            ascent, descent = max(ascent, face.ascent), max(descent, face.descent)
        return ShapedLine(
            text,
            tuple((name, b"[" + syntax.replace(b"><", b"") + b"] TJ") for name, syntax in runs),
            width,
            ascent,
            descent,
            frozenset(glyphs),
        )

    def _run(self, name: str, text: str, glyphs: set[tuple[str, int, str]]) -> tuple[bytes, float]:
        """Return the glyphs of a text of one font and script as syntax, and their width."""
        face = self._faces[name]
        shaped = face.shape(text)
        starts = sorted({glyph.cluster for glyph in shaped} | {len(text)})
        ends = dict(pairwise(starts))
        counts: dict[int, int] = {}
        for glyph in shaped:
            counts[glyph.cluster] = counts.get(glyph.cluster, 0) + 1
        parts, width = [], 0
        shares: Iterator[str] = iter(())
        cluster = -1
        for glyph in shaped:
            if glyph.is_moved:
                raise OutsideLayout("placed-marks")
            if glyph.glyph == 0:
                raise OutsideLayout("character", "a character has no glyph")
            if glyph.cluster != cluster:
                cluster = glyph.cluster
                characters = text[cluster : ends[cluster]]
                shares = iter(shared_among(characters, counts[cluster], is_from_right=False))
            glyphs.add((name, glyph.glyph, next(shares)))
            width += glyph.advance
            # As WeasyPrint does it: the rest of the division is dropped.
            advance = glyph.advance * _THOUSAND / face.units
            moved = int(face.nominal_width(glyph.glyph) - advance)
            parts.append(b"<%04x>" % glyph.glyph + (b"%d" % moved if moved else b""))
        return b"".join(parts), width / face.units

    def _pieces(self, font: str, text: str) -> Iterator[tuple[str, str]]:
        """Yield the text in pieces of one font and one script."""
        characters = self._faces[font].characters
        stand_in = self._stand_ins.get(font)
        piece, name, current = "", font, ""
        for character in text:
            if ord(character) in characters:
                here = font
            elif stand_in is not None and ord(character) in self._faces[stand_in].characters:
                here = stand_in
            else:
                raise OutsideLayout("character", f"U+{ord(character):04X}")
            written = script(character)
            if written not in _SCRIPTS or unicodedata.category(character) in _REFUSED:
                raise OutsideLayout("character", f"U+{ord(character):04X}")
            is_other = written not in _COMMON and current not in ("", written)
            if piece and (here != name or is_other):
                yield name, piece
                piece = ""
            if written not in _COMMON:
                current = written
            piece, name = piece + character, here
        if piece:
            yield name, piece
