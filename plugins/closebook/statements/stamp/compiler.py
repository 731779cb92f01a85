"""Derive a layout from two probes: what differs between their pages is a slot, the rest stays."""

import re
from collections.abc import Sequence

from closebook.statements.stamp.art import fixed_art, moving_art
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
    TagNode,
    TextStyle,
)
from closebook.statements.stamp.outside_layout import OutsideLayout
from closebook.statements.stamp.page_items import PageItem
from closebook.statements.stamp.probe_pages import KEYS_PER_PAGE, ProbePages
from closebook.statements.stamp.row_rules import row_rule
from closebook.statements.stamp.statement_class import slot_values
from closebook.statements.weasyprint_adapter.layout_marks import PageGeometry, RowBox, TextMark

PAGE_NUMBER = "page.number"
_ACCOUNT_LINE = "page.account_line"
_NEAR = 1.2
_SAME = 0.02
_PLACED = re.compile(rb"1 0 0 -1 (\S+) (\S+) Tm")
_ORDER = {name: at for at, name in enumerate(
    ("before", "head", "opening", "line", "closing", "after", "margin")
)}  # fmt: skip


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


def block_tops(pages: ProbePages) -> list[tuple[int, float]]:
    """Return the page and the top of each block after the lines."""
    return [
        (page, block.top)
        for page, geometry in enumerate(pages.geometry)
        for block in geometry.blocks
    ]


class _Compiler:
    def __init__(self, first: ProbePages, second: ProbePages) -> None:
        self._first, self._second = first, second
        self._found: set[str] = set()
        for pages in (first, second):
            _require_usual(pages)

    def layout(self, declared: set[str], page_tops: Sequence[float]) -> Layout:
        first, last = self._first, len(self._first.pages) - 1
        geometry = first.geometry
        closing_row = next(row for row in geometry[last].rows if row.kind == "closing")
        opening_page = self._page_pieces(0, 0)
        later_page = self._page_pieces(1, 1)
        closing = self._closing(closing_row)
        tail = self._tail(closing_row, page_tops)
        rows = row_rule(first, self._second)
        self._found |= {column.slot.name for column in rows.columns}
        missing = declared - self._found
        if missing:  # guard: stamp.every-declared-slot-is-found
            raise OutsideLayout("not-compiled", f"no place was found for {', '.join(missing)}")
        tags = _SplitTags(first)
        before_count = len([title for title, page in first.headings if page == 0])
        bookmarks = [(title, -1) for title, _ in first.headings[:before_count]]
        for title, _ in first.headings[before_count:]:
            bookmarks.append((title, _block_of(title, tail)))
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
        """Return what a page has besides lines, closing and tail."""
        geometry, other_geometry = self._first.geometry[page], self._second.geometry[other]
        mine = self._furniture(self._first, page)
        yours = self._furniture(self._second, other)
        art = [item for item in mine if not item.is_text and item.content is None]
        other_art = [item for item in yours if not item.is_text and item.content is None]
        fixed = fixed_art(art)
        if fixed != fixed_art(other_art):
            raise OutsideLayout("not-compiled", "the backgrounds of two probes differ")
        pieces = self._pieces(mine, yours, page, 0.0)
        margins = [piece for item, piece in pieces if _region(item) == "margin"]
        before = [piece for item, piece in pieces if _region(item) != "margin"]
        row = next(row for row in geometry.rows if row.kind == "line")
        other_row = next(row for row in other_geometry.rows if row.kind == "line")
        if abs(row.top - other_row.top) > _SAME:
            raise OutsideLayout("not-compiled", "the lines of two probes begin at two places")
        return PagePieces(fixed, tuple(before), tuple(margins), row.top)

    def _furniture(self, pages: ProbePages, page: int) -> list[PageItem]:
        geometry = pages.geometry[page]
        found = []
        for item in pages.pages[page]:
            if item.is_text:
                if _region(item) not in ("line", "closing", "after", "none"):
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
        lines: dict[str, int] = {}
        found = []
        for item, twin in zip(drawn, other, strict=True):
            piece = self._piece(item, twin, page, top, other_top, lines)
            found.append((item, piece))
        return found

    def _piece(
        self,
        item: PageItem,
        twin: PageItem,
        page: int,
        top: float,
        other_top: float,
        lines: dict[str, int],
    ) -> Piece:
        key = None if item.content is None else page * KEYS_PER_PAGE + item.content
        if item.tag == b"/Figure" and item.content is not None:
            return Piece(key, item.tag, item.artifact, 0.0, self._picture(item, twin))
        if item.mark is None or twin.mark is None or item.artifact != twin.artifact:
            raise OutsideLayout("not-compiled", "the probes draw in another order")
        mark, other = item.mark, twin.mark
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
        anchor, edge = _anchor(mark, other) if name != PAGE_NUMBER else _aligned(mark)
        slot = Slot(name, line, style_of(item), anchor, edge, mark.room)
        return Piece(key, item.tag, item.artifact, y, slot)

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
        if len(found) != 1 or b" Ts" in content:
            raise OutsideLayout("not-compiled", f"{item.mark.text!r} has several places")
        before, after = _PLACED.sub(b"@", content).split(b"@")
        glyphs, text = [], ""
        for run in item.runs:
            if run.font not in self._first.fonts:
                raise OutsideLayout("not-compiled", f"{item.mark.text!r} needs a second map")
            for glyph in run.glyphs:
                meaning = self._first.glyph_texts[run.font][glyph]
                glyphs.append((run.font, glyph, meaning))
                text += meaning
        return ConstantText(text, float(found[0][0]), before, after, frozenset(glyphs))

    def _closing(self, row: RowBox) -> Block:
        last = len(self._first.pages) - 1
        other_last = len(self._second.pages) - 1
        other_row = next(r for r in self._second.geometry[other_last].rows if r.kind == "closing")
        mine = [item for item in self._first.pages[last] if _region(item) == "closing"]
        yours = [item for item in self._second.pages[other_last] if _region(item) == "closing"]
        pieces = self._pieces(mine, yours, last, row.top, other_row.top)
        art = [
            item
            for item in self._first.pages[last]
            if not item.is_text and row_of(item, self._first.geometry[last]) == row
        ]
        drawn = moving_art(art, row.top, row.top + row.height)
        return Block(0.0, row.height, 0.0, tuple(piece for _, piece in pieces), drawn)

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
        if sum(len(block.pieces) for block in found) != sum(item.is_text for item in mine):
            raise OutsideLayout("not-compiled", "a text after the lines is in no block")
        return tuple(found)


