"""Derive a layout from two probes: what differs between their pages is a slot."""

import re
from collections.abc import Sequence
from dataclasses import replace

from closebook.statements.stamp.anchors import aligned, anchor_of, items_of_columns, row_of
from closebook.statements.stamp.art import furniture_art, moving_art
from closebook.statements.stamp.break_row_rules import (
    break_extras,
    break_row,
    kinds_of_break_rows,
)
from closebook.statements.stamp.chart import chart_of
from closebook.statements.stamp.layout import (
    Anchor,
    ArtPiece,
    Block,
    Chart,
    ConstantText,
    Layout,
    PagePieces,
    Piece,
    Slot,
)
from closebook.statements.stamp.layout_tags import (
    SplitTags,
    block_of,
    heading_keys,
    keys_of,
    require_pieces,
)
from closebook.statements.stamp.line_breaker import collapsed
from closebook.statements.stamp.outside_layout import OutsideLayout
from closebook.statements.stamp.page_items import PageItem
from closebook.statements.stamp.pango_lines import commands_of
from closebook.statements.stamp.probe_pages import KEYS_PER_PAGE, ProbePages
from closebook.statements.stamp.row_rules import BREAK_KINDS, NONE, alike, row_rule, table_rows
from closebook.statements.stamp.statement_class import slot_text, slot_values
from closebook.statements.weasyprint_adapter.layout_marks import PageGeometry, RowBox, TextMark

PAGE_NUMBER = "page.number"
_FEWEST_PAGES = 3
_ACCOUNT_LINE = "page.account_line"
_NEAR = 1.2
_SAME = 0.02
_PLACED = re.compile(rb"1 0 0 -1 (\S+) (\S+) Tm")
_MOVING = {"line", "closing", "after", *BREAK_KINDS}
_ORDER = {name: at for at, name in enumerate(
    ("before", "head", "opening", "line", "closing", "after", "margin")
)}  # fmt: skip


def with_row_of_no_lines(layout: Layout, probes: tuple[ProbePages, ProbePages]) -> Layout:
    """Return the layout with the row that two probes without lines have."""
    rows = layout.rows
    make = _Compiler(*probes, fewest_pages=1).piece
    row = break_row(NONE, probes, make, has_bands=not alike(*rows.art))
    extras = {**rows.extras, **break_extras(probes)}
    closing = table_rows(probes[0])[-1].box
    extras[NONE, "closing"] = closing.height - layout.closing.height
    known = {**layout.fonts, **probes[0].fonts}
    return replace(
        layout, rows=replace(rows, extras=extras, breaks={**rows.breaks, NONE: row}), fonts=known
    )


def compiled_layout(
    first: ProbePages, second: ProbePages, declared: set[str], page_tops: Sequence[float]
) -> Layout:
    """Return the layout that both probes have.

    ``declared`` are the slots that the template names on the page. ``page_tops`` are the tops of
    the blocks after the lines where each of them begins a page. Raises OutsideLayout where the
    pages cannot be understood.
    """
    compiler = _Compiler(first, second)
    return compiler.layout(declared, page_tops)


