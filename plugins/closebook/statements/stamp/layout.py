"""A compiled layout: what a page always has, where the texts of a statement go, how rows stack.

Lengths are CSS pixels from the upper left of a page, as in the content of WeasyPrint's pages.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum

from closebook.statements.weasyprint_adapter.layout_marks import FontFile


class Anchor(Enum):
    """The edge of a text that stays where it is when the text has another length."""

    LEFT = 0.0
    CENTRE = 0.5
    RIGHT = 1.0


@dataclass(frozen=True, slots=True)
class TextStyle:
    """How a text is set. ``color`` is the operator that sets its colour."""

    font: str
    size: float
    color: bytes
    line_height: float


@dataclass(frozen=True, slots=True)
class Slot:
    """A place for a text: ``line`` is which line of the variable ``name`` stands there."""

    name: str
    line: int
    style: TextStyle
    anchor: Anchor
    edge: float
    room: float


@dataclass(frozen=True, slots=True)
class ConstantText:
    """A text that each page has. ``after`` are the commands behind the one that places it."""

    text: str
    x: float
    before: bytes
    after: bytes
    glyphs: frozenset[tuple[str, int, str]]


@dataclass(frozen=True, slots=True)
class ArtPiece:
    """Lines, backgrounds and pictures. ``ys`` fill the places in ``template``.

    Each of them is an offset, from the upper edge of what the art belongs to, or (True) from the
    lower one.
    """

    template: bytes
    ys: tuple[tuple[bool, float], ...] = ()

    def at(self, top: float, bottom: float) -> bytes:
        """Return the commands that draw it between two edges."""
        if not self.ys:
            return self.template
        return self.template % tuple(
            b"%.3f" % ((bottom if from_bottom else top) + offset) for from_bottom, offset in self.ys
        )


@dataclass(frozen=True, slots=True)
class Chart:
    """The picture of the balances: ``parts`` are what stands between its three paths."""

    parts: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class Piece:
    """Something that is drawn in the order of the page.

    ``key`` is its number in the tag tree of the layout, or None for an artifact, which ``artifact``
    begins. ``y`` is the baseline of a text; in a block it is an offset from the block's top.
    """

    key: int | None
    tag: bytes
    artifact: bytes
    y: float
    what: Slot | ConstantText | ArtPiece | Chart


@dataclass(frozen=True, slots=True)
class PagePieces:
    """What a page has besides rows. ``row_top`` is where its first line begins."""

    art: tuple[bytes, ...]
    before: tuple[Piece, ...]
    margins: tuple[Piece, ...]
    row_top: float


@dataclass(frozen=True, slots=True)
class Column:
    """A column of the table of lines. ``dy`` is from a row's top to the first baseline.

    ``extra`` are the paddings and borders of a cell.
    """

    slot: Slot
    index: int
    dy: float
    extra: float


@dataclass(frozen=True)
class RowRule:
    """How lines become rows.

    ``height`` is that of a row whose texts have one line each; that of the first line of the
    statement is taller by ``first_extra``. ``art`` is that of lines with even and with odd numbers.
    ``attributes`` are those of the cells in the tag tree.
    """

    columns: tuple[Column, ...]
    cell_extras: tuple[float, ...]
    height: float
    first_extra: float
    art: tuple[tuple[ArtPiece, ...], tuple[ArtPiece, ...]]
    attributes: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class Block:
    """A block that stays on one page. ``gap`` is the distance from what stands above it.

    ``page_top`` is its top where it begins a page.
    """

    gap: float
    height: float
    page_top: float
    pieces: tuple[Piece, ...]
    art: tuple[ArtPiece, ...]


@dataclass(frozen=True)
class TagNode:
    """An element of the tag tree. A kid is an element, or the key of a piece."""

    name: bytes
    attributes: bytes
    identifier: str | None
    is_chart: bool
    kids: tuple["TagNode | int", ...]


@dataclass(frozen=True)
class FontFacts:
    """A font of the layout: its file, and its entries as the first renderer writes them."""

    file: FontFile = field(repr=False)
    base_name: bytes
    subtype: bytes
    descriptor: bytes


@dataclass(frozen=True)
class Layout:
    """All that is the same for the statements of one class and shape.

    ``stand_ins`` have, for each font, the one that has its minus. ``resources`` are the entries of
    a page's resources besides fonts, with ``objects`` that they refer to.
    """

    width: float
    height: float
    bottom: float
    first: PagePieces
    later: PagePieces
    rows: RowRule
    closing: Block
    tail: tuple[Block, ...]
    before_tags: tuple[TagNode, ...]
    head_tags: TagNode
    opening_tags: TagNode
    closing_tags: TagNode
    after_tags: tuple[TagNode, ...]
    bookmarks: tuple[tuple[str, int], ...]
    fonts: Mapping[str, FontFacts]
    stand_ins: Mapping[str, str]
    resources: bytes
    objects: Sequence[tuple[int, bytes, bytes | None]]
