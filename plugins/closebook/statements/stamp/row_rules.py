"""How the lines of a statement become rows, derived from the rows of two probes."""

from collections.abc import Sequence
from dataclasses import dataclass

from closebook.money import MINUS
from closebook.statements.render.catalog import Catalog
from closebook.statements.stamp.anchors import anchor_of_all
from closebook.statements.stamp.art import moving_art
from closebook.statements.stamp.layout import (
    Anchor,
    ArtPiece,
    Column,
    RowRule,
    Slot,
    TagNode,
)
from closebook.statements.stamp.outside_layout import OutsideLayout
from closebook.statements.stamp.page_items import PageItem
from closebook.statements.stamp.probe_pages import ProbePages
from closebook.statements.weasyprint_adapter.layout_marks import RowBox

NONE = "none"
"""The kind of the row that a statement without lines has instead of them."""

BREAK_KINDS = ("brought", "total", "carried", NONE)
"""The kinds of the rows that are no lines: those at the break of a page, and ``none``."""

_SAME = 0.02
_NEAR = 1.2
_LOWER = {
    "line.value_day": 1,
    "line.interest": 1,
    "line.original": 2,
    "line.rate": 3,
    "line.customer_reference": 1,
}
"""Texts below the first one of a cell: which paragraph of the cell each is, from 0."""


@dataclass(frozen=True)
class ProbeRow:
    """A row of a probe, its place in the table from 1, the kind of the row above, and its items."""

    box: RowBox
    place: int
    above: str
    items: Sequence[PageItem]

    @property
    def has_minus(self) -> bool:
        """Whether it has a minus: the font that has this sign makes its line taller."""
        return any(item.mark is not None and MINUS in item.mark.text for item in self.items)


def row_rule(first: ProbePages, second: ProbePages) -> RowRule:
    """Return the rule of the rows, without those at page breaks.

    Raises OutsideLayout if a row of a probe does not follow it.
    """
    rows = [row for pages in (first, second) for row in table_rows(pages)]
    lines = [row for row in rows if row.box.kind == "line" and not row.has_minus]
    plain = [row for row in lines if row.above == "line" and not _has_details(row)]
    if not plain or not any(row.box.number == 1 for row in lines):
        raise OutsideLayout("not-compiled", "no plain row is the first or the second")
    usual = plain[0].box
    extras = {("line", "line"): 0.0}
    for row in lines:
        extras.setdefault((row.above, "line"), row.box.height - _height(row, usual))
    rule = RowRule(
        columns=_columns(lines, usual, extras, first.probe.view.catalog),
        cell_extras=usual.extras,
        height=usual.height,
        extras=extras,
        art=(_art_of_lines(lines, 0), _art_of_lines(lines, 1)),
        attributes=_attributes(first),
        breaks={},
    )
    for row in lines:
        shift = extras[row.above, "line"]
        # guard: stamp.rows-keep-the-rule
        if abs(row.box.height - _height(row, usual) - shift) > _SAME:
            raise OutsideLayout("not-compiled", f"row {row.box.number} has another height")
        if row.above == "line" and any(
            abs(mine - yours) > _SAME
            for mine, yours in zip(row.box.extras, rule.cell_extras, strict=True)
        ):
            raise OutsideLayout("not-compiled", f"row {row.box.number} has other paddings")
    return rule


def table_rows(pages: ProbePages) -> list[ProbeRow]:
    """Return the rows of the table of lines, without its heads."""
    found: list[ProbeRow] = []
    above = ""
    for items, geometry in zip(pages.pages, pages.geometry, strict=True):
        for row in geometry.rows:
            if row.kind == "head":
                continue
            inside = [item for item in items if _is_inside(item, row)]
            found.append(ProbeRow(row, len(found) + 1, above, inside))
            above = row.kind
    return found


def closing_art(probes: Sequence[ProbePages]) -> tuple[tuple[ArtPiece, ...], ...] | None:
    """Return the art of the closing in even and in odd places; None if one is in no probe."""
    found = {row.place % 2: moved_art(row) for row in (table_rows(each)[-1] for each in probes)}
    return (found[0], found[1]) if len(found) > 1 else None


def moved_art(row: ProbeRow) -> tuple[ArtPiece, ...]:
    """Return the lines and backgrounds of a row as templates."""
    drawn = [item for item in row.items if not item.is_text]
    return moving_art(drawn, row.box.top, row.box.top + row.box.height)


def alike(some: Sequence[ArtPiece], others: Sequence[ArtPiece]) -> bool:
    """Return whether two rows have the same lines and backgrounds."""
    return len(some) == len(others) and all(
        one.template == other.template
        and all(
            mine[0] == yours[0] and abs(mine[1] - yours[1]) < _SAME
            for mine, yours in zip(one.ys, other.ys, strict=True)
        )
        for one, other in zip(some, others, strict=True)
    )


