"""Stamp a statement: put its texts into a compiled layout, and write the file."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from io import BytesIO

from closebook.statements.model import Statement
from closebook.statements.pdf.assembler import PdfAssembler, WrittenPages
from closebook.statements.pdf.attachment import Attachment
from closebook.statements.pdf.object_writer import ObjectWriter, reference
from closebook.statements.pdf.xmp import DocumentMetadata
from closebook.statements.render.view_model import StatementView
from closebook.statements.stamp.chart import chart_commands
from closebook.statements.stamp.compiler import PAGE_NUMBER
from closebook.statements.stamp.content_stream import (
    begun,
    line_at,
    page_start,
    placed_constant,
    placed_line,
)
from closebook.statements.stamp.faces import Face
from closebook.statements.stamp.font_writer import EmbeddedFonts, GlyphTexts, note_glyphs
from closebook.statements.stamp.layout import (
    Anchor,
    Chart,
    ConstantText,
    Layout,
    Piece,
    Slot,
)
from closebook.statements.stamp.line_breaker import collapsed
from closebook.statements.stamp.outside_layout import OutsideLayout
from closebook.statements.stamp.page_filler import FilledPage, filled_pages
from closebook.statements.stamp.row_layout import LaidOutRow, RowLayout
from closebook.statements.stamp.shaper import ShapedLine, Shaper
from closebook.statements.stamp.statement_class import slot_values
from closebook.statements.stamp.tag_tree import Content, TaggedRow, TagTreeWriter

_PRINTABLE_ASCII = range(0x20, 0x7F)
_TOLERANCE = 1 / 1024
_END = b"EMC\n"


@dataclass(frozen=True)
class PlacedText:
    """A text of a stamped page, for a comparison with the reference."""

    page: int
    x: float
    y: float
    text: str


@dataclass
class StampedPages:
    """The content of the pages before it is written."""

    contents: list[bytes] = field(default_factory=list)
    counts: list[int] = field(default_factory=list)
    keys: dict[int, Content] = field(default_factory=dict)
    rows: list[TaggedRow] = field(default_factory=list)
    closing_page: int = 0
    block_pages: dict[int, int] = field(default_factory=dict)
    glyphs: GlyphTexts = field(default_factory=dict)
    placed: list[PlacedText] = field(default_factory=list)
    noted: dict[int, frozenset[tuple[str, int, str]]] = field(default_factory=dict)


class Stamper:
    """Stamps the statements of one layout."""

    def __init__(self, layout: Layout, faces: dict[str, Face]) -> None:
        self.layout = layout
        self._shaper = Shaper(faces, layout.stand_ins)
        self._rows = RowLayout(layout.rows, self._shaper)
        self._fonts = EmbeddedFonts(faces)
        # Most statements have the same glyphs then, so that a subset serves many of them.
        self._usual: GlyphTexts = {}
        style = layout.rows.columns[0].slot.style
        for character in _PRINTABLE_ASCII:
            if character in faces[style.font].characters:
                note_glyphs(self._usual, self._shaper.line(style.font, chr(character)).glyphs)

    def pages(self, statement: Statement, view: StatementView) -> StampedPages:
        """Return the content of a statement's pages. Raises OutsideLayout."""
        rows = self._rows.rows(view.lines)
        filled = filled_pages(self.layout, [row.height for row in rows])
        made = StampedPages(glyphs={font: dict(map_) for font, map_ in self._usual.items()})
        values = slot_values(view)
        for number, page in enumerate(filled):
            values[PAGE_NUMBER] = view.catalog.page_of.format(page=number + 1, pages=len(filled))
            _PageStamper(self.layout, self._shaper, statement, values, made, number).stamp(
                page, rows
            )
        return made

    def file(
        self,
        pages: StampedPages,
        view: StatementView,
        metadata: DocumentMetadata,
        attachments: tuple[Attachment, ...],
        identifier: bytes,
    ) -> bytes:
        """Write the file of some pages."""
        output = BytesIO()
        assembler = PdfAssembler(output)
        writer, layout = assembler.writer, self.layout
        numbers = [writer.reserve() for _ in pages.contents]
        resources = self._resources(writer, pages.glyphs)
        box = b"[0 0 %.6f %.6f]" % (layout.width, layout.height)
        for index, (number, content) in enumerate(zip(numbers, pages.contents, strict=True)):
            stream = writer.add_stream(content, b"")
            writer.add(
                b"<</Type /Page/Parent %s/MediaBox %s/TrimBox %s/BleedBox %s/Contents %s"
                b"/Resources %s/StructParents %d/Tabs /S>>"
                % (
                    reference(assembler.page_tree),
                    *(box, box, box),
                    reference(stream),
                    reference(resources),
                    index,
                ),
                number,
            )
        tags = TagTreeWriter(writer, numbers, pages.counts, view.variables["chart"]["text"]).write(
            layout,
            pages.keys,
            pages.rows,
            pages.closing_page,
            assembler.document,
            assembler.lines_table,
        )
        assembler.add_written(
            WrittenPages(
                pages=numbers,
                before_lines=tags.before,
                row_groups=tags.groups,
                after_lines=tags.after,
                identified=tags.identified,
                content_owners=tags.owners,
                bookmarks=[
                    (title, 0 if block < 0 else pages.block_pages[block])
                    for title, block in layout.bookmarks
                ],
            )
        )
        assembler.finish(metadata, attachments, identifier)
        return output.getvalue()

    def _resources(self, writer: ObjectWriter, glyphs: GlyphTexts) -> int:
        fonts = self._fonts.write(writer, glyphs)
        numbers = [writer.reserve() for _ in self.layout.objects]

        def resolved(syntax: bytes) -> bytes:
            for place, number in enumerate(numbers):
                syntax = syntax.replace(b"@%d@" % place, reference(number))
            return syntax

        for (_, head, content), number in zip(self.layout.objects, numbers, strict=True):
            if content is None:
                writer.add(resolved(head), number)
            else:
                writer.add_stream(content, resolved(head), number, compress=False)
        named = b"".join(b"/%s %s" % (name.encode(), each) for name, each in fonts.items())
        return writer.add(b"<</Font <<%s>>%s>>" % (named, resolved(self.layout.resources)))


