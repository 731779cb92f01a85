"""Read a bare font (CFF) of a received PDF: glyphs by code, without a map of characters."""

from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from io import BytesIO
from typing import Any

from fontTools.cffLib import CFFFontSet
from fontTools.misc.psCharStrings import CharStringCompileError, T2CharString
from fontTools.pens.recordingPen import RecordingPen

from closebook.statements.verify.untrusted_pdf import CheckFailed

UNITS_OF_EM = 1000
_DIGEST_DIGITS = 24


class BareFont:
    """A font of a character collection, in which each glyph has the code that pages name it by.

    Raises CheckFailed if it cannot be read, or if it turns, mirrors or stretches its outlines.
    """

    def __init__(self, name: str, content: bytes) -> None:
        self._name = name
        with self._read():
            fonts = CFFFontSet()
            fonts.decompile(BytesIO(content), None)
            [self._font] = fonts.topDictIndex
            dictionaries = [self._font, *self._font.FDArray]
            self._outlines: Any = self._font.CharStrings
            matrices = [each for each in dictionaries if "FontMatrix" in each.rawDict]
        if matrices:  # guard: verify.font-keeps-its-outlines
            raise CheckFailed(f"the font {name} changes the shape of its outlines")

    def has(self, code: int) -> bool:
        """Whether the font has a glyph of this code."""
        return _glyph(code) in self._outlines

    def outline_digest(self, code: int) -> str:
        """Return the digest of a glyph, as `embedded_fonts.outline_digest` makes it."""
        with self._read():
            glyph: T2CharString = self._outlines[_glyph(code)]
            pen = RecordingPen()
            glyph.draw(pen)
            outline = repr((UNITS_OF_EM, glyph.width, pen.value)).encode()
        return sha256(outline).hexdigest()[:_DIGEST_DIGITS]

    @contextmanager
    def _read(self) -> Iterator[None]:
        try:
            yield
        except (
            ArithmeticError,
            AssertionError,
            AttributeError,
            CharStringCompileError,
            EOFError,
            LookupError,
            RecursionError,
            TypeError,
            ValueError,
        ) as error:
            raise CheckFailed(f"the font {self._name} cannot be read") from error


def _glyph(code: int) -> str:
    return f"cid{code:05d}" if code else ".notdef"
