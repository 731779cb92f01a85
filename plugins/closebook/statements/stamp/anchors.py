"""Which edge of a slot has the same place in both probes, and to which row a drawing belongs."""

from closebook.statements.stamp.layout import Anchor
from closebook.statements.stamp.outside_layout import OutsideLayout
from closebook.statements.stamp.page_items import PageItem
from closebook.statements.weasyprint_adapter.layout_marks import PageGeometry, RowBox, TextMark

_NEAR = 1.2
_SAME = 0.02


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
    for anchor in (Anchor.LEFT, Anchor.RIGHT, Anchor.CENTRE):
        mine = mark.x + anchor.value * mark.width
        if abs(mine - (other.x + anchor.value * other.width)) < _SAME:
            return anchor, mine
    raise OutsideLayout(
        "not-compiled", f"no edge of {mark.text!r} has the same place in both probes"
    )


def aligned(mark: TextMark) -> tuple[Anchor, float]:
    """Return the edge by the text's alignment, since page numbers often have the same width."""
    anchor = {"right": Anchor.RIGHT, "end": Anchor.RIGHT, "center": Anchor.CENTRE}.get(
        mark.align, Anchor.LEFT
    )
    return anchor, mark.x + anchor.value * mark.width
