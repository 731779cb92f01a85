"""Which edge of a slot has the same place in both probes, and to which row a drawing belongs."""

from collections.abc import Sequence

from closebook.statements.stamp.layout import Anchor
from closebook.statements.stamp.outside_layout import OutsideLayout
from closebook.statements.stamp.page_items import PageItem
from closebook.statements.weasyprint_adapter.layout_marks import PageGeometry, RowBox, TextMark

_NEAR = 1.2
_SAME = 0.02
# A number beside a column may have some figures more than in the probes, and is not to be moved.
_ROOM_FOR_FIGURES = 24.0


def row_of(item: PageItem, geometry: PageGeometry) -> RowBox | None:
    """Return the row of a line or background; a line between two rows belongs to the upper one."""
    if item.top is None or item.bottom is None:
        return None
    for row in geometry.rows:
        bottom = row.top + row.height
        if item.top >= row.top - _NEAR and row.top + _NEAR < item.bottom <= bottom + _NEAR:
            return row
    rows = geometry.rows
    if rows and item.top <= rows[0].top + _SAME and item.bottom > geometry.bottom + _NEAR:
        return None  # a border or a background of the page
    inside = (
        rows
        and rows[0].top + _NEAR < item.bottom
        and (item.top < rows[-1].top + rows[-1].height - _NEAR)
    )
    if inside:
        raise OutsideLayout("not-compiled", "a line or background is in several rows")
    return None


def anchor_of(mark: TextMark, other: TextMark) -> tuple[Anchor, float]:
    """Return the edge that has the same place in both. Texts of the same width do not show it."""
    if abs(mark.width - other.width) < 4 * _SAME and abs(mark.x - other.x) < _SAME:
        raise OutsideLayout("not-compiled", f"{mark.text!r} has one width in both probes")
    found = _edge(mark, other)
    if found is None:
        raise OutsideLayout(
            "not-compiled", f"no edge of {mark.text!r} has the same place in both probes"
        )
    return found


def items_of_columns(
    mine: Sequence[PageItem], yours: Sequence[PageItem]
) -> dict[int, tuple[float, float]]:
    """Return the items of the first probe in columns as wide as their widest text, by identity."""
    pairs = [
        (item, (item.mark, twin.mark))
        for item, twin in zip(mine, yours, strict=True)
        if item.mark is not None and twin.mark is not None
    ]
    found = columns_by_widest([marks for _, marks in pairs])
    return {id(pairs[at][0]): column for at, column in found.items()}


def columns_by_widest(
    texts: Sequence[tuple[TextMark, TextMark]],
) -> dict[int, tuple[float, float]]:
    """Return the texts of columns that are as wide as their widest text, by their places in texts.

    Each text is given as it is in both probes. A column is found by a slot of which no edge has the
    same place in both. Of each text in it the left edge of the column is returned, and the room
    that the column has beside the texts of its rows.
    """
    slots = [at for at, (mark, _) in enumerate(texts) if mark.slot and mark.text.strip()]
    found: dict[int, tuple[float, float]] = {}
    for at in slots:
        if at in found or _edge(*texts[at]) is not None:
            continue
        ends = [mark.x + mark.width for mark in texts[at]]
        column = [each for each in slots if _end_at(texts[each], ends)]
        lefts = [min(texts[each][probe].x for each in column) for probe in (0, 1)]
        if abs(lefts[0] - lefts[1]) > _SAME:  # guard: stamp.column-has-its-left-edge
            continue
        room = min(_room_beside(column, texts, probe) for probe in (0, 1))
        found |= dict.fromkeys(column, (lefts[0], room))
    return found


def _edge(mark: TextMark, other: TextMark) -> tuple[Anchor, float] | None:
    for anchor in (Anchor.LEFT, Anchor.RIGHT, Anchor.CENTRE):
        mine = mark.x + anchor.value * mark.width
        if abs(mine - (other.x + anchor.value * other.width)) < _SAME:
            return anchor, mine
    return None


def _end_at(text: tuple[TextMark, TextMark], ends: Sequence[float]) -> bool:
    return all(abs(mark.x + mark.width - end) < _SAME for mark, end in zip(text, ends, strict=True))


def _room_beside(
    column: Sequence[int], texts: Sequence[tuple[TextMark, TextMark]], probe: int
) -> float:
    """Return how wide a column can be until it meets a text of one of its rows."""
    inside = [texts[at][probe] for at in column]
    left = min(mark.x for mark in inside)
    beside = [
        pair[probe].x
        for at, pair in enumerate(texts)
        if at not in column
        and pair[probe].x > left
        and any(abs(pair[probe].y - mark.y) < mark.line_height for mark in inside)
    ]
    return min(beside, default=float("inf")) - left - _ROOM_FOR_FIGURES


def aligned(mark: TextMark, *, is_from_right: bool = False) -> tuple[Anchor, float]:
    """Return the edge by the text's alignment, since page numbers often have the same width."""
    start = Anchor.RIGHT if is_from_right else Anchor.LEFT
    end = Anchor.LEFT if is_from_right else Anchor.RIGHT
    known = {"left": Anchor.LEFT, "right": Anchor.RIGHT, "center": Anchor.CENTRE, "end": end}
    anchor = known.get(mark.align, start)
    return anchor, mark.x + anchor.value * mark.width


def anchor_of_all(slot: str, items: Sequence[PageItem]) -> Anchor:
    """Return the edge of a slot that has the same place in all rows.

    Texts of one width have several: then it is the edge that the texts are aligned at.
    """
    places = [
        (item.mark.x, item.mark.width)
        for item in items
        if item.mark is not None and item.mark.slot == slot and item.mark.text.strip()
    ]
    found = []
    for anchor in (Anchor.LEFT, Anchor.RIGHT):
        edges = [x + anchor.value * width for x, width in places]
        if max(edges) - min(edges) < _SAME:
            found.append(anchor)
    if not found:
        raise OutsideLayout("not-compiled", f"no edge of {slot} is at one place")
    for item in items:
        if item.mark is not None and item.mark.slot == slot:
            is_from_right = item.settings is not None and item.settings.is_from_right
            wanted, _ = aligned(item.mark, is_from_right=is_from_right)
            return wanted if wanted in found else found[0]
    return found[0]
