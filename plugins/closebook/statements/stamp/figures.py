"""Set texts of figures, such as amounts, from glyphs that a font has shaped once.

Most texts of a statement that no other statement has are amounts, balances and references.
"""

from collections.abc import Mapping
from itertools import pairwise, product
from typing import NamedTuple

from closebook.statements.stamp.faces import COMMON, Face, ShapedGlyph, Writing
from closebook.statements.weasyprint_adapter.glyph_texts import shared_among

_FIGURES = "0123456789.,-+/:%\u2212\u00a0\u202f "


class SetFigures(NamedTuple):
    """A text of figures as an operator TJ, its width in units of the font, and its glyphs."""

    operator: bytes
    width: int
    glyphs: frozenset[tuple[str, int, str]]


class Figures:
    """The figures of a font in one language, each as it is alone. ``name`` is that of the font."""

    def __init__(self, name: str, face: Face, language: str) -> None:
        self._face, self._writing = face, Writing(COMMON, language)
        alone = {each: glyph for each in _FIGURES if (glyph := self._alone(each)) is not None}
        self._known = frozenset(alone)
        self._syntax = {
            each: face.syntax(glyph.glyph, glyph.advance).decode() for each, glyph in alone.items()
        }
        self._advances = {each: glyph.advance for each, glyph in alone.items()}
        self._glyphs = {
            each: (name, glyph.glyph, shared_among(each, 1, is_from_right=False)[0])
            for each, glyph in alone.items()
        }
        self._glyphs_of: dict[frozenset[str], frozenset[tuple[str, int, str]]] = {}
        self._unlike = frozenset(
            pair for pair in product(alone, alone) if not self._is_plain(alone, pair)
        )

    def set(self, text: str) -> SetFigures | None:
        """Return a text of figures as each is set alone; None if the whole text has to be shaped.

        That is so if it has another character, or if the font shapes two figures in another way
        than each of them alone.
        """
        if not self._known.issuperset(text):
            return None
        # guard: stamp.figures-are-set-as-each-alone
        if self._unlike and not self._unlike.isdisjoint(pairwise(text)):
            return None
        syntax = "".join(map(self._syntax.__getitem__, text)).replace("><", "")
        width = sum(map(self._advances.__getitem__, text))
        characters = frozenset(text)
        glyphs = self._glyphs_of.get(characters)
        if glyphs is None:
            glyphs = frozenset(map(self._glyphs.__getitem__, characters))
            self._glyphs_of[characters] = glyphs
        return SetFigures(f"[{syntax}] TJ".encode(), width, glyphs)

    def _alone(self, character: str) -> ShapedGlyph | None:
        if ord(character) not in self._face.characters:
            return None
        glyphs = self._face.shape(character, self._writing)
        return glyphs[0] if len(glyphs) == 1 and not glyphs[0].is_moved else None

    def _is_plain(self, alone: Mapping[str, ShapedGlyph], pair: tuple[str, str]) -> bool:
        shaped = self._face.shape("".join(pair), self._writing)
        together = [(glyph.glyph, glyph.advance, glyph.is_moved) for glyph in shaped]
        return together == [(alone[each].glyph, alone[each].advance, False) for each in pair]