_POINTS = 0.75


class _SplitTags:
    """The tag tree of a probe, cut where the lines are."""

    def __init__(self, pages: ProbePages) -> None:
        kids = pages.document.kids
        at = next(
            index
            for index, kid in enumerate(kids)
            if isinstance(kid, TagNode) and kid.identifier == "closebook:lines"
        )
        nodes = [kid for kid in kids if isinstance(kid, TagNode)]
        self.before, self.after = tuple(nodes[:at]), tuple(nodes[at + 1 :])
        groups = [kid for kid in nodes[at].kids if isinstance(kid, TagNode)]
        if groups[0].name != b"/THead":
            raise OutsideLayout("not-compiled", "the lines have no heads")
        self.head = groups[0]
        rows = [row for group in groups[1:] for row in group.kids if isinstance(row, TagNode)]
        self.opening, self.closing = rows[0], rows[-1]


def style_of(item: PageItem) -> TextStyle:
    """Return the style of a text. It is that of its last run: a minus may be of another font."""
    if item.mark is None:
        raise OutsideLayout("not-compiled", "a text has no mark")
    run = item.runs[-1]
    return TextStyle(run.font, run.size, item.color, item.mark.line_height)


def row_of(item: PageItem, geometry: PageGeometry) -> RowBox | None:
    """Return the row that a line or background belongs to: a line between two is the upper's."""
    if item.top is None or item.bottom is None:
        return None
    for row in geometry.rows:
        bottom = row.top + row.height
        if item.top >= row.top - _NEAR and row.top + _NEAR < item.bottom <= bottom + _NEAR:
            return row
    rows = geometry.rows
    inside = (
        rows
        and rows[0].top + _NEAR < item.bottom
        and (item.top < rows[-1].top + rows[-1].height - _NEAR)
    )
    if inside:
        raise OutsideLayout("not-compiled", "a line or background is in several rows")
    return None


def _anchor(mark: TextMark, other: TextMark) -> tuple[Anchor, float]:
    """Return the edge that stays. Two texts of one width have no such edge."""
    if abs(mark.width - other.width) < 4 * _SAME and abs(mark.x - other.x) < _SAME:
        raise OutsideLayout("not-compiled", f"{mark.text!r} has one width in both probes")
    for anchor in (Anchor.LEFT, Anchor.RIGHT, Anchor.CENTRE):
        mine = mark.x + anchor.value * mark.width
        if abs(mine - (other.x + anchor.value * other.width)) < _SAME:
            return anchor, mine
    raise OutsideLayout("not-compiled", f"no edge of {mark.text!r} stays")


def _aligned(mark: TextMark) -> tuple[Anchor, float]:
    """Return the edge that stays by the style: page numbers have often the same width."""
    anchor = {"right": Anchor.RIGHT, "end": Anchor.RIGHT, "center": Anchor.CENTRE}.get(
        mark.align, Anchor.LEFT
    )
    return anchor, mark.x + anchor.value * mark.width


def _require_usual(pages: ProbePages) -> None:
    """Raise OutsideLayout unless a probe has its parts in the usual order, on enough pages."""
    if len(pages.pages) < _FEWEST_PAGES:
        raise OutsideLayout("not-compiled", "a probe has too few pages")
    kinds = [[row.kind for row in geometry.rows] for geometry in pages.geometry]
    if kinds[0][:3] != ["head", "opening", "line"] or kinds[-1][-2:] != ["line", "closing"]:
        raise OutsideLayout("not-compiled", "the opening or the closing is on its own page")
    for items in pages.pages:
        order = [_ORDER[_region(item)] for item in items if item.is_text]
        if order != sorted(order):
            raise OutsideLayout("not-compiled", "a page draws its texts in another order")


_FEWEST_PAGES = 3


def _region(item: PageItem) -> str:
    return "" if item.mark is None else item.mark.region


def _y(item: PageItem) -> float:
    if item.mark is not None:
        return item.mark.y
    if item.top is None or item.bottom is None:
        return float("nan")
    return (item.top + item.bottom) / 2


def _is_below(item: PageItem, geometry: PageGeometry) -> bool:
    if item.top is None or not geometry.rows or geometry.rows[-1].kind != "closing":
        return False
    row = geometry.rows[-1]
    return item.top > row.top + row.height + _NEAR


def _is_after(item: PageItem, geometry: PageGeometry) -> bool:
    return _region(item) == "after" or (not item.is_text and _is_below(item, geometry))


def _block_of(title: str, tail: Sequence[Block]) -> int:
    for index, block in enumerate(tail):
        for piece in block.pieces:
            if isinstance(piece.what, ConstantText) and piece.what.text == title:
                return index
    raise OutsideLayout("not-compiled", f"the heading {title!r} is in no block")
