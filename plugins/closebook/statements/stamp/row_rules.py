"""How the lines of a statement become rows, derived from the rows of two probes."""

from collections.abc import Sequence

from closebook.money import MINUS
from closebook.statements.stamp.art import moving_art
from closebook.statements.stamp.layout import (
    Anchor,
    ArtPiece,
    Column,
    RowRule,
    Slot,
    TagNode,
    TextStyle,
)
from closebook.statements.stamp.outside_layout import OutsideLayout
from closebook.statements.stamp.page_items import PageItem
from closebook.statements.stamp.probe_pages import ProbePages
from closebook.statements.weasyprint_adapter.layout_marks import RowBox

_SAME = 0.02
_NEAR = 1.2


def row_rule(first: ProbePages, second: ProbePages) -> RowRule:
    """Return the rule of the rows. Raises OutsideLayout unless all rows of both probes keep it."""
    rows = [row for pages in (first, second) for row in _rows(pages)]
    boxes = {row.number: row for row, _ in rows}
    if not {1, 2} <= boxes.keys():
        raise OutsideLayout("not-compiled", "no plain row is the first or the second")
    usual, opening = boxes[2], boxes[1]
    columns = _columns(rows, boxes)
    rule = RowRule(
        columns=columns,
        cell_extras=usual.extras,
        height=usual.height,
        first_extra=opening.height - usual.height,
        art=(_art(rows, 0), _art(rows, 1)),
        attributes=_attributes(first),
    )
    for box, _ in rows:
        extra = rule.first_extra if box.number == 1 else 0.0
        if abs(box.height - rule.height - extra) > _SAME:  # guard: stamp.rows-keep-the-rule
            raise OutsideLayout("not-compiled", f"row {box.number} has another height")
    for pages in (first, second):
        _require_cells(pages, rule)
    return rule


def _rows(pages: ProbePages) -> list[tuple[RowBox, list[PageItem]]]:
    found = []
    for items, geometry in zip(pages.pages, pages.geometry, strict=True):
        for row in geometry.rows:
            if row.kind != "line":
                continue
            bottom = row.top + row.height
            inside = [
                item
                for item in items
                if (item.mark is not None and item.mark.region == "line" and
                    item.mark.row == row.number)
                or (item.top is not None and item.bottom is not None
                    and item.top >= row.top - _NEAR and row.top + _NEAR < item.bottom
                    and item.bottom <= bottom + _NEAR)
            ]  # fmt: skip
            if any(item.mark is not None and MINUS in item.mark.text for item in inside):
                continue  # its line is higher, by the font that has the minus
            found.append((row, inside))
    return found


def _columns(
    rows: Sequence[tuple[RowBox, list[PageItem]]], boxes: dict[int, RowBox]
) -> tuple[Column, ...]:
    found: dict[str, Column] = {}
    anchors = _anchors(rows)
    for box, items in rows:
        shift = boxes[1].height - boxes[2].height if box.number == 1 else 0.0
        for item in items:
            mark = item.mark
            if mark is None:
                continue
            if mark.slot is None:
                raise OutsideLayout("not-compiled", f"{mark.text!r} in a row is no slot")
            anchor = anchors[mark.slot]
            edge = mark.x + anchor.value * mark.width
            run = item.runs[-1]
            style = TextStyle(run.font, run.size, item.color, mark.line_height)
            slot = Slot(mark.slot, 0, style, anchor, edge, mark.room)
            extra = boxes[2].extras[mark.column]
            column = Column(slot, mark.column, mark.y - box.top - shift, extra)
            known = found.setdefault(mark.slot, column)
            if (
                abs(known.slot.edge - edge) > _SAME
                or abs(known.dy - column.dy) > _SAME
                or known.slot.style != style
                or known.index != column.index
            ):
                raise OutsideLayout("not-compiled", f"{mark.slot} moves between two rows")
    return tuple(sorted(found.values(), key=lambda column: column.index))


def _anchors(rows: Sequence[tuple[RowBox, list[PageItem]]]) -> dict[str, Anchor]:
    """Return the edge of each slot that is at one place in all rows."""
    places: dict[str, list[tuple[float, float]]] = {}
    for _, items in rows:
        for item in items:
            if item.mark is not None and item.mark.slot is not None:
                places.setdefault(item.mark.slot, []).append((item.mark.x, item.mark.width))
    found = {}
    for slot, texts in places.items():
        for anchor in (Anchor.LEFT, Anchor.RIGHT):
            edges = [x + anchor.value * width for x, width in texts]
            if max(edges) - min(edges) < _SAME:
                found[slot] = anchor
                break
        else:
            raise OutsideLayout("not-compiled", f"no edge of {slot} is at one place")
    return found


def _art(rows: Sequence[tuple[RowBox, list[PageItem]]], parity: int) -> tuple[ArtPiece, ...]:
    """Return the lines and backgrounds of the rows with even or odd numbers."""
    found: tuple[ArtPiece, ...] | None = None
    for box, items in rows:
        if box.number % 2 != parity:
            continue
        drawn = [item for item in items if not item.is_text]
        art = moving_art(drawn, box.top, box.top + box.height)
        if found is None:
            found = art
        elif not _alike(found, art):
            raise OutsideLayout("not-compiled", f"row {box.number} has another background")
    if found is None:
        raise OutsideLayout("not-compiled", "a probe has too few rows")
    return found


def _alike(some: Sequence[ArtPiece], others: Sequence[ArtPiece]) -> bool:
    return len(some) == len(others) and all(
        one.template == other.template
        and all(
            mine[0] == yours[0] and abs(mine[1] - yours[1]) < _SAME
            for mine, yours in zip(one.ys, other.ys, strict=True)
        )
        for one, other in zip(some, others, strict=True)
    )


def _attributes(pages: ProbePages) -> tuple[bytes, ...]:
    """Return the attributes of a row's cells in the tag tree: those of all rows."""
    table = next(
        kid
        for kid in pages.document.kids
        if isinstance(kid, TagNode) and kid.identifier == "closebook:lines"
    )
    rows = [
        row
        for group in table.kids[1:]
        if isinstance(group, TagNode)
        for row in group.kids
        if isinstance(row, TagNode)
    ][1:-1]
    cells = {tuple((cell.name, cell.attributes) for cell in _nodes(row)) for row in rows}
    if len(cells) != 1 or any(row.name != b"/TR" or row.attributes for row in rows):
        raise OutsideLayout("not-compiled", "the rows have several kinds of cells")
    found = cells.pop()
    if any(name != b"/TD" for name, _ in found):
        raise OutsideLayout("not-compiled", "a cell of a row is no TD")
    return tuple(attributes for _, attributes in found)


def _require_cells(pages: ProbePages, rule: RowRule) -> None:
    for geometry in pages.geometry:
        for row in geometry.rows:
            if (
                row.kind == "line"
                and row.number > 1
                and any(
                    abs(mine - yours) > _SAME
                    for mine, yours in zip(row.extras, rule.cell_extras, strict=True)
                )
            ):
                raise OutsideLayout("not-compiled", f"row {row.number} has other paddings")


def _nodes(node: TagNode) -> list[TagNode]:
    return [kid for kid in node.kids if isinstance(kid, TagNode)]
