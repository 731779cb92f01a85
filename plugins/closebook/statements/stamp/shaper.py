"""Shape texts: choose the fonts and the glyphs of a line, and their places."""

import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from typing import NamedTuple

from fontTools.unicodedata import script

from closebook.money import MINUS
from closebook.statements.stamp.faces import COMMON, Face, Writing
from closebook.statements.stamp.figures import Figures
from closebook.statements.stamp.layout import FontFacts, TextStyle
from closebook.statements.stamp.line_breaker import broken_into_lines
from closebook.statements.stamp.outside_layout import OutsideLayout
from closebook.statements.weasyprint_adapter.glyph_texts import shared_among
from closebook.statements.weasyprint_adapter.pango_texts import SetCommand, SetFont, TextSetter

_KEPT_LINES = 100_000
_COMMON = {COMMON, "Zinh"}
_SCRIPTS = _COMMON | {"Latn", "Grek", "Cyrl"}
# Characters without a glyph, or whose glyph is drawn over another one: Pango has rules for each.
_REFUSED = {"Cc", "Cf", "Co", "Cs", "Cn", "Mn", "Me", "Mc", "Zl", "Zp"}


_SET_BY_PANGO = {"character", "placed-marks"}
_KEPT_SET = 20_000


class ShapedLine(NamedTuple):
    """A line of text in a font. Lengths are in multiples of the font's size.

    ``runs`` have a font's name each, and the glyphs in the syntax of the operator TJ. ``glyphs``
    are all glyphs with their texts. ``ascent`` and ``descent`` are the largest of the fonts.
    A line that Pango has set has ``commands`` instead of runs and glyphs.
    """

    text: str
    runs: tuple[tuple[str, bytes], ...]
    width: float
    ascent: float
    descent: float
    glyphs: frozenset[tuple[str, int, str]]
    commands: tuple[SetCommand, ...] = ()


