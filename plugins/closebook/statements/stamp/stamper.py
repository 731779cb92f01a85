"""Stamp a statement: put its texts into a compiled layout, and write the file."""

from collections.abc import Mapping
from dataclasses import replace
from io import BytesIO
from operator import itemgetter

from closebook.statements.model import Statement
from closebook.statements.pdf.assembler import PdfAssembler, WrittenPages
from closebook.statements.pdf.attachment import Attachment
from closebook.statements.pdf.object_writer import ObjectWriter, reference
from closebook.statements.pdf.xmp import DocumentMetadata
from closebook.statements.render.view_model import StatementView
from closebook.statements.stamp.break_rows import filled_table
from closebook.statements.stamp.column_edges import with_column_edges
from closebook.statements.stamp.compiler import PAGE_NUMBER
from closebook.statements.stamp.deflate import deflated
from closebook.statements.stamp.faces import Face
from closebook.statements.stamp.font_writer import EmbeddedFonts, GlyphTexts, note_glyphs, triples
from closebook.statements.stamp.layout import (
    Layout,
    Piece,
    Slot,
)
from closebook.statements.stamp.page_filler import parities
from closebook.statements.stamp.page_stamper import KeptDrawings, PageStamper, StampedPages
from closebook.statements.stamp.row_layout import RowLayout
from closebook.statements.stamp.sentences import printed_text, with_sentences
from closebook.statements.stamp.shaper import Shaper
from closebook.statements.stamp.statement_class import slot_values
from closebook.statements.stamp.tag_tree import RowShape, RowTemplate, TagTreeWriter
from closebook.statements.weasyprint_adapter.pango_texts import TextSetter

_PRINTABLE_ASCII = range(0x20, 0x7F)
_TOLERANCE = 1 / 1024
_TALLER = 0.01
_END = b"EMC\n"


class Stamper:
    """Stamps the statements of one layout."""

    def __init__(self, layout: Layout, faces: dict[str, Face], setter: TextSetter) -> None:
        self.layout = layout
        self._shaper = Shaper(faces, layout.stand_ins, setter)
        self._fonts = EmbeddedFonts(faces)
        self._row_templates: dict[RowShape, RowTemplate] = {}
        # Each subset has all printable ASCII characters, so that most statements share one.
        self._usual: GlyphTexts = {}
        style = layout.rows.columns[0].slot.style
        for character in _PRINTABLE_ASCII:
            if character in faces[style.font].characters:
                note_glyphs(self._usual, self._shaper.line(style, chr(character)).glyphs)
        self._kept = KeptDrawings(layout, self._usual)
        self._rows = RowLayout(layout.rows, self._shaper, triples(self._usual))

    def pages(
        self, statement: Statement, view: StatementView, *, is_trial: bool = False
    ) -> StampedPages:
        """Return the content of a statement's pages. Raises OutsideLayout.

        ``is_trial`` asks for the places of the texts, to compare them.
        """
        values = slot_values(view)
        layout = with_column_edges(self.layout, values, self._shaper)
        layout = with_sentences(layout, values, self._shaper)
        rows, filled = filled_table(
            layout,
            self._rows,
            self._rows.rows(view.lines),
            view.amounts,
            [line.balance for line in view.lines],
        )
        made = StampedPages(glyphs={font: dict(map_) for font, map_ in self._usual.items()})
        made.placed = [] if is_trial else None
        for row in rows:
            for _, cell, _ in row.cells:
                if cell.glyphs:
                    note_glyphs(made.glyphs, cell.glyphs)
        places = parities(filled, rows, in_parts=layout.in_parts)
        for number, page in enumerate(filled):
            values[PAGE_NUMBER] = view.catalog.page_of.format(page=number + 1, pages=len(filled))
            PageStamper(
                layout, self._shaper, self._kept, statement, values, made, number, places
            ).stamp(page, rows)
        return made

    def with_usual_lines(self, values: Mapping[str, str]) -> Layout:
        """Return the layout with the line boxes that a probe of these values has in its slots."""

        def known(piece: Piece) -> Piece:
            slot = piece.what
            if not isinstance(slot, Slot) or slot.name == PAGE_NUMBER:
                return piece
            direction = getattr(values.get(slot.name), "direction", None)
            [shaped] = self._shaper.lines(printed_text(slot, values), slot.style, None, direction)
            usual = self._shaper.line_box(slot.style, shaped)
            return replace(piece, what=replace(slot, usual=usual))

        layout = self.layout
        return replace(
            layout,
            first=replace(
                layout.first,
                before=tuple(map(known, layout.first.before)),
                margins=tuple(map(known, layout.first.margins)),
            ),
            later=replace(
                layout.later,
                before=tuple(map(known, layout.later.before)),
                margins=tuple(map(known, layout.later.margins)),
            ),
            closing=replace(layout.closing, pieces=tuple(map(known, layout.closing.pieces))),
            tail=tuple(
                replace(block, pieces=tuple(map(known, block.pieces))) for block in layout.tail
            ),
        )

    def breaks_a_sentence(self, values: Mapping[str, str]) -> bool:
        """Return whether a sentence around one of these values needs several lines."""
        layout = with_sentences(self.layout, values, self._shaper)
        return layout.tail != self.layout.tail and any(
            len(block.pieces) > len(plain.pieces)
            for block, plain in zip(layout.tail, self.layout.tail, strict=True)
        )

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
        assembler = PdfAssembler(output, deflated)
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
        chart_text = view.variables["chart"]["text"]
        tags = TagTreeWriter(writer, numbers, pages.counts, chart_text, self._row_templates).write(
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
                bookmarks=_bookmarks(layout, pages, view),
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


def _bookmarks(layout: Layout, pages: StampedPages, view: StatementView) -> list[tuple[str, int]]:
    """Return the headings with their pages, and the days of a statement that is made in parts."""
    found = [
        (title, 0 if block < 0 else pages.block_pages[block]) for title, block in layout.bookmarks
    ]
    if not layout.in_parts:
        return found
    before = [found[at] for at, (_, block) in enumerate(layout.bookmarks) if block < 0]
    days, day = [], ""
    for line, row in zip(view.lines, pages.rows, strict=True):
        if line.day != day:
            day = line.day
            days.append((day, row.page))
    return sorted([*before, *days, *found[len(before) :]], key=itemgetter(1))