class _Compiler:
    def __init__(
        self, first: ProbePages, second: ProbePages, fewest_pages: int = _FEWEST_PAGES
    ) -> None:
        self._first, self._second = first, second
        self._found: set[str] = set()
        for pages in (first, second):
            _require_usual(pages, fewest_pages)

    def layout(self, declared: set[str], page_tops: Sequence[float]) -> Layout:
        first, last = self._first, len(self._first.pages) - 1
        geometry = first.geometry
        closing_row = next(row for row in geometry[last].rows if row.kind == "closing")
        opening_page = self._page_pieces(0, 0)
        later_page = self._page_pieces(1, 1)
        closing = self._closing(closing_row)
        tail = self._tail(closing_row, page_tops)
        rows = row_rule(first, self._second)
        rows = replace(
            rows,
            extras={**rows.extras, **break_extras((first, self._second))},
            breaks={
                kind: break_row(
                    kind, (first, self._second), self.piece, has_bands=not alike(*rows.art)
                )
                for kind in kinds_of_break_rows(first)
            },
        )
        self._found |= {column.slot.name for column in rows.columns}
        self._found |= {
            column.slot.name for row in rows.breaks.values() for _, column in row.amounts
        }
        missing = declared - self._found
        if missing:  # guard: stamp.every-declared-slot-is-found
            raise OutsideLayout("not-compiled", f"no place was found for {', '.join(missing)}")
        tags = SplitTags(first)
        places: tuple[PagePieces | Block, ...] = (opening_page, closing, *tail)
        require_pieces(tags.furniture, {key for place in places for key in keys_of(place)})
        before_count = len([title for title, page in first.headings if page == 0])
        bookmarks = [(title, -1) for title, _ in first.headings[:before_count]]
        after = first.headings[before_count:]
        headings = heading_keys(tags.after)
        if len(after) != len(headings):
            raise OutsideLayout("not-compiled", "what is after the lines has other headings")
        for (title, _), key in zip(after, headings, strict=True):
            bookmarks.append((title, block_of(key, tail)))
        return Layout(
            width=geometry[0].width * _POINTS,
            height=geometry[0].height * _POINTS,
            bottom=geometry[0].bottom,
            first=opening_page,
            later=later_page,
            rows=rows,
            closing=closing,
            tail=tail,
            before_tags=tags.before,
            head_tags=tags.head,
            opening_tags=tags.opening,
            closing_tags=tags.closing,
            after_tags=tags.after,
            bookmarks=tuple(bookmarks),
            fonts={**self._second.fonts, **first.fonts},
            stand_ins={},
            resources=first.resources,
            objects=first.objects,
        )

    def _page_pieces(self, page: int, other: int) -> PagePieces:
        """Return what a page has besides the lines, the closing balance and the blocks after it."""
        geometry, other_geometry = self._first.geometry[page], self._second.geometry[other]
        mine = self._furniture(self._first, page)
        yours = self._furniture(self._second, other)
        art = furniture_art(mine, geometry)
        if art != furniture_art(yours, other_geometry):
            raise OutsideLayout("not-compiled", "the backgrounds of two probes differ")
        pieces = self._pieces(mine, yours, page, 0.0)
        margins = [piece for item, piece in pieces if _region(item) == "margin"]
        before = [piece for item, piece in pieces if _region(item) != "margin"]
        row = _first_row(geometry)
        other_row = _first_row(other_geometry)
        if abs(row.top - other_row.top) > _SAME:
            raise OutsideLayout("not-compiled", "the lines of two probes begin at two places")
        return PagePieces(*art, tuple(before), tuple(margins), row.top)

    def _furniture(self, pages: ProbePages, page: int) -> list[PageItem]:
        geometry = pages.geometry[page]
        found = []
        for item in pages.pages[page]:
            if item.is_text:
                if _region(item) not in _MOVING:
                    found.append(item)
                continue
            row = row_of(item, geometry)
            if (row is None and not _is_below(item, geometry)) or (
                row is not None and row.kind in ("head", "opening")
            ):
                found.append(item)
        return found

    def _pieces(
        self,
        mine: Sequence[PageItem],
        yours: Sequence[PageItem],
        page: int,
        top: float,
        other_top: float = 0.0,
    ) -> list[tuple[PageItem, Piece]]:
        drawn = [item for item in mine if item.is_text or item.content is not None]
        other = [item for item in yours if item.is_text or item.content is not None]
        if len(drawn) != len(other):
            raise OutsideLayout("not-compiled", "the probes have other numbers of texts")
        columns = items_of_columns(drawn, other)
        lines: dict[str, int] = {}
        found = []
        for item, twin in zip(drawn, other, strict=True):
            column = columns.get(id(item))
            found.append((item, self.piece(item, twin, page, top, other_top, lines, column)))
        return found

    def piece(
        self,
        item: PageItem,
        twin: PageItem,
        page: int,
        top: float,
        other_top: float,
        lines: dict[str, int],
        column: tuple[float, float] | None = None,
    ) -> Piece:
        """Return the piece of an item of the first probe, by the same item of the second.

        ``column`` has the left edge and the room of its column, as in `items_of_columns`.
        """
        key = None if item.content is None else page * KEYS_PER_PAGE + item.content
        if item.tag == b"/Figure" and item.content is not None:
            return Piece(key, item.tag, item.artifact, 0.0, self._picture(item, twin))
        if item.mark is None or twin.mark is None or item.artifact != twin.artifact:
            raise OutsideLayout("not-compiled", "the probes draw in another order")
        mark, other = item.mark, twin.mark
        if not mark.text.strip() and not other.text.strip():
            # White space between two elements: it is in the tag tree, and draws nothing.
            return Piece(key, item.tag, item.artifact, 0.0, ArtPiece(b"BT\nET"))
        if abs((mark.y - top) - (other.y - other_top)) > _SAME or mark.slot != other.slot:
            raise OutsideLayout("not-compiled", f"{mark.text!r} moves between two probes")
        name = mark.slot or self._margin_slot(mark, other, page)
        y = mark.y - top
        if name is None:
            # guard: stamp.what-differs-is-a-slot
            if mark.text != other.text or abs(mark.x - other.x) > _SAME:
                raise OutsideLayout(
                    "not-compiled", f"{mark.text!r} differs between probes, and is no slot"
                )
            return Piece(key, item.tag, item.artifact, y, self._constant(item))
        self._found.add(name)
        line = lines.get(name, 0) if mark.region == "before" and name == "holder.address" else 0
        lines[name] = line + 1
        before, after = ("", "") if name == PAGE_NUMBER else self._around(name, line, mark, other)
        room = mark.room
        if column is not None:
            anchor, (edge, room) = Anchor.COLUMN, column
        else:
            anchor, edge = anchor_of(mark, other) if name != PAGE_NUMBER else aligned(mark)
        slot = Slot(name, line, item.style, anchor, edge, room, before, after)
        return Piece(key, item.tag, item.artifact, y, slot)

    def _around(self, name: str, line: int, mark: TextMark, other: TextMark) -> tuple[str, str]:
        """Return the text that the element of a slot has before and after its variable."""
        found = []
        for pages, text in ((self._first, mark.text), (self._second, other.text)):
            value = slot_text(slot_values(pages.probe.view), name, line)
            before, has, after = collapsed(text).partition(value)
            if not has or not value:
                raise OutsideLayout("not-compiled", f"{text!r} is not the text of {name}")
            found.append((before, after))
        if found[0] != found[1]:  # guard: stamp.element-of-a-slot-has-its-text
            raise OutsideLayout("not-compiled", f"the text around {name} differs between probes")
        return found[0]

    def _margin_slot(self, mark: TextMark, other: TextMark, page: int) -> str | None:
        if mark.region != "margin":
            return None
        texts = []
        for pages, found in ((self._first, mark), (self._second, other)):
            view = pages.probe.view
            number = view.catalog.page_of.format(page=page + 1, pages=len(pages.pages))
            known = {number: PAGE_NUMBER, slot_values(view)[_ACCOUNT_LINE]: _ACCOUNT_LINE}
            texts.append(known.get(found.text))
        return texts[0] if texts[0] == texts[1] else None

    def _picture(self, item: PageItem, twin: PageItem) -> ArtPiece | Chart:
        if item.commands == twin.commands:
            return ArtPiece(b"\n".join(item.commands))
        self._found.add("chart.text")
        return chart_of(
            (item.commands, self._first.probe.statement),
            (twin.commands, self._second.probe.statement),
        )

    def _constant(self, item: PageItem) -> ConstantText:
        if item.mark is None:
            raise OutsideLayout("not-compiled", "a text has no mark")
        content = b"\n".join(item.commands)
        found = _PLACED.findall(content)
        if len(found) != 1:
            raise OutsideLayout("not-compiled", f"{item.mark.text!r} has several places")
        before, after = _PLACED.sub(b"@", content).split(b"@")
        glyphs = []
        is_ambiguous = b" Ts" in content
        for run in item.runs:
            is_ambiguous |= run.font not in self._first.fonts
            for glyph in run.glyphs:
                meaning = self._first.glyph_texts[run.font][glyph]
                glyphs.append((run.font, glyph, meaning))
        commands = commands_of(item, self._first.glyph_texts)
        return ConstantText(
            item.mark.text,
            float(found[0][0]),
            item.mark.width,
            before,
            after,
            frozenset(glyphs),
            item.color,
            commands,
            is_ambiguous,
        )

    def _closing(self, row: RowBox) -> Block:
        last = len(self._first.pages) - 1
        other_last = len(self._second.pages) - 1
        other_row = next(r for r in self._second.geometry[other_last].rows if r.kind == "closing")
        mine = [item for item in self._first.pages[last] if _region(item) == "closing"]
        yours = [item for item in self._second.pages[other_last] if _region(item) == "closing"]
        pieces = self._pieces(mine, yours, last, row.top, other_row.top)
        # Its lines and background are in Layout.closing_art.
        return Block(0.0, row.height, 0.0, tuple(piece for _, piece in pieces), ())

    def _tail(self, closing: RowBox, page_tops: Sequence[float]) -> tuple[Block, ...]:
        last, other_last = len(self._first.pages) - 1, len(self._second.pages) - 1
        geometry, other = self._first.geometry[last], self._second.geometry[other_last]
        if geometry.breakable_blocks or len(geometry.blocks) != len(other.blocks):
            raise OutsideLayout("not-compiled", "what is after the lines may break")
        if len(page_tops) != len(geometry.blocks):
            raise OutsideLayout("not-compiled", "the tops of the blocks are not known")
        end = closing.top + closing.height
        mine = [item for item in self._first.pages[last] if _is_after(item, geometry)]
        yours = [item for item in self._second.pages[other_last] if _is_after(item, other)]
        found = []
        for block, twin, page_top in zip(geometry.blocks, other.blocks, page_tops, strict=True):
            bottom, twin_bottom = block.top + block.height, twin.top + twin.height
            inside = [item for item in mine if block.top - 1 < _y(item) < bottom + 1]
            others = [item for item in yours if twin.top - 1 < _y(item) < twin_bottom + 1]
            pieces = self._pieces(inside, others, last, block.top, twin.top)
            art = [item for item in inside if not item.is_text]
            found.append(
                Block(
                    block.top - end,
                    block.height,
                    page_top,
                    tuple(piece for _, piece in pieces),
                    moving_art(art, block.top, bottom),
                )
            )
            end = bottom
        texts = sum(item.is_text or item.content is not None for item in mine)
        if sum(len(block.pieces) for block in found) != texts:
            raise OutsideLayout("not-compiled", "a text after the lines is in no block")
        return tuple(found)


