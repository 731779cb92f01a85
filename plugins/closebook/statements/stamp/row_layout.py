"""The rows of a statement's lines: the texts, broken into lines and shaped, and the heights."""

from collections.abc import Iterable
from dataclasses import dataclass

from closebook.statements.render.view_model import LineView
from closebook.statements.stamp.layout import Column, RowRule, TextStyle
from closebook.statements.stamp.line_breaker import broken_into_lines, collapsed
from closebook.statements.stamp.outside_layout import OutsideLayout
from closebook.statements.stamp.shaper import ShapedLine, Shaper

_LONGEST_TEXT = 2000
_KEPT_CELLS = 100_000


@dataclass(frozen=True, slots=True)
class CellLines:
    """The lines of a cell, each with its baseline as a distance from that of a plain first line.

    ``height`` is that of all lines.
    """

    lines: tuple[tuple[ShapedLine, float], ...]
    height: float


@dataclass(frozen=True, slots=True)
class LaidOutRow:
    """A row: the lines of each column that has a text, and the row's height."""

    cells: tuple[tuple[Column, CellLines], ...]
    height: float
    shift: float


class RowLayout:
    """Lays out the lines of the statements of one layout."""

    def __init__(self, rule: RowRule, shaper: Shaper) -> None:
        self._rule, self._shaper = rule, shaper
        self._cells: dict[tuple[str, str], CellLines] = {}
        self._fields = [(column, column.slot.name.removeprefix("line.")) for column in rule.columns]
        heights = [column.extra + column.slot.style.line_height for column in rule.columns]
        # The cell that decides the height of a plain row may be an empty one.
        self._rest = rule.height - max(heights)

    def rows(self, lines: Iterable[LineView]) -> list[LaidOutRow]:
        """Return the rows of some lines."""
        return [self._row(line) for line in lines]

    def _row(self, line: LineView) -> LaidOutRow:
        cells, tallest = [], 0.0
        for column, name in self._fields:
            text = getattr(line, name)
            if not text:
                # An empty cell has the height of its paddings: it is never the tallest.
                continue
            cell = self._cell(column, text)
            cells.append((column, cell))
            tallest = max(tallest, column.extra + cell.height)
        first = self._rule.first_extra if line.number == 1 else 0.0
        return LaidOutRow(tuple(cells), tallest + self._rest + first, first)

    def _cell(self, column: Column, text: str) -> CellLines:
        key = (column.slot.name, text)
        found = self._cells.get(key)
        if found is None:
            if len(self._cells) > _KEPT_CELLS:
                self._cells.clear()
            found = self._cells[key] = self._laid_out(column, text)
        return found

    def _laid_out(self, column: Column, text: str) -> CellLines:
        if getattr(text, "direction", None) is not None:
            raise OutsideLayout("text-direction")
        if len(text) > _LONGEST_TEXT:
            raise OutsideLayout("tall-row", "a very long text")
        slot, shaper = column.slot, self._shaper
        style = slot.style
        plain = collapsed(text)
        if not plain:
            raise OutsideLayout("empty-text")

        def width_of(piece: str) -> float:
            return shaper.line(style.font, piece).width * style.size

        found, top = [], 0.0
        usual = line_box(style, shaper.face(style.font).ascent, shaper.face(style.font).descent)[0]
        for piece in broken_into_lines(plain, slot.room, width_of):
            shaped = shaper.line(style.font, piece)
            baseline, height = line_box(style, shaped.ascent, shaped.descent, usual)
            found.append((shaped, top + baseline - usual))
            top += height
        return CellLines(tuple(found), top)


def line_box(
    style: TextStyle, ascent: float, descent: float, least: float = 0.0
) -> tuple[float, float]:
    """Return the baseline and the height of a line box, in pixels from its top (CSS 2.1, 10.8).

    ``least`` is the baseline of the line's strut, which is as high as the style's own font.
    """
    size, line_height = style.size, style.line_height
    content = (ascent + descent) * size
    baseline = ascent * size + (line_height - content) / 2
    below = line_height - baseline
    strut = least or baseline
    return max(baseline, strut), max(baseline, strut) + max(below, line_height - strut)
