"""Sets single texts by Pango, as WeasyPrint does it, in any script and direction.

The second renderer shapes most texts itself (closebook/statements/stamp/shaper.py). This sets the
others, with the fonts, the order and the ends of lines that they have on a page of the first one.
"""

from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from closebook.statements.weasyprint_adapter.glyph_texts import (
    SILENT,
    actual_text,
    has_raised_glyph_from_left,
    texts_of_line,
    without_empty_strings,
)
from closebook.statements.weasyprint_adapter.layout_marks import FontFile
from closebook.statements.weasyprint_adapter.shaping_languages import shaping_language
from closebook.statements.weasyprint_adapter.text_settings import TextSettings

_MOST_LINES = 500

SetCommand = tuple[str, bytes, tuple[str, ...]]
"""An operator (Tf, TJ, Ts, BDC or EMC), its operands, and the text of each glyph of a TJ.

Those of BDC and EMC are whole commands.
"""


@dataclass(frozen=True, slots=True)
class SetFont:
    """A font that a text was set in, and its entries in a file."""

    name: str
    base_name: bytes
    is_compact: bool
    descriptor: bytes
    file: FontFile = field(repr=False)


@dataclass(frozen=True, slots=True)
class SetLine:
    """A line of a text that was set. Lengths are pixels; ``height`` is that of its content.

    ``commands`` draw it from its place.
    """

    text: str
    width: float
    height: float
    baseline: float
    commands: tuple[SetCommand, ...]


class TextSetter:
    """Sets texts with the fonts of one template: ``configuration`` is their FontConfiguration."""

    def __init__(self, configuration: Any) -> None:
        self._configuration = configuration
        self._fonts: dict[Any, Any] = {}
        self._known: dict[str, SetFont] = {}
        self._languages: dict[tuple[str | None, str], str] = {}

    def font(self, name: str) -> SetFont:
        """Return a font that some text was set in."""
        return self._known[name]

    def strut(self, settings: TextSettings) -> float:
        """Return the baseline of a line without texts, from the line's top, in pixels."""
        from weasyprint.text.line_break import strut

        return float(strut(self._style(settings))[1])

    def language(self, settings: TextSettings, script: str) -> str:
        """Return the language in which a text of a script is shaped."""
        key = settings.language, script
        found = self._languages.get(key)
        if found is None:
            found = self._languages[key] = shaping_language(script, self._style(settings))
        return found

    def lines(self, text: str, settings: TextSettings, room: float | None) -> list[SetLine] | None:
        """Return the lines of a text in ``room`` pixels. Its only white space are blanks.

        Returns None if a character has no glyph, or if a glyph is a picture.
        """
        from weasyprint.text.line_break import split_first_line

        style = self._style(settings)
        found: list[SetLine] = []
        left = text.encode()
        while left and len(found) < _MOST_LINES:
            layout, length, resume, width, height, baseline = split_first_line(
                left.decode(), style, None, room, 0, is_line_start=True
            )
            line = self._drawn(layout, style, width, height, baseline)
            if line is None or length == 0:
                return None
            found.append(line)
            if resume is None:
                return found
            left = left[resume:].lstrip(b" ")
        return found if not left else None

    def _style(self, settings: TextSettings) -> Any:
        style = _Style(settings.properties)
        style.font_config = self._configuration
        style.cache = {}
        return style

    def _drawn(
        self, layout: Any, style: Any, width: float, height: float, baseline: float
    ) -> SetLine | None:
        from weasyprint.draw import text as drawing
        from weasyprint.matrix import Matrix

        layout.reactivate(style)
        box = _Box(layout.text, style, layout)
        if not box.text.strip():
            return None
        line, _ = layout.get_first_line()
        texts = list(texts_of_line(line, layout.text.encode()))
        if None in texts:
            return None
        is_raised = has_raised_glyph_from_left(line)
        recorder = _Recorder(self._stream, texts)
        emojis = drawing.draw_first_line(recorder, box, "clip", "none", Matrix(d=-1))
        layout.deactivate()
        if emojis:
            return None
        for font in recorder.fonts:
            if font.bitmap:
                return None
            self._known.setdefault(font.hash, _set_font(font))
        commands = tuple(recorder.commands)
        if is_raised:
            # As the first renderer does it: readers take the text from beside the glyphs.
            said = "".join(text for text in texts if text).replace(SILENT, "")
            commands = (("BDC", actual_text(said), ()), *commands, ("EMC", b"EMC", ()))
        return SetLine(box.text, width, height, baseline, commands)

    @cached_property
    def _stream(self) -> Any:
        from weasyprint.pdf.stream import Stream

        return Stream(self._fonts, None, None, None, None, None, None)


class _Style(dict[str, Any]):
    """A computed style, of which WeasyPrint reads the properties and these two."""

    font_config: Any
    cache: Any


@dataclass
class _Box:
    text: str
    style: Any
    pango_layout: Any


class _Recorder:
    """Records what WeasyPrint draws, in place of the stream of a page."""

    def __init__(self, stream: Any, texts: list[str | None]) -> None:
        self._stream, self._texts = stream, iter(texts)
        self.commands: list[SetCommand] = []
        self.fonts: list[Any] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def add_font(self, pango_font: Any) -> Any:
        """Note a font."""
        font, size = self._stream.add_font(pango_font)
        self.fonts.append(font)
        return font, size

    def set_text_matrix(self, *_: float) -> None:
        """Ignore the place of the text, which is known later."""

    def set_text_rise(self, rise: float) -> None:
        """Note by how much the next glyphs are raised."""
        self.commands.append(("Ts", b"%g" % rise, ()))

    def set_font_size(self, name: str, size: float) -> None:
        """Note the font of the next glyphs."""
        self.commands.append(("Tf", b"%s %.6f" % (name.encode(), size), ()))

    def show_text(self, text: str) -> None:
        """Note glyphs with their texts."""
        operand = without_empty_strings(text).encode()
        if not operand:
            return
        count = sum(len(group) // 4 for group in _glyph_groups(text))
        shares = tuple(next(self._texts) or "" for _ in range(count))
        self.commands.append(("TJ", operand, shares))


def _glyph_groups(text: str) -> list[str]:
    return [part.partition(">")[0] for part in text.split("<")[1:]]


def _set_font(font: Any) -> SetFont:
    is_compact = "CFF " in font.tables
    descriptor = (
        b"<< /Type /FontDescriptor /FontName %s /FontFamily (%s) /Flags %d"
        b" /FontBBox [ 0 %d 1000 %d ] /ItalicAngle %d /Ascent %d /Descent %d /CapHeight %d"
        b" /StemV %d /StemH %d >>"
        % (
            *(font.name, font.family.encode("ascii", "replace"), font.flags),
            *(font.descent, font.ascent, font.italic_angle, font.ascent, font.descent),
            *(font.ascent, font.stemv, font.stemh),
        )
    )
    content = FontFile(
        bytes(font.file_content), font.index, font.ascent / 1000, font.descent / 1000
    )
    return SetFont(font.hash, font.name, is_compact, descriptor, content)
