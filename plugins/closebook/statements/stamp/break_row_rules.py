"""Derives the rows at page breaks from those of two probes."""

from collections.abc import Callable, Sequence

from closebook.statements.stamp.anchors import anchor_of_all
from closebook.statements.stamp.layout import (
    Anchor,
    ArtPiece,
    BreakRow,
    Column,
    ConstantText,
    Piece,
    TagNode,
)
from closebook.statements.stamp.outside_layout import OutsideLayout
from closebook.statements.stamp.page_items import PageItem
from closebook.statements.stamp.probe_pages import KEYS_PER_PAGE, ProbePages
from closebook.statements.stamp.row_rules import (
    BREAK_KINDS,
    ProbeRow,
    alike,
    column_of,
    moved_art,
    table_rows,
    tagged_rows,
)

_SAME = 0.02

MakePiece = Callable[[PageItem, PageItem, int, float, float, dict[str, int]], Piece]
"""A function that makes a piece from an item and the same item of the other probe."""


def kinds_of_break_rows(pages: ProbePages) -> list[str]:
    """Return the kinds of rows at the breaks of pages that a probe has."""
    return [kind for kind in BREAK_KINDS if any(row.box.kind == kind for row in table_rows(pages))]


def break_extras(probes: Sequence[ProbePages]) -> dict[tuple[str, str], float]:
    """Return by how much a row at a page break is taller than the lowest one of its kind.

    The keys are the kind of the row above and that of the row.
    """
    heights: dict[tuple[str, str], float] = {}
    lowest: dict[str, float] = {}
    for row in _break_rows(probes):
        pair = row.above, row.box.kind
        height = heights.setdefault(pair, row.box.height)
        if abs(height - row.box.height) > _SAME:
            raise OutsideLayout("not-compiled", f"the rows {row.box.kind} have several heights")
        lowest[row.box.kind] = min(lowest.get(row.box.kind, height), height)
    return {pair: height - lowest[pair[1]] for pair, height in heights.items()}


def break_row(
    kind: str, probes: tuple[ProbePages, ProbePages], make: MakePiece, *, has_bands: bool
) -> BreakRow:
    """Return the row of a kind. Raises OutsideLayout if two rows of the kind differ in the probes.

    ``has_bands`` says whether the backgrounds of rows in even and in odd places differ.
    """
    extras = break_extras(probes)
    rows = [[row for row in _break_rows((pages,)) if row.box.kind == kind] for pages in probes]
    if not all(rows):
        raise OutsideLayout("not-compiled", f"a probe has no row {kind} without a minus")
    every = [row for some in rows for row in some]
    mine, yours = rows[0][0], rows[1][0]
    anchors = {
        slot: anchor_of_all(slot, [item for row in every for item in row.items])
        for slot in {item.mark.slot for item in mine.items if item.mark and item.mark.slot}
    }
    pieces, amounts, keys = [], [], set()
    page = _page_of(mine, probes[0])
    for item, twin in zip(_texts(mine), _texts(yours), strict=True):
        if item.mark is None or item.content is None:
            raise OutsideLayout("not-compiled", f"a text of the row {kind} is not tagged")
        key = page * KEYS_PER_PAGE + item.content
        keys.add(key)
        if item.mark.slot is None:
            piece = make(item, twin, page, mine.box.top, yours.box.top, {})
            if not isinstance(piece.what, ConstantText):
                raise OutsideLayout("not-compiled", f"the row {kind} has another kind of text")
            pieces.append(piece)
            continue
        amounts.append((key, _amount(item, anchors[item.mark.slot], mine, extras)))
    for row in every:
        for item, (_, column) in zip(
            [item for item in _texts(row) if item.mark and item.mark.slot], amounts, strict=True
        ):
            known = _amount(item, column.slot.anchor, row, extras)
            if (
                abs(known.slot.edge - column.slot.edge) > _SAME
                or abs(known.dy - column.dy) > _SAME
                or (known.slot.name, known.slot.style) != (column.slot.name, column.slot.style)
            ):
                raise OutsideLayout("not-compiled", f"{known.slot.name} moves between two rows")
    height = min(row.box.height - extras[row.above, kind] for row in every)
    art = _art(every, 0), _art(every, 1)
    if not has_bands:
        art = art[0] or art[1], art[1] or art[0]
    return BreakRow(height, tuple(pieces), tuple(amounts), art, _tags(probes[0], keys, kind))


def _break_rows(probes: Sequence[ProbePages]) -> list[ProbeRow]:
    return [
        row
        for pages in probes
        for row in table_rows(pages)
        if row.box.kind in BREAK_KINDS and not row.has_minus
    ]


def _texts(row: ProbeRow) -> list[PageItem]:
    return [item for item in row.items if item.mark is not None]


def _amount(
    item: PageItem, anchor: Anchor, row: ProbeRow, extras: dict[tuple[str, str], float]
) -> Column:
    column = item.mark.column if item.mark else 0
    shift = extras[row.above, row.box.kind]
    return column_of(item, anchor, row, shift, row.box.extras[column] - shift)


def _page_of(row: ProbeRow, pages: ProbePages) -> int:
    return next(
        number for number, items in enumerate(pages.pages) if any(row.items[0] is i for i in items)
    )


def _art(rows: Sequence[ProbeRow], parity: int) -> tuple[ArtPiece, ...] | None:
    found: tuple[ArtPiece, ...] | None = None
    for row in rows:
        if row.place % 2 != parity:
            continue
        art = moved_art(row)
        if found is not None and not alike(found, art):
            raise OutsideLayout("not-compiled", f"a row {row.box.kind} has another background")
        found = art
    return found


def _tags(pages: ProbePages, keys: set[int], kind: str) -> TagNode:
    for row in tagged_rows(pages):
        if set(_keys(row)) == keys:
            return row
    raise OutsideLayout("not-compiled", f"the tag tree has no row {kind}")


def _keys(node: TagNode) -> list[int]:
    return [key for kid in node.kids for key in (_keys(kid) if isinstance(kid, TagNode) else [kid])]
