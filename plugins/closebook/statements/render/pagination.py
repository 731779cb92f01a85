"""Lay out a statement's pages: a short one at once, a long one in parts.

A part is a run of about 300 lines. It is laid out, drawn, added to the PDF and removed from
memory before the next part begins, so time grows with the number of lines and memory does not. A
part ends where a page ends between two lines: the pages after that are thrown away, and the next
part begins with the first line of them. A reader therefore cannot see where a part ends.
"""

import gc
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from operator import itemgetter

from closebook.statements.pdf.assembler import PdfAssembler
from closebook.statements.render.brand import Paper
from closebook.statements.render.content import Content
from closebook.statements.render.page_breaks import (
    NO_ROWS,
    PageBreaks,
    breaks_between_lines,
    rows_at,
)
from closebook.statements.render.template import StatementTemplate
from closebook.statements.render.view_model import StatementView
from closebook.statements.weasyprint_adapter.laid_out_pages import LaidOutPages
from closebook.statements.weasyprint_adapter.page_files import PageFile
from closebook.statements.weasyprint_adapter.page_layout import PartKind

MAX_LINES_WITHOUT_PARTS = 600
LINES_PER_PART = 300

_POINTS_PER_MM = 72 / 25.4
# statement.css has the page number in the corner; page_numbers.css has the corner's size.
_CORNER_WIDTH_MM, _CORNER_ABOVE_EDGE_MM = 50, 14.82
# What a row at the break of a page takes in our style sheets; a brand may make it taller.
_ROW_MM, _MORE_ROOM, _MOST_TRIES = 7.0, 1.5, 4


def add_statement_pages(
    assembler: PdfAssembler,
    view: StatementView,
    template: StatementTemplate,
    assets: Mapping[str, PageFile],
) -> None:
    """Lay out and draw all pages of a statement, and add them to the PDF.

    ``assets`` are the pictures of the page by their addresses.
    """
    if len(view.lines) <= MAX_LINES_WITHOUT_PARTS:
        with _collecting_garbage_afterwards():
            _add_at_once(assembler, view, template, assets)
        return
    with _collecting_garbage_between_parts():
        _add_in_parts(assembler, view, template, assets)
    count = assembler.page_count
    texts = [view.catalog.page_of.format(page=page, pages=count) for page in range(1, count + 1)]
    page = template.page_numbers_page(texts, language=view.language, direction=view.direction)
    assembler.add_page_numbers(template.layout.draw_page_numbers(page))


def _add_at_once(
    assembler: PdfAssembler,
    view: StatementView,
    template: StatementTemplate,
    assets: Mapping[str, PageFile],
) -> None:
    pages = lay_out_lines(view, template, assets, PartKind.WHOLE, 0, len(view.lines))
    assembler.add_pages(pages.draw(tags=True), bookmarks=pages.headings())


def _add_in_parts(
    assembler: PdfAssembler,
    view: StatementView,
    template: StatementTemplate,
    assets: Mapping[str, PageFile],
) -> None:
    count = len(view.lines)
    start, line_count = 0, LINES_PER_PART
    while start < count:
        end = min(start + line_count, count)
        kind = PartKind.LATER if start else PartKind.FIRST
        pages = lay_out_lines(view, template, assets, kind, start, end)
        if end < count:
            pages, end = _up_to_a_full_page(pages, start)
        if end == start:
            line_count *= 2  # one line fills all pages of the part
            continue
        bookmarks = _bookmarks(pages, view, start)
        assembler.add_pages(
            pages.draw(tags=True),
            bookmarks=bookmarks,
            page_number_at=_page_number_at(template.brand.paper),
        )
        start, line_count = end, LINES_PER_PART
        del pages
        gc.collect()


def _page_number_at(paper: Paper) -> tuple[float, float]:
    """Return where the number of a page stands, in points from the lower left of the page."""
    left_mm = paper.width_mm - paper.right_mm - _CORNER_WIDTH_MM
    return left_mm * _POINTS_PER_MM, _CORNER_ABOVE_EDGE_MM * _POINTS_PER_MM