_POINTS = 0.75


def _require_usual(pages: ProbePages, fewest_pages: int) -> None:
    """Raise OutsideLayout unless a probe has its parts in the usual order, on enough pages."""
    if len(pages.pages) < fewest_pages:
        raise OutsideLayout("not-compiled", "a probe has too few pages")
    kinds = [[row.kind for row in geometry.rows] for geometry in pages.geometry]
    if fewest_pages == 1 and [*filter(None, kinds)] == [["head", "opening", NONE, "closing"]]:
        return
    ends = kinds[-1][-1] == "closing" and kinds[-1][-2] in ("line", "total")
    if kinds[0][:3] != ["head", "opening", "line"] or not ends:
        raise OutsideLayout("not-compiled", "the opening or the closing is on its own page")
    for items in pages.pages:
        order = [_ORDER.get(_region(item), _ORDER["line"]) for item in items if item.is_text]
        if order != sorted(order):
            raise OutsideLayout("not-compiled", "a page draws its texts in another order")


def _region(item: PageItem) -> str:
    return "" if item.mark is None else item.mark.region


def _y(item: PageItem) -> float:
    if item.mark is not None:
        return item.mark.y
    if item.top is None or item.bottom is None:
        return float("nan")
    return (item.top + item.bottom) / 2


def _is_below(item: PageItem, geometry: PageGeometry) -> bool:
    """Return whether a line or background is below the closing: a block may begin at its end."""
    if item.top is None or item.bottom is None:
        return False
    if not geometry.rows or geometry.rows[-1].kind != "closing":
        return False
    end = geometry.rows[-1].top + geometry.rows[-1].height
    return item.top > end - _NEAR and item.bottom > end + _NEAR


def _is_after(item: PageItem, geometry: PageGeometry) -> bool:
    return _region(item) == "after" or (not item.is_text and _is_below(item, geometry))


def _first_row(geometry: PageGeometry) -> RowBox:
    return next(row for row in geometry.rows if row.kind not in ("head", "opening"))
