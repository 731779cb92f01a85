"""Distribute rows, closing balance and the blocks after it over pages, as the template asks."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from closebook.statements.render.pagination import LINES_PER_PART
from closebook.statements.stamp.layout import Layout
from closebook.statements.stamp.outside_layout import OutsideLayout
from closebook.statements.stamp.row_layout import LaidOutRow

# As WeasyPrint compares the end of a box with that of the page.
_OVERFLOW = 1 + 1e-9


@dataclass
class FilledPage:
    """The rows and blocks of a page by their indexes, each with its top.

    ``closing_top`` is the top of the row of the closing balance. Its texts are lower by
    ``closing_shift`` than below a line.
    """

    rows: list[tuple[int, float]] = field(default_factory=list)
    closing_top: float | None = None
    closing_shift: float = 0.0
    blocks: list[tuple[int, float]] = field(default_factory=list)


def parities(
    pages: Sequence[FilledPage], rows: Sequence[LaidOutRow], *, in_parts: bool
) -> list[int]:
    """Return for each row, and for the closing, whether its place in its table is even or odd.

    The opening is the first row of the table. The first renderer begins a new table with each part:
    at the page that the part before could not fill.
    """
    count, start = len(rows), 0
    starts = [0] * (count + 1)
    firsts = [page.rows[0][0] for page in pages if page.rows]
    while in_parts and start + LINES_PER_PART < count:
        start = max(first for first in firsts if first < start + LINES_PER_PART)
        starts[start:] = [start - 1] * (count + 1 - start)
    return [(place - start) % 2 for place, start in enumerate(starts)]


def filled_pages(
    layout: Layout, rows: Sequence[LaidOutRow], room: tuple[float, float] = (0.0, 0.0)
) -> list[FilledPage]:
    """Return the pages of a statement with these rows.

    A row stays on one page, and the closing is on the page of the last row. ``room`` is what is
    left free at the end of the first page, and of each other page. Raises OutsideLayout if a row
    does not fit.
    """
    pages = [FilledPage()]
    bottom, later_bottom = ((layout.bottom - each) * _OVERFLOW for each in room)
    top = layout.first.row_top
    for place, row in enumerate(rows):
        if top + row.height > bottom or (row.begins_page and place):
            pages.append(FilledPage())
            top, bottom = layout.later.row_top, later_bottom
            if top + row.height > bottom:
                raise OutsideLayout("tall-row")
        pages[-1].rows.append((place, top))
        top += row.height
    shift = layout.rows.extras.get((rows[-1].kind, "closing"), 0.0)
    closing = layout.closing.height + shift
    if top + closing > bottom:  # guard: stamp.closing-stays-with-the-last-line
        last, _ = pages[-1].rows.pop()
        if not pages[-1].rows and len(pages) > 1:
            raise OutsideLayout("tall-row", "the last line and the closing need a page")
        pages.append(FilledPage())
        top, bottom = layout.later.row_top, later_bottom
        pages[-1].rows.append((last, top))
        top += rows[last].height
        if top + closing > bottom:
            raise OutsideLayout("tall-row", "the last line and the closing need a page")
    pages[-1].closing_top, pages[-1].closing_shift = top, shift
    top += closing
    for index, block in enumerate(layout.tail):
        start = top + block.gap
        if start + block.height > bottom:
            pages.append(FilledPage())
            bottom = later_bottom
            start = block.page_top
            if start + block.height > bottom:
                raise OutsideLayout("tall-row", "a block after the lines needs a page of its own")
        pages[-1].blocks.append((index, start))
        top = start + block.height
    return pages
