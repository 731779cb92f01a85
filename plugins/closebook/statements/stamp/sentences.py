"""Sentences around a variable, whose number of lines depends on the variable."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from closebook.statements.stamp.layout import Anchor, Block, Layout, Piece, Slot
from closebook.statements.stamp.outside_layout import OutsideLayout
from closebook.statements.stamp.shaper import Shaper
from closebook.statements.stamp.statement_class import slot_text


def printed_text(slot: Slot, values: Mapping[str, str]) -> str:
    """Return what is printed in a slot: the variable, and the text of its element around it."""
    if not slot.name:
        return slot.before  # a line of a sentence
    text = slot_text(values, slot.name, slot.line)
    if not text:
        raise OutsideLayout("empty-text", slot.name)
    return f"{slot.before}{text}{slot.after}"


def is_sentence(piece: Piece) -> bool:
    """Return whether the element of a piece has a text around its variable."""
    slot = piece.what
    return isinstance(slot, Slot) and bool(slot.before or slot.after)


def with_sentences(layout: Layout, values: Mapping[str, str], shaper: Shaper) -> Layout:
    """Return the layout with the room that a statement needs for its texts after the lines.

    A long variable makes a sentence longer, and some fonts make a line taller. Then all that is
    below it in its block is lower.
    """
    tail = tuple(_grown(block, values, shaper) for block in layout.tail)
    if all(one is other for one, other in zip(tail, layout.tail, strict=True)):
        return layout
    return replace(layout, tail=tail)


def _grown(block: Block, values: Mapping[str, str], shaper: Shaper) -> Block:
    grown = {
        at: _lines(piece, piece.what, values, shaper)
        for at, piece in enumerate(block.pieces)
        if isinstance(piece.what, Slot) and piece.what.usual is not None
    }
    if not any(is_sentence(block.pieces[at]) or lines.more for at, lines in grown.items()):
        return block
    pieces: list[Piece] = []
    for at, piece in enumerate(block.pieces):
        # guard: stamp.what-is-below-a-sentence-moves
        lower = sum(lines.more for above, lines in grown.items() if block.pieces[above].y < piece.y)
        if at not in grown:
            pieces.append(replace(piece, y=piece.y + lower))
            continue
        for y, text in grown[at].lines:
            what = replace(grown[at].slot, name="", before=text, after="", usual=None)
            pieces.append(replace(piece, y=y + lower, what=what))
    height = block.height + sum(lines.more for lines in grown.values())
    return replace(block, pieces=tuple(pieces), height=height)


@dataclass(frozen=True)
class _GrownText:
    """The lines of a slot, each with its baseline; they take ``more`` room than the probe's."""

    slot: Slot
    lines: Sequence[tuple[float, str]]
    more: float


def _lines(piece: Piece, slot: Slot, values: Mapping[str, str], shaper: Shaper) -> _GrownText:
    text, style = printed_text(slot, values), slot.style
    if getattr(values[slot.name], "direction", None):
        raise OutsideLayout("text-direction", slot.name)
    shaped = shaper.lines(text, style, slot.room if is_sentence(piece) else None)
    if len(shaped) > 1 and slot.anchor is Anchor.CENTRE:
        raise OutsideLayout("does-not-fit", slot.name)
    usual_baseline, usual_height = slot.usual or (0.0, 0.0)
    top, found = piece.y - usual_baseline, []
    for line in shaped:
        baseline, height = shaper.line_box(style, line)
        found.append((top + baseline, line.text))
        top += height
    more = top - piece.y + usual_baseline - usual_height
    return _GrownText(slot, found, more if abs(more) > _SAME else 0.0)


_SAME = 1e-6
