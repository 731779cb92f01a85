"""Columns that are as wide as their widest text: where a statement's texts end in them."""

from collections.abc import Mapping
from dataclasses import replace

from closebook.statements.stamp.layout import Anchor, Layout, Piece, Slot
from closebook.statements.stamp.sentences import printed_text
from closebook.statements.stamp.shaper import Shaper


def with_column_edges(layout: Layout, values: Mapping[str, str], shaper: Shaper) -> Layout:
    """Return the layout with the right edge that each such column has for a statement's texts."""
    first = _with_edges(layout.first.before, values, shaper)
    tail = [_with_edges(block.pieces, values, shaper) for block in layout.tail]
    if first is not layout.first.before:
        layout = replace(layout, first=replace(layout.first, before=first))
    if any(mine is not block.pieces for mine, block in zip(tail, layout.tail, strict=True)):
        blocks = zip(layout.tail, tail, strict=True)
        layout = replace(
            layout, tail=tuple(replace(block, pieces=pieces) for block, pieces in blocks)
        )
    return layout


def _with_edges(
    pieces: tuple[Piece, ...], values: Mapping[str, str], shaper: Shaper
) -> tuple[Piece, ...]:
    widths: dict[float, float] = {}
    for piece in pieces:
        slot = piece.what
        if isinstance(slot, Slot) and slot.anchor is Anchor.COLUMN:
            width = _width(slot, values, shaper)
            widths[slot.edge] = max(widths.get(slot.edge, 0.0), width)
    if not widths:
        return pieces
    return tuple(_with_edge(piece, widths) for piece in pieces)


def _with_edge(piece: Piece, widths: Mapping[float, float]) -> Piece:
    slot = piece.what
    if not isinstance(slot, Slot) or slot.anchor is not Anchor.COLUMN:
        return piece
    right = slot.edge + widths[slot.edge]
    return replace(piece, what=replace(slot, anchor=Anchor.RIGHT, edge=right))


def _width(slot: Slot, values: Mapping[str, str], shaper: Shaper) -> float:
    direction = getattr(values[slot.name], "direction", None)
    text = printed_text(slot, values)
    [shaped] = shaper.lines(text, slot.style, None, direction)
    return shaped.width * slot.style.size
