"""Try a layout: stamp a probe, and compare the pages with those of the first renderer."""

from collections.abc import Set

from closebook.money import MINUS
from closebook.statements.stamp.outside_layout import OutsideLayout
from closebook.statements.stamp.page_items import edges_of
from closebook.statements.stamp.probe_pages import ProbePages
from closebook.statements.stamp.stamper import Stamper

_SAME = 0.1
_Edges = tuple[float | None, float | None]


def require_equal(stamper: Stamper, pages: ProbePages) -> None:
    """Raise OutsideLayout unless a statement is stamped as the first renderer has made it."""
    view = pages.probe.view
    made = stamper.pages(pages.probe.statement, view, is_trial=True)
    wanted = [
        (number, item.mark)
        for number, items in enumerate(pages.pages)
        for item in items
        if item.mark is not None and item.mark.text.strip()
    ]
    placed_texts = made.placed or []
    if len(wanted) != len(placed_texts) or len(made.contents) != len(pages.pages):
        raise OutsideLayout("not-compiled", "a trial has other pages")
    for (page, mark), placed in zip(wanted, placed_texts, strict=True):
        if (
            page != placed.page
            or abs(mark.x - placed.x) > _SAME
            or abs(mark.y - placed.y) > _SAME
            or _plain(mark.text) != _plain(placed.text)
        ):
            raise OutsideLayout("not-compiled", f"a trial puts {placed} for {mark} of {page}")
        if abs(mark.width - placed.width) > _SAME:  # guard: stamp.widths-are-tried
            raise OutsideLayout("not-compiled", f"{placed} of a trial is not as wide as {mark}")
    for number, (items, art) in enumerate(zip(pages.pages, made.art, strict=True)):
        mine = {edges_of(each.split(b"\n")) for each in art}
        yours = {(each.top, each.bottom) for each in items if each.is_art}
        # guard: stamp.lines-and-backgrounds-are-tried
        if not (_are_among(mine, yours) and _are_among(yours, mine)):
            raise OutsideLayout("not-compiled", f"a trial draws other lines on page {number + 1}")


def _are_among(some: Set[_Edges], others: Set[_Edges]) -> bool:
    """Return whether each of these lines and backgrounds is among the others."""
    return all(one in others or any(_is_same(one, other) for other in others) for one in some)


def _is_same(mine: _Edges, yours: _Edges) -> bool:
    return None not in (*mine, *yours) and all(
        abs((one or 0.0) - (other or 0.0)) <= _SAME for one, other in zip(mine, yours, strict=True)
    )


def _plain(text: str) -> str:
    """Return a text as the map of a font has it: with the blank and the minus of a keyboard."""
    return " ".join(text.replace(MINUS, "-").split())