def lay_out_lines(
    view: StatementView,
    template: StatementTemplate,
    assets: Mapping[str, PageFile],
    kind: PartKind,
    start: int,
    end: int,
) -> LaidOutPages:
    """Lay out the lines from ``start`` up to ``end``, each page with its column heads.

    A line stays on one page where it can. One that leaves no room for the column heads may be
    broken, in a second layout. If the brand asks for rows at the breaks of pages, the lines are
    laid out with room for them, and then with them: the pages must end where they ended before. A
    brand whose rows never fit gets a page more for them, and its rows still say what is true.
    """
    content = template.brand.content

    def lay_out(
        breakable: set[int], breaks: PageBreaks, room_mm: tuple[float, float] = (0, 0)
    ) -> LaidOutPages:
        page = template.statement_page(
            view.variables,
            view.lines[start:end],
            breakable,
            is_first=start == 0,
            is_last=end == len(view.lines),
            breaks=breaks,
            balance_before=view.lines[start - 1].balance if start else "",
        )
        return template.layout.lay_out(page, kind, assets, room_mm)

    breakable: set[int] = set()
    rooms = list(room_for_break_rows()) if content.has_rows_at_page_breaks else [0.0]
    while True:
        row_mm = rooms[0]
        pages = lay_out(breakable, NO_ROWS, room_mm(content, row_mm, is_first=start == 0))
        too_tall = pages.lines_without_column_heads() - breakable
        if too_tall:  # guard: documents.column-heads-on-every-page
            breakable |= too_tall
            continue
        if not content.has_rows_at_page_breaks:
            return pages
        ends = breaks_between_lines(pages.line_numbers())
        rows = rows_at(ends, content, view.amounts, start + 1, end)
        with_rows = lay_out(breakable, rows)
        # guard: documents.rows-at-page-breaks-stand-at-breaks
        if breaks_between_lines(with_rows.line_numbers()) == ends or len(rooms) == 1:
            return with_rows
        del rooms[0]


def room_for_break_rows() -> Iterator[float]:
    """Yield the height that each try reserves for a row at the break of a page, in millimetres."""
    for attempt in range(_MOST_TRIES + 1):
        yield _ROW_MM * _MORE_ROOM**attempt


def room_mm(content: Content, row_mm: float, *, is_first: bool) -> tuple[float, float]:
    """Return the room for the rows at the break of a page: on the first page, and on the others."""
    below = row_mm * (content.page_totals + content.carried_forward)
    above = row_mm * content.carried_forward
    return below + (0 if is_first else above), below + above


@contextmanager
def _collecting_garbage_afterwards() -> Iterator[None]:
    """Collect garbage after the pages are drawn, not meanwhile: this saves 4 % of the time."""
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
        gc.collect(1)


@contextmanager
def _collecting_garbage_between_parts() -> Iterator[None]:
    """Collect garbage only between parts, which the caller does: this saves a third of the time.

    The boxes of one part refer to each other. Python's own collections would look through them,
    and through all lines, again and again.
    """
    gc.collect()
    gc.freeze()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def _up_to_a_full_page(pages: LaidOutPages, start: int) -> tuple[LaidOutPages, int]:
    """Return the pages up to the last one that ends between two lines, and the last line's number.

    Without such a page it returns all pages, and ``start``.
    """
    line_numbers = pages.line_numbers()
    for page_count in range(len(line_numbers) - 1, 0, -1):
        here, next_page = line_numbers[page_count - 1], line_numbers[page_count]
        if here and next_page and here[-1] < next_page[0]:
            return pages.first(page_count), here[-1]
    return pages, start


def _bookmarks(pages: LaidOutPages, view: StatementView, start: int) -> list[tuple[str, int]]:
    headings, days = pages.headings(), _days(pages.line_numbers(), view, start)
    # Headings stand above the lines in the first part, and below them in the last part.
    bookmarks = days + headings if start else headings + days
    return sorted(bookmarks, key=itemgetter(1))


def _days(
    line_numbers: Sequence[Sequence[int]], view: StatementView, start: int
) -> list[tuple[str, int]]:
    """Return the days that begin on these pages, each with the index of its page."""
    found: list[tuple[str, int]] = []
    day = view.lines[start - 1].day if start else ""
    for index, numbers in enumerate(line_numbers):
        for number in numbers:
            if view.lines[number - 1].day != day:
                day = view.lines[number - 1].day
                found.append((day, index))
    return found
