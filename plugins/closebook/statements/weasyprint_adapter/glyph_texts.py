"""Record the text of each glyph that is drawn, so that a search in a reader finds what is seen.

A font's map (ToUnicode) has one text for each glyph. WeasyPrint gives all characters of a cluster
to its first glyph, and keeps the first text that it meets. Two things go wrong then:

- Where glyphs change their order, as Devanagari's do, a glyph stands for one text here and for
  another there: the text of one word is read in another word.
- From right to left the glyphs stand in the order in which they are drawn, from left to right.
  Readers (poppler, pdfium, pdf.js, MuPDF) reverse all characters of such a word, also those inside
  a glyph with several characters, such as Arabic lam-alef.

So here the characters of a cluster are shared among its glyphs, in the order of drawing. A glyph
that has got another text before is drawn by a copy of its font, which has the same file and a map
of its own. The entry ActualText does not help there: pdf.js does not read it, and other
readers reverse it too.

In text from left to right ActualText helps. pdfium counts a glyph that is drawn above or below its
line, such as the sign of a Khmer vowel, to another line. So a line with such a glyph has its text
as ActualText, which pdfium reads in place of the glyphs.
"""

import re
import unicodedata
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from itertools import pairwise
from typing import Any

from closebook.statements.weasyprint_adapter.drawn_pages import DrawnPages, stream_commands

SILENT = "\N{ZERO WIDTH SPACE}"
"""The text of a glyph for which no character is left: PDF/A-3a requires one of each glyph."""

# What nobody types: a negative amount is found by the hyphen of a keyboard, a long one by a blank.
_AS_TYPED = {
    "\N{MINUS SIGN}": "-",
    "\N{NO-BREAK SPACE}": " ",
    "\N{NARROW NO-BREAK SPACE}": " ",
}
_DIRECTION_MARKS = re.compile("[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")
_GLYPHS = re.compile(r"<([0-9a-f]+)>")
_NUMBER = re.compile(r"-?[\d.]+")
_WITHOUT_GLYPHS = re.compile(r"[-\d.]*(?:<>[-\d.]*)+")
_DIGITS_OF_A_GLYPH = 4
_ENTRY = re.compile(rb"<[0-9a-f]{4}> <[0-9a-f]*>")

_Texts = dict[int, list[str]]


class GlyphTexts:
    """The texts of the glyphs of some pages, by the name of their font.

    The first text of a glyph is in the font's own map, and each other one in that of a copy.
    """

    def __init__(self) -> None:
        self._by_font: dict[str, _Texts] = {}

    def place(self, font: Any, glyph: int, text: str | None) -> int:
        """Return which map has this text for the glyph: 0 is the font's own.

        None stands for the text that WeasyPrint has given to the glyph.
        """
        known = self._by_font.setdefault(font.hash, {})
        texts = known.get(glyph)
        if texts is None:
            found = font.to_unicode[glyph] if text is None else text
            known[glyph] = [found]
            font.to_unicode[glyph] = found
            return 0
        font.to_unicode[glyph] = texts[0]
        if text is None or text == texts[0]:
            return 0
        if text not in texts:
            texts.append(text)
        return texts.index(text)

    def add_copies(self, drawn: DrawnPages) -> None:
        """Add the copies of fonts that the pages name."""
        for fonts in {id(each): each for each in map(drawn.fonts_of, drawn.pages)}.values():
            for name, reference in list(fonts.items()):
                texts = self._by_font.get(name, {})
                for number in range(1, max(map(len, texts.values()), default=0)):
                    font = drawn.at(reference)
                    others = {
                        glyph: some[number] for glyph, some in texts.items() if number < len(some)
                    }
                    commands = _with_entries(stream_commands(drawn.at(font["ToUnicode"])), others)
                    characters = drawn.add_stream(commands)
                    fonts[_copy(name, number)] = drawn.add_copy(font, ToUnicode=characters)


@contextmanager
def noted_glyph_texts() -> Iterator[GlyphTexts]:
    """Note the text of each glyph that is drawn inside this block."""
    from weasyprint.draw import text

    noted, before = GlyphTexts(), text.draw_first_line
    text.draw_first_line = _noting(noted, before)
    try:
        yield noted
    finally:
        text.draw_first_line = before


