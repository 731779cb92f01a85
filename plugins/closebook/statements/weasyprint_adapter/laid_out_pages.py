"""Pages that WeasyPrint has laid out: what stands on which page."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext
from itertools import pairwise
from typing import Any

from closebook.statements.weasyprint_adapter.drawn_pages import LINES, DrawnPages
from closebook.statements.weasyprint_adapter.glyph_texts import noted_glyph_texts
from closebook.statements.weasyprint_adapter.layout_marks import LayoutMarks, marked_texts

_ROLE = "data-role"


class LaidOutPages:
    """The pages that WeasyPrint made of one XHTML page. ``document`` is its Document."""

    def __init__(self, document: Any) -> None:
        self._document = document

    def headings(self) -> list[tuple[str, int]]:
        """Return the headings, each with the index of its page."""
        left, found = list(self._document.make_bookmark_tree()), []
        while left:
            title, (page, _, _), below, _ = left.pop(0)
            found.append((title, page))
            left[:0] = below
        return found

    def line_numbers(self) -> list[list[int]]:
        """Return, for each page, the numbers of the statement's lines that stand on it, in order.

        A line that continues on the next page is on both pages.
        """
        return [list(_line_numbers(page._page_box)) for page in self._document.pages]

    def lines_without_column_heads(self) -> set[int]:
        """Return the numbers of the lines that stand below no column heads on one of their pages.

        WeasyPrint drops the heads of a table where they leave no room for a row that must not be
        broken.
        """
        return {
            number
            for page in self._document.pages
            if not _has_column_heads(page._page_box)
            for number in _line_numbers(page._page_box)
        }

    def first(self, page_count: int) -> "LaidOutPages":
        """Return the first pages alone."""
        return LaidOutPages(self._document.copy(self._document.pages[:page_count]))

    def draw(self, *, tags: bool, marks: LayoutMarks | None = None) -> DrawnPages:
        """Draw the pages; ``tags`` says whether with a structure tree.

        With ``marks`` each text has a mark, and the geometry of the pages is noted there.
        """
        from weasyprint import DEFAULT_OPTIONS
        from weasyprint.pdf import generate_pdf

        options = DEFAULT_OPTIONS | {"pdf_tags": tags, "pdf_version": "1.7"}
        with noted_glyph_texts() as texts, self._marked(marks):
            pdf = generate_pdf(self._document, None, 1, **options)
        roles = [role for page in self._document.pages for role in _roles(page._page_box)]
        drawn = DrawnPages(pdf, self._pages_that_continue_a_line(), roles if tags else ())
        texts.add_copies(drawn)
        return drawn

    def _marked(self, marks: LayoutMarks | None) -> AbstractContextManager[None]:
        if marks is None:
            return nullcontext()
        return marked_texts([page._page_box for page in self._document.pages], marks)

    def _pages_that_continue_a_line(self) -> frozenset[int]:
        """Return the indexes of the pages whose first line begins on an earlier page."""
        line_numbers = self.line_numbers()
        return frozenset(
            index
            for index, (before, here) in enumerate(pairwise(line_numbers), start=1)
            if before and here and before[-1] == here[0]
        )


def _has_column_heads(box: Any, *, in_lines: bool = False) -> bool:
    """Return whether this box has the column heads of the table of lines."""
    if box.element is not None:
        if box.element_tag == "tr":
            return False
        in_lines = in_lines or box.element.get(_ROLE) == LINES
        if in_lines and box.element_tag == "thead":
            return True
    return any(
        _has_column_heads(child, in_lines=in_lines) for child in getattr(box, "children", ())
    )


def _roles(box: Any) -> Iterator[tuple[str, bytes]]:
    """Yield the roles of cells, each with the cell's element.

    WeasyPrint keeps the element of a cell with the cell (``mark``), and that of no other box.
    """
    if box.element is not None:
        role = box.element.get(_ROLE)
        if role == LINES:
            cell = _first_cell(box)
            if cell is not None:
                yield LINES, cell.mark.reference
        elif role is not None and getattr(box, "mark", None) is not None:
            yield role, box.mark.reference
            return
        elif box.element.get("data-line") is not None:
            return
    for child in getattr(box, "children", ()):
        yield from _roles(child)


def _first_cell(box: Any) -> Any:
    if getattr(box, "mark", None) is not None:
        return box
    found = (_first_cell(child) for child in getattr(box, "children", ()))
    return next((cell for cell in found if cell is not None), None)


def _line_numbers(box: Any) -> Iterator[int]:
    if box.element is not None and box.element_tag == "tr":
        number = box.element.get("data-line")
        if number is not None:
            yield int(number)
        return
    for child in getattr(box, "children", ()):
        yield from _line_numbers(child)
