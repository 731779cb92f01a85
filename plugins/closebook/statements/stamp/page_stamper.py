"""Stamp one page: draw its furniture, its rows, and the blocks after them."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from closebook.statements.model import Statement
from closebook.statements.stamp.chart import chart_commands
from closebook.statements.stamp.content_stream import (
    ambiguous_constant,
    begun,
    line_at,
    line_start,
    page_start,
    placed_constant,
)
from closebook.statements.stamp.font_writer import GlyphTexts, note_glyphs
from closebook.statements.stamp.layout import (
    ArtPiece,
    Chart,
    Column,
    ConstantText,
    Layout,
    Piece,
    Slot,
)
from closebook.statements.stamp.outside_layout import OutsideLayout
from closebook.statements.stamp.page_filler import FilledPage
from closebook.statements.stamp.pango_lines import fit
from closebook.statements.stamp.row_layout import CellLines, LaidOutRow
from closebook.statements.stamp.sentences import printed_text
from closebook.statements.stamp.shaper import ShapedLine, Shaper
from closebook.statements.stamp.statement_class import WINDOW_SLOTS
from closebook.statements.stamp.tag_tree import Content, TaggedRow

_TOLERANCE = 1 / 1024
_TALLER = 0.01
_END = b"EMC\n"
_KEPT = 50_000


class KeptDrawings:
    """The commands that many statements share: those of constants, and of the art of rows.

    ``usual`` has the texts of the glyphs that each document of the layout has. The glyphs of all
    constants are added to it, except for those of ambiguous constants.
    """

    def __init__(self, layout: Layout, usual: GlyphTexts) -> None:
        self._ambiguous: dict[int, ConstantText] = {}
        self._constants: dict[tuple[int, float], tuple[ConstantText, bytes]] = {}
        self._art: dict[tuple[int, float, float], tuple[ArtPiece, bytes]] = {}
        for piece in layout.pieces:
            text = piece.what
            if not isinstance(text, ConstantText):
                continue
            if text.is_ambiguous or not fit(text.glyphs, usual):
                self._ambiguous[id(text)] = text
            else:
                note_glyphs(usual, text.glyphs)

    def is_ambiguous(self, text: ConstantText) -> bool:
        """Return whether the commands of a constant depend on the document."""
        return id(text) in self._ambiguous

    def constant(self, text: ConstantText, y: float) -> bytes:
        """Return the commands of a constant."""
        # A constant that is kept has an id that no other one can get.
        found = self._constants.get((id(text), y))
        if found is None:
            if len(self._constants) > _KEPT:
                self._constants.clear()
            found = self._constants[id(text), y] = (text, placed_constant(text, y))
        return found[1]

    def art(self, art: ArtPiece, top: float, bottom: float) -> bytes:
        """Return the commands of the lines and backgrounds of a row."""
        found = self._art.get((id(art), top, bottom))
        if found is None:
            if len(self._art) > _KEPT:
                self._art.clear()
            found = self._art[id(art), top, bottom] = (art, art.at(top, bottom))
        return found[1]


@dataclass(frozen=True)
class PlacedText:
    """A text of a stamped page, to compare it with the page of the first renderer."""

    page: int
    x: float
    y: float
    width: float
    text: str


@dataclass
class StampedPages:
    """The content of the pages before it is written.

    ``placed`` are the texts with their places if they are to be compared, otherwise None. Then
    ``art`` are the lines and backgrounds of each page. ``window_grown`` is by how much taller lines
    have made the window of the address.
    """

    contents: list[bytes] = field(default_factory=list)
    counts: list[int] = field(default_factory=list)
    keys: dict[int, list[Content]] = field(default_factory=dict)
    rows: list[TaggedRow] = field(default_factory=list)
    closing_page: int = 0
    block_pages: dict[int, int] = field(default_factory=dict)
    glyphs: GlyphTexts = field(default_factory=dict)
    placed: list[PlacedText] | None = None
    art: list[list[bytes]] = field(default_factory=list)
    window_grown: float = 0.0


class PageStamper:
    """Stamps one page."""

    def __init__(
        self,
        layout: Layout,
        shaper: Shaper,
        kept: KeptDrawings,
        statement: Statement,
        values: dict[str, str],
        made: StampedPages,
        number: int,
        parities: Sequence[int],
    ) -> None:
        self._layout, self._shaper, self._statement = layout, shaper, statement
        self._kept = kept
        self._values, self._made, self._number = values, made, number
        self._parities = parities
        self._texts: list[bytes] = []
        self._count = 0
        self._is_before_lines = False

    def stamp(self, page: FilledPage, rows: list[LaidOutRow]) -> None:
        """Add the content of the page, and note the places of its pieces."""
        layout, made, number = self._layout, self._made, self._number
        furniture = layout.later if number else layout.first
        self._pieces(furniture.numbers, 0.0)
        has_table = not number or bool(page.rows)
        art: list[bytes] = [*furniture.art]
        if has_table:
            art += furniture.table_art
            self._is_before_lines = True
            self._pieces(furniture.before, 0.0)
            self._is_before_lines = False
        for place, top in page.rows:
            row = rows[place]
            parity = self._parities[place]
            if row.kind == "line":
                drawn = layout.rows.art[parity]
                self._row(row, top)
            else:
                drawn = self._break_row(row, top, parity)
            art += [self._kept.art(each, top, top + row.height) for each in drawn]
        if page.closing_top is not None:
            made.closing_page = number
            bottom = page.closing_top + layout.closing.height + page.closing_shift
            # guard: stamp.closing-has-the-background-of-its-place
            closing = layout.closing_art[self._parities[-1]]
            art += [each.at(page.closing_top, bottom) for each in closing]
            self._pieces(layout.closing.pieces, page.closing_top + page.closing_shift)
        for index, top in page.blocks:
            block = layout.tail[index]
            made.block_pages[index] = number
            art += [each.at(top, top + block.height) for each in block.art]
            self._pieces(block.pieces, top)
        self._pieces(furniture.margins if number == 0 else layout.later.margins, 0.0)
        if made.placed is not None:
            made.art.append(art)
        lines = b"\n".join(art)
        made.contents.append(page_start(layout.height) + lines + b"\n" + b"".join(self._texts))
        made.counts.append(self._count)

    def _pieces(self, pieces: Iterable[Piece], top: float) -> None:
        texts = self._texts
        for piece in pieces:
            if piece.key is None:
                texts.append(piece.artifact + b"\n")
            else:
                texts.append(begun(piece.tag, self._count))
                self._made.keys.setdefault(piece.key, []).append((self._number, self._count))
                self._count += 1
            texts.append(self._drawn(piece, piece.y + top))
            texts.append(_END)

    def _drawn(self, piece: Piece, y: float) -> bytes:
        what = piece.what
        if isinstance(what, ConstantText):
            if self._made.placed is not None:
                self._place(what.x, y, what.width, what.text)
            if self._kept.is_ambiguous(what):
                return ambiguous_constant(what, y, self._made.glyphs)
            return self._kept.constant(what, y)
        if isinstance(what, Slot):
            return self._slot(what, y)
        if isinstance(what, Chart):
            return chart_commands(what, self._statement)
        return what.template + b"\n"

    def _slot(self, slot: Slot, y: float) -> bytes:
        text = printed_text(slot, self._values)
        direction = getattr(self._values.get(slot.name), "direction", None)
        [shaped] = self._shaper.lines(text, slot.style, None, direction)
        width = shaped.width * slot.style.size
        if width > slot.room + _TOLERANCE:  # guard: stamp.column-leaves-room-beside-it
            raise OutsideLayout("does-not-fit", slot.name)
        if slot.usual is not None:
            y += self._lower(slot, slot.usual, shaped)
        note_glyphs(self._made.glyphs, shaped.glyphs)
        x = slot.edge - slot.anchor.value * width
        self._place(x, y, width, text)
        return line_at(slot.style, shaped, x, y, self._made.glyphs)

    def _lower(self, slot: Slot, usual: tuple[float, float], shaped: ShapedLine) -> float:
        """Return by how much a line is lower, since its font or that of a line above is taller."""
        baseline, height = self._shaper.line_box(slot.style, shaped)
        lower, more = baseline - usual[0], height - usual[1]
        is_in_window = slot.name in WINDOW_SLOTS and self._is_before_lines
        grown = self._made.window_grown
        room = self._layout.window_room if is_in_window else 0.0
        if abs(more) > _TALLER and not 0.0 < grown + more <= room + _TALLER:
            # guard: stamp.taller-lines-move-what-is-below
            raise OutsideLayout("tall-line", slot.name)
        if is_in_window:
            lower += grown
            self._made.window_grown += more
        return lower

    def _row(self, row: LaidOutRow, top: float) -> None:
        shape = tuple([(column.index, len(cell.lines)) for column, cell, _ in row.cells])
        self._made.rows.append(TaggedRow(self._number, self._count, shape))
        for column, cell, above in row.cells:
            self._cell(column, cell, top + row.shift + above)

    def _cell(self, column: Column, cell: CellLines, top: float) -> None:
        """Draw a text of a cell."""
        count = self._count
        self._count += len(cell.lines)
        if self._made.placed is not None:
            for shaped, dy in cell.lines:
                x, y = line_start(column.slot, shaped), top + column.dy + dy
                self._place(x, y, shaped.width * column.slot.style.size, shaped.text)
        texts = self._texts
        if cell.drawn is not None:
            # This is done for each text of each line.
            for number, (tag, before, after, dy) in enumerate(cell.drawn, start=count):
                texts.append(b"%s%d%s%.6f%s" % (tag, number, before, top + dy, after))
        else:
            style = column.slot.style
            for number, (shaped, dy) in enumerate(cell.lines, start=count):
                x, y = line_start(column.slot, shaped), top + column.dy + dy
                # The glyphs of lines without commands were noted before the pages were stamped.
                note_glyphs(self._made.glyphs, shaped.glyphs)
                drawn = line_at(style, shaped, x, y, self._made.glyphs)
                texts.append(begun(column.tag, number) + drawn + _END)

    def _break_row(self, row: LaidOutRow, top: float, parity: int) -> tuple[ArtPiece, ...]:
        """Draw a row at the break of a page, and return its art."""
        rule = self._layout.rows.breaks[row.kind]
        art = rule.art[parity]
        if art is None:
            raise OutsideLayout("rows-at-page-breaks", f"{row.kind} at another place")
        contents: dict[int, list[Content]] = {}
        for piece in rule.pieces:
            if piece.key is not None:
                contents[piece.key] = [(self._number, self._count)]
            self._texts.append(begun(piece.tag, self._count))
            self._count += 1
            self._texts.append(self._drawn(piece, piece.y + top + row.shift))
            self._texts.append(_END)
        for (key, column), (_, cell, _) in zip(rule.amounts, row.cells, strict=True):
            contents[key] = [(self._number, self._count)]
            self._cell(column, cell, top + row.shift)
        self._made.rows.append(TaggedRow(self._number, self._count, (), rule.tags, contents))
        return art

    def _place(self, x: float, y: float, width: float, text: str) -> None:
        if self._made.placed is not None:
            self._made.placed.append(PlacedText(self._number, x, y, width, text))