class _PageStamper:
    """Stamps one page."""

    def __init__(
        self,
        layout: Layout,
        shaper: Shaper,
        statement: Statement,
        values: dict[str, str],
        made: StampedPages,
        number: int,
    ) -> None:
        self._layout, self._shaper, self._statement = layout, shaper, statement
        self._values, self._made, self._number = values, made, number
        self._texts: list[bytes] = []
        self._count = 0

    def stamp(self, page: FilledPage, rows: list[LaidOutRow]) -> None:
        """Add the content of the page, and say where its pieces are."""
        layout, made, number = self._layout, self._made, self._number
        furniture = layout.later if number else layout.first
        has_table = not number or bool(page.rows)
        art: list[bytes] = [*furniture.art] if has_table else []
        if has_table:
            self._pieces(furniture.before, 0.0)
        for index, top in page.rows:
            row = rows[index]
            art += [each.at(top, top + row.height) for each in layout.rows.art[(index + 1) % 2]]
            self._row(row, top)
        if page.closing_top is not None:
            made.closing_page = number
            bottom = page.closing_top + layout.closing.height
            art += [each.at(page.closing_top, bottom) for each in layout.closing.art]
            self._pieces(layout.closing.pieces, page.closing_top)
        for index, top in page.blocks:
            block = layout.tail[index]
            made.block_pages[index] = number
            art += [each.at(top, top + block.height) for each in block.art]
            self._pieces(block.pieces, top)
        self._pieces(furniture.margins if number == 0 else layout.later.margins, 0.0)
        drawn = b"\n".join(art)
        made.contents.append(page_start(layout.height) + drawn + b"\n" + b"".join(self._texts))
        made.counts.append(self._count)

    def _pieces(self, pieces: Iterable[Piece], top: float) -> None:
        for piece in pieces:
            if piece.key is None:
                self._texts.append(piece.artifact + b"\n")
            else:
                self._texts.append(begun(piece.tag, self._count))
                self._made.keys[piece.key] = (self._number, self._count)
                self._count += 1
            self._texts.append(self._drawn(piece, piece.y + top))
            self._texts.append(_END)

    def _drawn(self, piece: Piece, y: float) -> bytes:
        what = piece.what
        if isinstance(what, ConstantText):
            self._note(what.glyphs)
            self._place(what.x, y, what.text)
            return placed_constant(what, y)
        if isinstance(what, Slot):
            return self._slot(what, y)
        if isinstance(what, Chart):
            return chart_commands(what, self._statement)
        return what.template + b"\n"

    def _slot(self, slot: Slot, y: float) -> bytes:
        text = self._values[slot.name]
        if slot.name == "holder.address":
            text = text.split("\n")[slot.line]
        text = collapsed(text)
        if not text:
            raise OutsideLayout("empty-text", slot.name)
        shaped = self._shaper.line(slot.style.font, text)
        width = shaped.width * slot.style.size
        if width > slot.room + _TOLERANCE:
            raise OutsideLayout("does-not-fit", slot.name)
        self._note(shaped.glyphs)
        self._place(slot.edge - slot.anchor.value * width, y, text)
        return placed_line(slot, shaped, y)

    def _row(self, row: LaidOutRow, top: float) -> None:
        cells: list[list[int]] = [[] for _ in self._layout.rows.attributes]
        top += row.shift
        for column, cell in row.cells:
            slot = column.slot
            style = slot.style
            for shaped, dy in cell.lines:
                x = slot.edge
                if slot.anchor is not Anchor.LEFT:
                    x -= slot.anchor.value * shaped.width * style.size
                y = top + column.dy + dy
                cells[column.index].append(self._count)
                self._texts.append(
                    begun(b"/Span", self._count) + line_at(style, shaped, x, y) + _END
                )
                self._count += 1
                self._note(shaped.glyphs)
                self._place(x, y, shaped)
        self._made.rows.append(TaggedRow(self._number, cells))

    def _note(self, glyphs: frozenset[tuple[str, int, str]]) -> None:
        # Most texts of a document were noted before. What is kept has an id of its own.
        if id(glyphs) not in self._made.noted:
            self._made.noted[id(glyphs)] = glyphs
            note_glyphs(self._made.glyphs, glyphs)

    def _place(self, x: float, y: float, text: str | ShapedLine) -> None:
        written = text if isinstance(text, str) else text.text
        self._made.placed.append(PlacedText(self._number, x, y, written))