def column_of(
    item: PageItem, anchor: Anchor, row: ProbeRow, shift: float, extra: float, before: str = ""
) -> Column:
    """Return the column of a text. ``shift`` is by how much its row is taller for the row above.

    ``before`` is what its element has before the variable.
    """
    mark = item.mark
    if mark is None or mark.slot is None:
        raise OutsideLayout("not-compiled", "a text in a row is no slot")
    edge = mark.x + anchor.value * mark.width
    slot = Slot(mark.slot, 0, item.style, anchor, edge, mark.room, before)
    dy = mark.y - row.box.top - shift
    return Column(slot, mark.column, _LOWER.get(mark.slot, 0), dy, extra, item.tag)


def _is_inside(item: PageItem, row: RowBox) -> bool:
    bottom = row.top + row.height
    mark = item.mark
    if mark is not None:
        is_its = mark.region == row.kind and mark.row == row.number
        return is_its and row.top - _NEAR < mark.y < bottom + _NEAR
    if item.top is None or item.bottom is None:
        return False
    return (
        item.top >= row.top - _NEAR
        and row.top + _NEAR < item.bottom
        and item.bottom <= bottom + _NEAR
    )


def _has_details(row: ProbeRow) -> bool:
    return any(item.mark is not None and item.mark.slot in _LOWER for item in row.items)


def _columns(
    rows: Sequence[ProbeRow],
    usual: RowBox,
    extras: dict[tuple[str, str], float],
    catalog: Catalog,
) -> tuple[Column, ...]:
    found: dict[str, Column] = {}
    anchors = _anchors(rows)
    labels = {"line.interest": f"{catalog.interest_rate}: "}
    for row in rows:
        shift = extras[row.above, "line"]
        heights: dict[int, float] = {}
        for item in row.items:
            mark = item.mark
            if mark is None or not mark.text.strip():
                continue
            if mark.slot is None:
                raise OutsideLayout("not-compiled", f"{mark.text!r} in a row is no slot")
            above = heights.get(mark.column, 0.0)
            heights[mark.column] = above + mark.height
            extra = usual.extras[mark.column]
            before = labels.get(mark.slot, "")
            column = column_of(item, anchors[mark.slot], row, shift + above, extra, before)
            known = found.setdefault(mark.slot, column)
            if (
                abs(known.slot.edge - column.slot.edge) > _SAME
                or abs(known.dy - column.dy) > _SAME
                or known.slot.style != column.slot.style
                or known.index != column.index
            ):
                raise OutsideLayout("not-compiled", f"{mark.slot} moves between two rows")
    return tuple(sorted(found.values(), key=lambda column: (column.index, column.place)))


def _height(row: ProbeRow, usual: RowBox) -> float:
    """Return the height of a row by its texts, each of which has one line."""
    heights: dict[int, float] = {}
    for item in row.items:
        if item.mark is not None and item.mark.text.strip():
            column = item.mark.column
            heights[column] = heights.get(column, usual.extras[column]) + item.mark.height
    return max(usual.height, *heights.values())


def _anchors(rows: Sequence[ProbeRow]) -> dict[str, Anchor]:
    """Return the edge of each slot that has the same place in all rows."""
    items = [item for row in rows for item in row.items]
    slots = {item.mark.slot for item in items if item.mark is not None and item.mark.text.strip()}
    return {slot: anchor_of_all(slot, items) for slot in slots if slot is not None}


def _art_of_lines(rows: Sequence[ProbeRow], parity: int) -> tuple[ArtPiece, ...]:
    """Return the lines and backgrounds of the rows in even or odd places."""
    found: tuple[ArtPiece, ...] | None = None
    for row in rows:
        if row.place % 2 != parity:
            continue
        art = moved_art(row)
        if found is None:
            found = art
        elif not alike(found, art):
            raise OutsideLayout("not-compiled", f"row {row.box.number} has another background")
    if found is None:
        raise OutsideLayout("not-compiled", "a probe has too few rows")
    return found


def tagged_rows(pages: ProbePages) -> list[TagNode]:
    """Return the elements of the rows of the table of lines, without its heads."""
    table = next(
        kid
        for kid in pages.document.kids
        if isinstance(kid, TagNode) and kid.identifier == "closebook:lines"
    )
    return [row for group in _nodes(table)[1:] for row in _nodes(group)]


def _attributes(pages: ProbePages) -> tuple[bytes, ...]:
    """Return the attributes of a row's cells in the tag tree: those of all lines."""
    # The cells of all other rows have roles.
    rows = [row for row in tagged_rows(pages) if not any(each.identifier for each in _nodes(row))]
    cells = {tuple((cell.name, cell.attributes) for cell in _nodes(row)) for row in rows}
    if len(cells) != 1 or any(row.name != b"/TR" or row.attributes for row in rows):
        raise OutsideLayout("not-compiled", "the rows have several kinds of cells")
    found = cells.pop()
    if any(name != b"/TD" for name, _ in found):
        raise OutsideLayout("not-compiled", "a cell of a row is no TD")
    for row in rows:
        for cell in _nodes(row):
            parts = _nodes(cell)
            if parts and (
                len(parts) != len(cell.kids)
                or any(part.name != b"/P" or part.attributes or _nodes(part) for part in parts)
            ):
                raise OutsideLayout("not-compiled", "a cell of a row has other elements than P")
    return tuple(attributes for _, attributes in found)


def _nodes(node: TagNode) -> list[TagNode]:
    return [kid for kid in node.kids if isinstance(kid, TagNode)]
