"""Fill the pages: rows, the closing and the blocks after it, by the rules of the template."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from closebook.statements.stamp.layout import Layout
from closebook.statements.stamp.outside_layout import OutsideLayout

# As WeasyPrint compares the end of a box with that of the page.
_OVERFLOW = 1 + 1e-9


@dataclass
class FilledPage:
    """What stands on a page: rows by their indexes, blocks by theirs, each with its top."""

    rows: list[tuple[int, float]] = field(default_factory=list)
    closing_top: float | None = None
    blocks: list[tuple[int, float]] = field(default_factory=list)


def filled_pages(layout: Layout, heights: Sequence[float]) -> list[FilledPage]:
    """Return the pages of a statement whose rows have these heights.

    A row stays on one page, and the closing is on the page of the last line. Raises OutsideLayout
    where this cannot be.
    """
    pages = [FilledPage()]
    bottom = layout.bottom * _OVERFLOW
    top = layout.first.row_top
    for index, height in enumerate(heights):
        if top + height > bottom:
            pages.append(FilledPage())
            top = layout.later.row_top
            if top + height > bottom:
                raise OutsideLayout("tall-row")
        pages[-1].rows.append((index, top))
        top += height
    if top + layout.closing.height > bottom:  # guard: stamp.closing-stays-with-the-last-line
        last, _ = pages[-1].rows.pop()
        if not pages[-1].rows and len(pages) > 1:
            raise OutsideLayout("tall-row", "the last line and the closing need a page")
        pages.append(FilledPage())
        top = layout.later.row_top
        pages[-1].rows.append((last, top))
        top += heights[last]
        if top + layout.closing.height > bottom:
            raise OutsideLayout("tall-row", "the last line and the closing need a page")
    pages[-1].closing_top = top
    top += layout.closing.height
    for index, block in enumerate(layout.tail):
        start = top + block.gap
        if start + block.height > bottom:
            pages.append(FilledPage())
            start = block.page_top
            if start + block.height > bottom:
                raise OutsideLayout("tall-row", "a block after the lines needs a page of its own")
        pages[-1].blocks.append((index, start))
        top = start + block.height
    return pages
