"""The rows of a statement's lines: the texts, broken into lines and shaped, and the heights."""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from closebook.statements.render.view_model import LineView
from closebook.statements.stamp.content_stream import drawn_parts, line_start
from closebook.statements.stamp.layout import Column, RowRule, TextStyle
from closebook.statements.stamp.line_breaker import collapsed
from closebook.statements.stamp.outside_layout import OutsideLayout
from closebook.statements.stamp.shaper import ShapedLine, Shaper

_LONGEST_TEXT = 2000
_KEPT_CELLS = 100_000
_TOLERANCE = 0.01
# In the template an element inside of these slots sets their direction.
_OWN_DIRECTION = {"line.original": "ltr", "line.rate": "ltr"}
# The first texts of cells that may have more paragraphs, and what is in the others.
_LOWER = {
    "day": ("value_day",),
    "description": ("interest", "original"),
    "reference": ("customer_reference",),
}


class CellLines(NamedTuple):
    """The lines of a text, each with its baseline as a distance from that of a plain first line.

    ``height`` is that of all lines. ``drawn`` has the commands of each line, in three parts:
    the number of its content and the place of its baseline go between them. It is None if the
    commands depend on the document. ``glyphs`` are those that not every document has.
    """

    lines: tuple[tuple[ShapedLine, float], ...]
    height: float
    drawn: tuple[tuple[bytes, bytes, bytes, float], ...] | None
    glyphs: frozenset[tuple[str, int, str]]


class LaidOutRow(NamedTuple):
    """A row: its texts, each with the height of the texts above it in its cell; the row's height.

    ``kind`` is ``line``, or one of BREAK_KINDS. ``number`` is that of the line, or 0. ``shift`` is
    by how much all texts are lower than below a row of the same kind.
    """

    kind: str
    number: int
    cells: tuple[tuple[Column, CellLines, float], ...]
    height: float
    shift: float = 0.0
    begins_page: bool = False


class RowLayout:
    """Lays out the lines of the statements of one layout.

    ``usual`` are the glyphs that each document of the layout has.
    """

    def __init__(
        self, rule: RowRule, shaper: Shaper, usual: frozenset[tuple[str, int, str]]
    ) -> None:
        self._rule, self._shaper, self._usual = rule, shaper, usual
        self._cells: dict[tuple[str, str], CellLines] = {}
        self._fields = [(column, column.slot.name.removeprefix("line.")) for column in rule.columns]
        tallest = max(
            column.extra + column.slot.style.line_height
            for column in rule.columns
            if not column.place
        )
        # A style sheet may set the least height of a row.
        least = rule.height if rule.height > tallest + _TOLERANCE else 0.0
        # An empty cell has the height of its paddings.
        self._least = max(least, *rule.cell_extras)

    def rows(self, lines: Iterable[LineView]) -> list[LaidOutRow]:
        """Return the rows of some lines, each with its height below another line."""
        return [self._row(line) for line in lines]

    def break_row(self, kind: str, texts: Mapping[str, str]) -> LaidOutRow:
        """Return a row at the break of a page."""
        row = self._rule.breaks[kind]
        cells, height = [], row.height
        for _, column in row.amounts:
            cell = self._cell(column, texts[column.slot.name.removeprefix("break.")])
            cells.append((column, cell, 0.0))
            height = max(height, column.extra + cell.height)
        return LaidOutRow(kind, 0, tuple(cells), height)

    def _row(self, line: LineView) -> LaidOutRow:
        cells, tallest = [], self._least
        index, above = -1, 0.0
        for column, name in self._fields:
            text = getattr(line, name)
            if not text:
                if any(getattr(line, lower) for lower in _LOWER.get(name, ())):
                    raise OutsideLayout("empty-text", name)
                continue
            if column.index != index:
                index, above = column.index, 0.0
            cell = self._cell(column, column.slot.before + text if column.slot.before else text)
            cells.append((column, cell, above))
            above += cell.height
            height = column.extra + above
            tallest = max(tallest, height)
        return LaidOutRow("line", line.number, tuple(cells), tallest)

    def _cell(self, column: Column, text: str) -> CellLines:
        # The direction of a text is that of its first letter.
        key = (column.slot.name, text)
        found = self._cells.get(key)
        if found is None:
            if len(self._cells) > _KEPT_CELLS:
                self._cells.clear()
            found = self._cells[key] = self._laid_out(column, text)
        return found

    def _laid_out(self, column: Column, text: str) -> CellLines:
        if len(text) > _LONGEST_TEXT:
            raise OutsideLayout("tall-row", "a very long text")
        slot, shaper = column.slot, self._shaper
        style = slot.style
        plain = collapsed(text)
        if not plain:
            raise OutsideLayout("empty-text")
        figures = shaper.figures(style, plain, slot.room) if _is_from_left(text, style) else None
        if figures is not None:
            # Most texts that no other statement has.
            plain_baseline, baseline, height = shaper.box(style, figures)
            dy = baseline - plain_baseline
            parts = drawn_parts(column.tag, style, figures, line_start(slot, figures))
            return CellLines(
                ((figures, dy),),
                height,
                ((*parts, dy + column.dy),),
                figures.glyphs - self._usual,
            )
        found, top = [], 0.0
        direction = getattr(text, "direction", None) or _OWN_DIRECTION.get(slot.name)
        for shaped in shaper.lines(plain, style, slot.room, direction):
            plain_baseline, baseline, height = shaper.box(style, shaped)
            found.append((shaped, top + baseline - plain_baseline))
            top += height
        drawn = None
        if not any(shaped.commands for shaped, _ in found):
            drawn = tuple(
                (*drawn_parts(column.tag, style, shaped, line_start(slot, shaped)), dy + column.dy)
                for shaped, dy in found
            )
        glyphs = frozenset[tuple[str, int, str]]()
        for shaped, _ in found:
            glyphs |= shaped.glyphs - self._usual
        return CellLines(tuple(found), top, drawn, glyphs)


def _is_from_left(text: str, style: TextStyle) -> bool:
    direction = getattr(text, "direction", None)
    return direction == "ltr" or (direction is None and not style.settings.is_from_right)
