"""The glyphs that one command of a page draws: how wide they are, and their place on the page."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from closebook.statements.verify.page_geometry import (
    IDENTITY,
    Box,
    Colour,
    DrawnShape,
    Matrix,
    at,
    box_of,
)
from closebook.statements.verify.untrusted_pdf import CheckFailed

BLACK: Colour = (0.0, 0.0, 0.0)
_ARRAY_ITEM = re.compile(rb"<([0-9A-Fa-f]*)>|([-.0-9]+)")
_HEX_DIGITS_PER_GLYPH = 4
_UNITS_OF_EM = 1000.0
# A digit has most of its ink between these heights above the baseline, in parts of an em.
_CORE_BOTTOM, _CORE_TOP = 0.05, 0.65
_CORE_SIDE = 0.06
# The middles of two digits or letters are at least this part of an em apart.
_LEAST_STEPS_OF_EM = 12
_FAR = 1e9


@dataclass(frozen=True, slots=True)
class Glyph:
    """How far a glyph moves the next one, in 1/1000 of an em, and what it draws.

    A glyph ``is_seen`` if it draws something beside others: no blank, and no mark over a letter. It
    ``is_compared`` if it is a digit, a Latin letter or a sign.
    """

    width: float
    is_seen: bool
    is_compared: bool


@dataclass(slots=True)
class GraphicsState:
    """The graphics state, as far as it is followed. It changes with each command."""

    matrix: Matrix = IDENTITY
    fill: Colour | None = BLACK
    stroke: Colour | None = BLACK
    fill_alpha: float = 1.0
    is_plain: bool = True
    line_width: float = 1.0
    font: str = ""
    size: float = 0.0
    character_space: float = 0.0
    word_space: float = 0.0
    scale: float = 1.0
    rise: float = 0.0
    clips: tuple[DrawnShape, ...] = ()


@dataclass(frozen=True, slots=True)
class DrawnText:
    """The glyphs of one command: where the middle of them is, and how they are seen.

    ``colour`` is None where it is not known. ``is_upright`` is false for letters that are turned,
    mirrored or squeezed. ``is_read`` is false for what the tags do not have, such as a page's foot:
    a long name may reach over the page's edge there.
    """

    core: Box
    size: float
    colour: Colour | None
    is_opaque: bool
    is_upright: bool
    is_read: bool
    clips: Sequence["DrawnShape"]


@dataclass(frozen=True, slots=True)
class GlyphRun:
    """How far the glyphs of one command move the next one, and where those that are seen are.

    ``first`` is where the first of these begins, None if there is none; ``last`` is where the last
    one ends.
    """

    advance: float
    first: float | None
    last: float


def glyph_run(written: bytes, glyphs: Mapping[int, Glyph], state: GraphicsState) -> GlyphRun:
    """Return the run of the operand of TJ. Raises CheckFailed for letters over letters."""
    em = state.size
    # ``middle`` is that of the last digit or Latin letter.
    along, first, last, middle = 0.0, None, 0.0, -_FAR
    em_of_unit, space = em * state.scale / _UNITS_OF_EM, state.character_space * state.scale
    for codes, moved in _ARRAY_ITEM.findall(written):
        if moved:
            along -= float(moved) * em_of_unit
            continue
        for place in range(0, len(codes), _HEX_DIGITS_PER_GLYPH):
            glyph = glyphs[int(codes[place : place + _HEX_DIGITS_PER_GLYPH], 16)]
            width = glyph.width * em_of_unit
            if glyph.is_seen:
                centre = along + width / 2
                # guard: verify.glyphs-beside-each-other
                if centre < middle + em / _LEAST_STEPS_OF_EM * state.scale:
                    raise CheckFailed("a page has letters over letters, and no statement has")
                if glyph.is_compared:
                    middle = centre
                if first is None:
                    first = along
                last = along + width
            along += width + space
    return GlyphRun(along, first, last)


def drawn_text(
    first: float, last: float, state: GraphicsState, matrix: Matrix, *, is_read: bool
) -> DrawnText:
    """Return a run as the page shows it; ``matrix`` puts its begin on the page."""
    em = state.size
    across, up = matrix[0] * state.scale * em, matrix[3] * em
    is_upright = across > 0 and up > 0 and abs(matrix[1]) < abs(matrix[0]) / 100
    ends = (first + _CORE_SIDE * em * state.scale, last - _CORE_SIDE * em * state.scale)
    heights = (state.rise + em * _CORE_BOTTOM, state.rise + em * _CORE_TOP)
    if ends[0] >= ends[1]:
        ends = ((first + last) / 2, (first + last) / 2 + em / 100)
    return DrawnText(
        box_of([at(matrix, x, y) for x in ends for y in heights]),
        up,
        state.fill,
        state.is_plain and state.fill_alpha > 1 / 2,
        is_upright and up / 3 < across < up * 3,
        is_read,
        state.clips,
    )