class Shaper:
    """Shapes the texts of the statements of one layout."""

    def __init__(
        self, faces: dict[str, Face], stand_ins: Mapping[str, str], setter: TextSetter
    ) -> None:
        self._faces = faces
        self._stand_ins = stand_ins
        self._setter = setter
        self._figures: dict[tuple[str, str | None], Figures] = {}
        self._boxes: dict[
            tuple[int, float, float, bool], tuple[TextStyle, tuple[float, float, float]]
        ] = {}
        self._set: dict[tuple[str, TextStyle, str | None, float | None], list[ShapedLine]] = {}
        self._lines: dict[tuple[str, str | None, str], ShapedLine] = {}

    def face(self, font: str) -> Face:
        """Return the face of a font's name."""
        return self._faces[font]

    def line(self, style: TextStyle, text: str) -> ShapedLine:
        """Return a text of one line. Raises OutsideLayout for one that is not shaped exactly."""
        figures = self._of_figures(style, text)
        if figures is not None:
            return figures
        key = style.font, style.settings.language, text
        found = self._lines.get(key)
        if found is None:
            found = self._shaped(style, text)
            if len(self._lines) > _KEPT_LINES:
                self._lines.clear()
            self._lines[key] = found
        return found

    def line_box(self, style: TextStyle, line: ShapedLine) -> tuple[float, float]:
        """Return the baseline and the height of a line that was shaped."""
        _, baseline, height = self.box(style, line)
        return baseline, height

    def box(self, style: TextStyle, line: ShapedLine) -> tuple[float, float, float]:
        """Return the baseline of an empty line of a style, and the line's baseline and height.

        Lengths are from the line's top. For a line that Pango has set the first one is Pango's own,
        since Pango rounds the ascent of a font.
        """
        # A style that is kept has an id that no other one can get.
        key = id(style), line.ascent, line.descent, bool(line.commands)
        found = self._boxes.get(key)
        if found is None:
            if line.commands:
                strut = self._setter.strut(style.settings)
            else:
                face = self._faces[style.font]
                strut = _line_box(style, face.ascent, face.descent)[0]
            box = (strut, *_line_box(style, line.ascent, line.descent, strut))
            found = self._boxes[key] = (style, box)
        return found[1]

    def lines(
        self, text: str, style: TextStyle, room: float | None, direction: str | None = None
    ) -> Sequence[ShapedLine]:
        """Return the lines of a text in ``room`` pixels; without ``room`` it has one line.

        Its white space is collapsed. ``direction`` is that of the text if its block has another.
        """
        settings = style.settings
        is_from_left = direction == "ltr" or (direction is None and not settings.is_from_right)
        # guard: stamp.plain-settings-of-a-text
        if settings.is_plain and is_from_left:
            try:
                return self._plain_lines(text, style, room)
            except OutsideLayout as outside:
                if outside.reason not in _SET_BY_PANGO:
                    raise
        key = text, style, direction, room
        found = self._set.get(key)
        if found is None:
            if len(self._set) > _KEPT_SET:
                self._set.clear()
            found = self._set[key] = self._pango_lines(text, style, room, direction)
        return found

    def _plain_lines(self, text: str, style: TextStyle, room: float | None) -> list[ShapedLine]:
        whole = self.line(style, text)
        if room is None or whole.width * style.size <= room:
            return [whole]

        def width_of(piece: str) -> float:
            return self.line(style, piece).width * style.size

        pieces = broken_into_lines(text, room, width_of)
        # guard: stamp.pango-breaks-at-other-blanks
        if len(pieces) > 1 and any(each.isspace() and each != " " for each in text):
            # At the end of a line such a blank has no width, as the usual one.
            raise OutsideLayout("character", "a line may end at a blank that does not break")
        if len(pieces) > 1 and not style.settings.breaks_words:
            raise OutsideLayout("character", "words that are longer than a line stay whole")
        return [self.line(style, piece) for piece in pieces]

    def _pango_lines(
        self, text: str, style: TextStyle, room: float | None, direction: str | None
    ) -> list[ShapedLine]:
        found = self._setter.lines(text, style.settings.directed(direction), room)
        if found is None:
            raise OutsideLayout("character", "a text that Pango does not set whole")
        for line in found:
            for operator, operand, _ in line.commands:
                name = operand.split()[0].decode()
                if operator == "Tf" and name not in self._faces:
                    self._faces[name] = _face_of(self._setter.font(name))
        size = style.size
        return [
            ShapedLine(
                line.text,
                (),
                line.width / size,
                line.baseline / size,
                (line.height - line.baseline) / size,
                frozenset(),
                line.commands,
            )
            for line in found
        ]

    def _shaped(self, style: TextStyle, text: str) -> ShapedLine:
        writing = self._writing(style, _script_of(text))
        runs: list[tuple[str, bytes]] = []
        glyphs: set[tuple[str, int, str]] = set()
        width = ascent = descent = 0.0
        for name, piece in self._pieces(style.font, text):
            face = self._faces[name]
            syntax, advance = self._run(name, piece, writing, glyphs)
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

    def _writing(self, style: TextStyle, script: str) -> Writing:
        return Writing(script, self._setter.language(style.settings, script))

    def figures(self, style: TextStyle, text: str, room: float | None) -> ShapedLine | None:
        """Return a text of figures that fits into one line; None for any other text."""
        if not style.settings.is_plain:
            return None
        found = self._of_figures(style, text)
        if found is None or (room is not None and found.width * style.size > room):
            return None
        return found

    def _of_figures(self, style: TextStyle, text: str) -> ShapedLine | None:
        """Return a line of figures, from glyphs that are shaped once; None for another text."""
        font = style.font
        key = font, style.settings.language
        figures = self._figures.get(key)
        if figures is None:
            language = self._writing(style, COMMON).language
            figures = self._figures[key] = Figures(font, self._faces[font], language)
        found = figures.set(text)
        face = self._faces[font]
        if found is not None:
            return ShapedLine(
                text,
                ((font, found.operator),),
                found.width / face.units,
                face.ascent,
                face.descent,
                found.glyphs,
            )
        if not text.startswith(MINUS) or ord(MINUS) in face.characters:
            return None
        # The minus is of another font, which shapes it apart.
        found = figures.set(text[1:])
        if found is None or text == MINUS:
            return None
        minus = self.line(style, MINUS)
        return ShapedLine(
            text,
            (*minus.runs, (font, found.operator)),
            minus.width + found.width / face.units,
            max(minus.ascent, face.ascent),
            max(minus.descent, face.descent),
            minus.glyphs | found.glyphs,
        )

    def _run(
        self, name: str, text: str, writing: Writing, glyphs: set[tuple[str, int, str]]
    ) -> tuple[bytes, float]:
        """Return the glyphs of a text of one font and script as syntax, and their width."""
        face = self._faces[name]
        shaped = face.shape(text, writing)
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
            parts.append(face.syntax(glyph.glyph, glyph.advance))
        return b"".join(parts), width / face.units

    def _pieces(self, font: str, text: str) -> Iterator[tuple[str, str]]:
        """Yield the text in pieces of one font."""
        characters = self._faces[font].characters
        stand_in = self._stand_ins.get(font)
        piece, name = "", font
        for character in text:
            if ord(character) in characters:
                here = font
            elif stand_in is not None and character == MINUS:  # guard: stamp.stand-in-has-the-minus
                here = stand_in
            else:
                raise OutsideLayout("character", f"U+{ord(character):04X}")
            if piece and here != name:
                yield name, piece
                piece = ""
            piece, name = piece + character, here
        if piece:
            yield name, piece


def _script_of(text: str) -> str:
    """Return the script of a text: figures and signs have that of the letters beside them.

    Raises OutsideLayout for a text of several scripts: Pango has rules for what is between them.
    """
    found = COMMON
    for character in text:
        written = script(character)
        if written not in _SCRIPTS or unicodedata.category(character) in _REFUSED:
            raise OutsideLayout("character", f"U+{ord(character):04X}")
        if written not in _COMMON:
            if found not in (COMMON, written):
                raise OutsideLayout("character", f"{found} and {written}")
            found = written
    return found


def _face_of(font: SetFont) -> Face:
    subtype = b"/CIDFontType0" if font.is_compact else b"/CIDFontType2"
    # It shapes no text: Pango does.
    return Face(FontFacts(font.file, font.base_name, subtype, font.descriptor), {})


def _line_box(
    style: TextStyle, ascent: float, descent: float, least: float = 0.0
) -> tuple[float, float]:
    """Return the baseline and the height of a line box, in pixels from its top (CSS 2.1, 10.8).

    ``least`` is the baseline of the line's strut, an invisible text in the style's own font.
    """
    size, line_height = style.size, style.line_height
    content = (ascent + descent) * size
    baseline = ascent * size + (line_height - content) / 2
    below = line_height - baseline
    strut = least or baseline
    return max(baseline, strut), max(baseline, strut) + max(below, line_height - strut)
