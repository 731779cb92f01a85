"""A statement's pages, a part at a time, so that time is linear and memory that of one part.

A part ends where a page ends between two lines: what is laid out after that is thrown away, and
the next part begins with it, so nobody sees where parts meet.
"""

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from operator import itemgetter
from typing import Any

from closebook.statements.pdf.assembler import Binding
from closebook.statements.render.view_model import View
from closebook.statements.weasyprint_adapter.layout import Place, Press, draw

MOST_LINES_OF_A_WHOLE = 600
LINES_OF_A_PART = 300

_POINTS_PER_MM = 72 / 25.4
# The corner of the page where statement.css has the number: folios.css has its size.
_FOLIO_AT = ((210 - 20 - 50) * _POINTS_PER_MM, 14.6 * _POINTS_PER_MM)


def bind(binding: Binding, view: View, press: Press, assets: dict[str, bytes]) -> None:
    """Lay out, draw and bind all of a statement's pages."""
    if len(view.lines) <= MOST_LINES_OF_A_WHOLE:
        with _collecting_afterwards():
            _bind_whole(binding, view, press, assets)
        return
    with _collecting_by_part():
        _bind_parts(binding, view, press, assets)
    count = binding.page_count
    texts = [view.words.page_of.format(page=page, pages=count) for page in range(1, count + 1)]
    binding.add_folios(press.folios(texts, language=view.language, direction=view.direction))


def _bind_whole(binding: Binding, view: View, press: Press, assets: dict[str, bytes]) -> None:
    document = press.lay_out(_page(view, press, 0, len(view.lines)), Place.WHOLE, assets)
    binding.add(draw(document, tags=True), bookmarks=_headings(document))


def _bind_parts(binding: Binding, view: View, press: Press, assets: dict[str, bytes]) -> None:
    first, wanted = 0, LINES_OF_A_PART
    while first < len(view.lines):
        after = min(first + wanted, len(view.lines))
        place = Place.CONTINUED if first else Place.FIRST
        document = press.lay_out(_page(view, press, first, after), place, assets)
        if after < len(view.lines):
            document, after = _cut(document, first)
        if after == first:
            wanted *= 2  # one line fills all of the part's pages
            continue
        bookmarks = _bookmarks(document, view, first)
        binding.add(draw(document, tags=True), bookmarks=bookmarks, folio_at=_FOLIO_AT)
        first, wanted = after, LINES_OF_A_PART
        del document
        gc.collect()


@contextmanager
def _collecting_afterwards() -> Iterator[None]:
    """Leave garbage to be collected once the pages are written: 4 % of the time."""
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
        gc.collect(1)


@contextmanager
def _collecting_by_part() -> Iterator[None]:
    """Leave garbage to be collected between parts: a third of the time goes else into looking
    through all lines again and again, and each part's boxes refer to each other."""
    gc.collect()
    gc.freeze()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def _page(view: View, press: Press, first: int, after: int) -> str:
    is_first, is_last = first == 0, after == len(view.lines)
    part = {"is_first": is_first, "is_last": is_last}
    return press.page.render(view.variables, part=part, lines=view.lines[first:after])


def _bookmarks(document: Any, view: View, first: int) -> list[tuple[str, int]]:
    headings, days = _headings(document), _days(document, view, first)
    # Headings stand above the lines in the first part, below them in the last.
    together = days + headings if first else headings + days
    return sorted(together, key=itemgetter(1))


def _headings(document: Any) -> list[tuple[str, int]]:
    """The headings, with the index of the page that each stands on."""
    left, found = list(document.make_bookmark_tree()), []
    while left:
        title, (page, _, _), below, _ = left.pop(0)
        found.append((title, page))
        left[:0] = below
    return found


def _days(document: Any, view: View, first: int) -> list[tuple[str, int]]:
    """The days that begin on a page, each with the index of that page."""
    found: list[tuple[str, int]] = []
    day = view.lines[first - 1].day if first else ""
    for index, page in enumerate(document.pages):
        for number in _lines(page._page_box):
            if view.lines[number - 1].day != day:
                day = view.lines[number - 1].day
                found.append((day, index))
    return found


def _cut(document: Any, first: int) -> tuple[Any, int]:
    """The pages up to the last one that ends between two lines, and how many lines that makes."""
    lines_of = [list(_lines(page._page_box)) for page in document.pages]
    for count in range(len(lines_of) - 1, 0, -1):
        here, there = lines_of[count - 1], lines_of[count]
        if here and there and here[-1] < there[0]:
            return document.copy(document.pages[:count]), here[-1]
    return document, first


def _lines(box: Any) -> Iterator[int]:
    """The numbers of the lines on a page, in order; a line on two pages is on both."""
    if box.element is not None and box.element_tag == "tr":
        number = box.element.get("data-line")
        if number is not None:
            yield int(number)
        return
    for child in getattr(box, "children", ()):
        yield from _lines(child)