def shared_among(text: str, glyph_count: int, *, is_from_right: bool) -> list[str]:
    """Return the text of each glyph of a cluster, in the order of drawing.

    Each glyph gets one character as long as there are any; the last in reading order gets the rest.
    """
    if glyph_count == 1:
        plain = _DIRECTION_MARKS.sub("", text) or text
        shares = [_AS_TYPED.get(plain, plain)]
    elif any(each.isdecimal() and not each.isascii() for each in text):
        # `verify` knows no digit that stands for something else. No amount has such a cluster.
        return [text, *[SILENT] * (glyph_count - 1)]
    else:
        # A vowel of several glyphs, such as Bengali's o, is the same as its parts.
        parts = unicodedata.normalize("NFD", text) if len(text) < glyph_count else text
        shares = [*parts[: glyph_count - 1], parts[glyph_count - 1 :]]
        shares = [each or SILENT for each in shares] + [SILENT] * (glyph_count - len(shares))
    return [each[::-1] for each in reversed(shares)] if is_from_right else shares


def _noting(noted: GlyphTexts, draw_first_line: Callable[..., Any]) -> Callable[..., Any]:
    def draw(stream: Any, textbox: Any, overflow: str, ellipsis: str, matrix: Any) -> Any:
        if not textbox.text.strip():
            return draw_first_line(stream, textbox, overflow, ellipsis, matrix)
        line, _ = textbox.pango_layout.get_first_line()
        texts = list(texts_of_line(line, textbox.pango_layout.text.encode()))
        # Before it is drawn: drawing may make another line.
        is_raised = has_raised_glyph_from_left(line)
        commands = stream_commands(stream)
        begin = len(commands)
        with _Recorded(stream, noted, texts) as recorded:
            emojis = draw_first_line(recorded, textbox, overflow, ellipsis, matrix)
        # guard: documents.raised-glyphs-stay-in-their-word
        if is_raised and recorded.has_all_texts:
            said = "".join(filter(None, texts)).replace(SILENT, "")
            commands.insert(begin, actual_text(said))
            commands.append(b"EMC")
        return emojis

    return draw


def has_raised_glyph_from_left(line: Any) -> bool:
    """Return whether a line from left to right has a glyph that is drawn above or below it."""
    from weasyprint.text.ffi import ffi

    run, is_raised = line.runs[0], False
    while run != ffi.NULL:
        item, glyphs = run.data.item, run.data.glyphs
        run = run.next
        if item.analysis.level % 2:
            return False
        is_raised |= any(each.geometry.y_offset for each in glyphs.glyphs[0 : glyphs.num_glyphs])
    return is_raised


def actual_text(text: str) -> bytes:
    """Return the command that begins a content with this ActualText."""
    encoded = f"\ufeff{text}".encode("utf-16-be").hex().encode()
    return b"/Span <</ActualText <%s>>> BDC" % encoded


def texts_of_line(line: Any, text: bytes) -> Iterator[str | None]:
    """Yield the text of each glyph of a line, in the order of drawing.

    It is None for a glyph that no font has. A glyph that is not drawn is left out.
    """
    from weasyprint.text.ffi import ffi, pango

    run = line.runs[0]
    while run != ffi.NULL:
        item, glyphs = run.data.item, run.data.glyphs
        run = run.next
        count = glyphs.num_glyphs
        clusters = ffi.unpack(glyphs.log_clusters, count)
        numbers = [glyph.glyph for glyph in glyphs.glyphs[0:count]]
        of_item = text[item.offset : item.offset + item.length]
        for number, share in zip(
            numbers, _shares(of_item, clusters, bool(item.analysis.level % 2)), strict=True
        ):
            if number != pango.PANGO_GLYPH_EMPTY:
                yield None if number & pango.PANGO_GLYPH_UNKNOWN_FLAG else share


def _shares(text: bytes, clusters: Sequence[int], is_from_right: bool) -> Iterator[str]:
    """Yield the text of each glyph. ``clusters`` has the first byte of each glyph's cluster."""
    ends = sorted({*clusters, len(text)})
    end_of = dict(pairwise(ends))
    at = 0
    while at < len(clusters):
        cluster, first = clusters[at], at
        while at < len(clusters) and clusters[at] == cluster:
            at += 1
        characters = text[cluster : end_of[cluster]].decode()
        yield from shared_among(characters, at - first, is_from_right=is_from_right)


