"""A compiled layout: what each page has, the places of a statement's texts, the heights of rows.

Lengths are CSS pixels from the upper left of a page, as in the content of WeasyPrint's pages.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum

from closebook.statements.weasyprint_adapter.layout_marks import FontFile
from closebook.statements.weasyprint_adapter.pango_texts import SetCommand
from closebook.statements.weasyprint_adapter.text_settings import TextSettings


class Anchor(Enum):
    """The edge of a text that has the same place for texts of any length.

    COLUMN is the left edge of a column that is as wide as its widest text: all its texts end at its
    right edge.
    """

    LEFT = 0.0
    CENTRE = 0.5
    RIGHT = 1.0
    COLUMN = -1.0


@dataclass(frozen=True, slots=True)
class TextStyle:
    """Font, size and colour of a text. ``color`` is the operator that sets the colour."""

    font: str
    size: float
    color: bytes
    line_height: float
    settings: TextSettings


@dataclass(frozen=True, slots=True)
class Slot:
    """A place for a text: the line with the index ``line`` of the variable ``name``.

    ``before`` and ``after`` are the texts of the element around the variable. ``usual`` has the
    baseline and the height of the probe's line there, for which ``y`` of the piece was measured.
    """

    name: str
    line: int
    style: TextStyle
    anchor: Anchor
    edge: float
    room: float
    before: str = ""
    after: str = ""
    usual: tuple[float, float] | None = None


@dataclass(frozen=True, slots=True)
class ConstantText:
    """A text that each page has. ``after`` are the commands after the one that places it.

    ``commands`` draw the same text where one of its glyphs has another meaning elsewhere in the
    document. ``is_ambiguous`` says that this is so in the layout itself.
    """

    text: str
    x: float
    width: float
    before: bytes
    after: bytes
    glyphs: frozenset[tuple[str, int, str]]
    color: bytes
    commands: tuple[SetCommand, ...]
    is_ambiguous: bool


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
    """What a page has besides rows. ``row_top`` is where its first row after the heads begins.

    ``numbers`` are the page number of a statement that is made in parts, which is drawn first.
    ``table_art`` is that of the heads and of the opening: a page without rows does not have it.
    """

    art: tuple[bytes, ...]
    table_art: tuple[bytes, ...]
    before: tuple[Piece, ...]
    margins: tuple[Piece, ...]
    row_top: float
    numbers: tuple[Piece, ...] = ()


@dataclass(frozen=True, slots=True)
class Column:
    """A text of the cells of one column. ``dy`` is from a row's top to the first baseline.

    A cell may have several texts, each in a paragraph: ``place`` is the text's place among them,
    and ``dy`` is from the end of the paragraph above. ``tag`` is that of the text's marked content.
    ``extra`` are the paddings and borders of a cell.
    """

    slot: Slot
    index: int
    place: int
    dy: float
    extra: float
    tag: bytes


@dataclass(frozen=True)
class BreakRow:
    """A row at the break of a page: the balance brought or carried forward, or totals.

    ``height`` is that of a row whose texts have one line each. ``pieces`` are its constant texts,
    from the row's top, and ``amounts`` its slots, each with its number in the tag tree. ``art`` is
    that of rows in even and in odd places, or None where no probe had such a row there.
    """

    height: float
    pieces: tuple["Piece", ...]
    amounts: tuple[tuple[int, Column], ...]
    art: tuple[tuple[ArtPiece, ...] | None, ...]
    tags: "TagNode"


@dataclass(frozen=True)
class RowRule:
    """How lines become rows.

    ``height`` is that of a row whose texts have one line each. A row is taller by what
    ``extras`` have for the kinds of the row above and of itself, since rows share their borders.
    ``art`` is that of rows in even and in odd places of the table. ``attributes`` are those of the
    cells in the tag tree. ``breaks`` are the rows at the breaks of pages, by their kinds.
    """

    columns: tuple[Column, ...]
    cell_extras: tuple[float, ...]
    height: float
    extras: Mapping[tuple[str, str], float]
    art: tuple[tuple[ArtPiece, ...], tuple[ArtPiece, ...]]
    attributes: tuple[bytes, ...]
    breaks: Mapping[str, BreakRow]


@dataclass(frozen=True, slots=True)
class Block:
    """A block that stays on one page. ``gap`` is the distance from what stands above it.

    A sentence around a variable may need several lines: then all that is below it in the block, and
    the end of the block, is lower.

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

    ``window_room`` is by how much taller lines of name and address can make the window: they move
    what is below them in it, and nothing else.

    ``closing_art`` is that of the closing in even and in odd places of the table. ``in_parts`` says
    that the first renderer makes these statements in parts.

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
    window_room: float = 0.0
    closing_art: tuple[tuple[ArtPiece, ...], ...] = ()
    in_parts: bool = False

    @property
    def pieces(self) -> Iterator[Piece]:
        """All pieces of the pages and of the rows at their breaks."""
        for page in (self.first, self.later):
            yield from page.before
            yield from page.margins
        for block in (self.closing, *self.tail):
            yield from block.pieces
        for row in self.rows.breaks.values():
            yield from row.pieces