class _Recorded:
    """WeasyPrint's stream, which draws each glyph by the font whose map has its text."""

    def __init__(self, stream: Any, noted: GlyphTexts, texts: Sequence[str | None]) -> None:
        self._stream, self._noted, self._texts = stream, noted, iter(texts)
        self._added: Any = None
        self._font: Any = None
        self._size: Any = None
        self.has_all_texts = all(text is not None for text in texts)
        """Whether each glyph so far is drawn by a font that has its text."""

    def __enter__(self) -> "_Recorded":
        return self

    def __exit__(self, *_: object) -> None:
        """Leave the stream as WeasyPrint would have: with the font's own map."""

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def add_font(self, pango_font: Any) -> Any:
        """Note the font whose size is set next: the glyphs before are drawn only after this."""
        self._added, size = self._stream.add_font(pango_font)
        return self._added, size

    def set_font_size(self, name: str, size: Any) -> None:
        """Note font and size of the glyphs that follow; they are set with the first of these."""
        self._font, self._size = self._added, size

    def show_text(self, text: str) -> None:
        """Draw glyphs, in pieces of which each is drawn by one font."""
        if self._font.bitmap:
            self.has_all_texts = False
            self._show(text, 0)
            return
        digits = "".join(_GLYPHS.findall(text))
        places = [
            self._noted.place(
                self._font, int(digits[at : at + _DIGITS_OF_A_GLYPH], 16), next(self._texts)
            )
            for at in range(0, len(digits), _DIGITS_OF_A_GLYPH)
        ]
        if not any(places):  # guard: documents.glyph-has-the-text-of-its-place
            self._show(text, 0)
            return
        for piece, place in pieces_by_place(text, places):
            self._show(piece, place)

    def _show(self, text: str, place: int) -> None:
        text = without_empty_strings(text)
        if not text:
            return
        name = self._font.hash
        self._stream.set_font_size(_copy(name, place) if place else name, self._size)
        self._stream.show_text(text)


def without_empty_strings(text: str) -> str:
    """Return the operand of a TJ without strings that have no glyph: ``5<>3`` is ``8``.

    After such a string pdfium ignores the last number of the operand. So on a line of several fonts
    Chrome drew what follows too far to the right, such as signs of Devanagari's vowels.
    """
    if "<>" in text:  # guard: documents.no-empty-strings
        return _WITHOUT_GLYPHS.sub(_sum, text)
    return text


def _sum(found: re.Match[str]) -> str:
    total = sum(float(each) for each in _NUMBER.findall(found[0]))
    return f"{total:.6f}".rstrip("0").rstrip(".") if total else ""


def pieces_by_place(text: str, places: Sequence[int]) -> Iterator[tuple[str, int]]:
    """Yield a text in pieces whose glyphs have one place each: ``<00120034>5`` may be two."""
    piece, at, left = "", 0, iter(places)
    place = places[0]
    for group in _GLYPHS.finditer(text):
        piece += text[at : group.start()]
        at = group.end()
        for start in range(0, len(group[1]), _DIGITS_OF_A_GLYPH):
            here = next(left)
            if here != place:
                yield piece, place
                piece, place = "", here
            piece += f"<{group[1][start : start + _DIGITS_OF_A_GLYPH]}>"
    yield piece + text[at:], place


def _copy(name: str, number: int) -> str:
    return f"{name}{number}"


def _with_entries(commands: Sequence[Any], texts: dict[int, str]) -> list[Any]:
    """Return the commands of a font's map with these texts in place of its own."""
    entries = [
        b"<%04x> <%s>" % (glyph, text.encode("utf-16-be").hex().encode())
        for glyph, text in texts.items()
    ]
    start = next(at for at, command in enumerate(commands) if command.endswith(b" beginbfchar"))
    rest = [
        command
        for command in commands[start:]
        if not command.endswith((b"beginbfchar", b"endbfchar")) and not _ENTRY.fullmatch(command)
    ]
    made = [*commands[:start]]
    for first in range(0, len(entries), 100):
        block = entries[first : first + 100]
        made += [b"%d beginbfchar" % len(block), *block, b"endbfchar"]
    return made + rest
