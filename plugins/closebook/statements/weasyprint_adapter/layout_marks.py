"""Write into the drawn pages what each text is, so that a layout can be compiled from them.

A mark is a comment in a page's content, before the text that it describes. Only probe statements
are drawn with marks (closebook/statements/stamp/probe_statements.py): no such file is issued.
"""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from closebook.statements.weasyprint_adapter.text_settings import TextSettings

MARK = b"%mark "

_LINES = "lines"
_KINDS = {
    "first-balance": "opening",
    "last-balance": "closing",
    "brought": "brought",
    "carried": "carried",
    "page-debits": "total",
}


@dataclass(frozen=True, slots=True)
class TextMark:
    """Where a text stands, in CSS pixels from the upper left of the page.

    ``region`` is before, after, margin, head, opening, line, brought, carried, total (the rows at
    the break of a page), closing or none (the row of a statement without lines). ``slot`` is the
    name that the template gives to the variable element around it, ``row`` the number of the
    statement's line, and ``column`` the index of the cell. ``x`` and ``y`` are those of the
    baseline's start, ``room`` is the width that its block has for a line (beside other texts: what
    they leave of it), and ``align`` the block's text-align. ``setting`` is the index of the text's
    settings in ``LayoutMarks.settings``.
    """

    region: str
    slot: str | None
    row: int
    column: int
    x: float
    y: float
    width: float
    room: float
    line_height: float
    height: float
    align: str
    text: str
    setting: int

    @classmethod
    def read(cls, command: bytes) -> "TextMark":
        """Return the mark that a comment of a page holds."""
        return cls(**json.loads(command.removeprefix(MARK)))

    @property
    def command(self) -> bytes:
        """The comment that holds this mark."""
        return MARK + json.dumps(asdict(self)).encode("ascii")


@dataclass(frozen=True, slots=True)
class RowBox:
    """A row of the table of lines. ``extras`` are the padding and borders of each of its cells."""

    kind: str
    number: int
    top: float
    height: float
    extras: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class BlockBox:
    """A block after the table of lines that stays on one page."""

    top: float
    height: float


@dataclass(frozen=True, slots=True)
class PageGeometry:
    """The boxes of a page that decide where it ends. ``bottom`` is the end of its content.

    ``breakable_blocks`` are the blocks after the lines that may go on on the next page.
    """

    width: float
    height: float
    top: float
    bottom: float
    rows: tuple[RowBox, ...]
    blocks: tuple[BlockBox, ...]
    breakable_blocks: int


@dataclass(frozen=True, slots=True)
class FontFile:
    """The whole file of a font that a page uses."""

    content: bytes = field(repr=False)
    index: int
    ascent: float
    descent: float


@dataclass
class LayoutMarks:
    """The geometry of the pages that were drawn with marks, and their fonts by their names.

    ``settings`` are those of the texts.
    """

    pages: list[PageGeometry] = field(default_factory=list)
    fonts: dict[str, FontFile] = field(default_factory=dict)
    settings: list[TextSettings] = field(default_factory=list)

    def setting(self, style: Any, direction: str | None) -> int:
        """Return the index of a style's settings, which are added if they are new.

        ``direction`` is that of the slot around a text: an element in it may have another one.
        """
        settings = TextSettings.of(style).directed(direction)
        if settings not in self.settings:
            self.settings.append(settings)
        return self.settings.index(settings)


@contextmanager
def marked_texts(page_boxes: list[Any], marks: LayoutMarks) -> Iterator[None]:
    """Write a mark before each text that is drawn inside this block."""
    from weasyprint.draw import text

    places: dict[int, TextMark] = {}
    region = "before"
    for page in page_boxes:
        reader = _PageReader(region, marks)
        reader.read(page)
        places |= reader.places
        region = reader.region
        marks.pages.append(reader.geometry(page))
    before = text.draw_first_line
    text.draw_first_line = _marking(before, places, marks)
    try:
        yield
    finally:
        text.draw_first_line = before


def _marking(
    draw_first_line: Callable[..., Any], places: dict[int, TextMark], marks: LayoutMarks
) -> Callable[..., Any]:
    from weasyprint.text.ffi import ffi

    def draw(stream: Any, textbox: Any, overflow: str, ellipsis: str, matrix: Any) -> Any:
        stream.stream.append(places[id(textbox)].command)
        if textbox.text.strip():
            line, _ = textbox.pango_layout.get_first_line()
            run = line.runs[0]
            while run != ffi.NULL:
                font, _ = stream.add_font(run.data.item.analysis.font)
                if font.hash not in marks.fonts:
                    marks.fonts[font.hash] = FontFile(
                        bytes(font.file_content),
                        font.index,
                        font.ascent / 1000,
                        font.descent / 1000,
                    )
                run = run.next
        return draw_first_line(stream, textbox, overflow, ellipsis, matrix)

    return draw


@dataclass(frozen=True)
class _Place:
    region: str = "before"
    slot: str | None = None
    row: int = 0
    column: int = 0
    room: float = 0.0
    align: str = "start"
    floats: float = 0.0
    left: float = 0.0
    line: Any = None
    element: Any = None
    direction: str | None = None


class _PageReader:
    """Reads the boxes of one page. ``region`` is where it begins, and then where it ends."""

    def __init__(self, region: str, marks: LayoutMarks) -> None:
        self._marks = marks
        self._settings: dict[tuple[int, str | None], int] = {}
        self.places: dict[int, TextMark] = {}
        self._rows: list[RowBox] = []
        self._blocks: list[BlockBox] = []
        self._breakable = 0
        self.region = region

    def read(self, page: Any) -> None:
        root, *margins = page.children
        self._read(root, _Place(), None)
        for margin in margins:
            self._read(margin, _Place("margin"), None)

    def geometry(self, page: Any) -> PageGeometry:
        top = page.content_box_y()
        return PageGeometry(
            page.margin_width(),
            page.margin_height(),
            top,
            top + page.height,
            tuple(self._rows),
            tuple(self._blocks),
            self._breakable,
        )

    def _read(self, box: Any, place: _Place, unit: Any) -> None:
        from weasyprint.formatting_structure import boxes

        if isinstance(box, boxes.TextBox):
            self._note(box, place)
            return
        element, name = box.element, box.element_tag
        slot, room, align = place.slot, place.room, place.align
        direction, left = place.direction, place.left
        line = box if isinstance(box, boxes.LineBox) else place.line
        if element is not None and element.get("data-slot"):
            slot, direction = element.get("data-slot"), box.style["direction"]
        if isinstance(box, boxes.BlockContainerBox):
            # The lines beside floats are in a box of their own, which has no element.
            beside = place.floats if box.element is place.element else 0.0
            room, align = box.width - beside, box.style["text_align_all"]
            left = box.content_box_x()
        region = place.region
        if region in ("before", "after") and element is not None:
            region = self.region
        if region == "after" and unit is None and isinstance(box, boxes.BlockLevelBox):
            unit = self._unit(box)
        is_table = element is not None and element.get("data-role") == _LINES
        floats = _width_of_floats(box) if isinstance(box, boxes.BlockContainerBox) else 0.0
        place = replace(
            place,
            region=region,
            slot=slot,
            room=room,
            align=align,
            floats=floats,
            left=left,
            line=line,
            element=element,
            direction=direction,
        )
        for column, child in enumerate(getattr(box, "children", ())):
            if is_table and child.element_tag == "thead":
                self._read(child, _Place("head"), unit)
            elif is_table and child.element_tag == "tbody":
                self._read(child, _Place("body"), unit)
            elif child.element_tag == "tr" and region in ("head", "body"):
                row = self._row(child, region)
                self._read(child, _Place(row.kind, row=row.number), unit)
            elif name == "tr" and region not in ("before", "after"):
                self._read(child, _Place(region, None, place.row, column, room, align), unit)
            else:
                self._read(child, place, unit)
        if is_table:
            self.region = "after"

    def _unit(self, box: Any) -> Any:
        from weasyprint.formatting_structure import boxes

        if box.style["break_inside"] == "avoid":
            self._blocks.append(BlockBox(box.position_y + box.margin_top, box.border_height()))
            return box
        if isinstance(box, boxes.BlockContainerBox) and any(
            isinstance(child, boxes.LineBox) for child in box.children
        ):
            self._breakable += 1
        return None

    def _row(self, row: Any, region: str) -> RowBox:
        number = int(row.element.get("data-line") or 0)
        roles = {cell.element.get("data-role") for cell in row.children}
        kind = "head" if region == "head" else "none"
        if number:
            kind = "line"
        for role in roles:
            kind = _KINDS.get(role, kind)
        # The bottom padding of a box grows to the row's height, so that of the style is taken.
        extras = tuple(
            cell.padding_top
            + _pixels(cell.style["padding_bottom"])
            + cell.border_top_width
            + cell.border_bottom_width
            for cell in row.children
        )
        found = RowBox(kind, number, row.position_y, row.height, extras)
        self._rows.append(found)
        return found

    def _note(self, box: Any, place: _Place) -> None:
        from weasyprint.text.line_break import strut

        line_height, _ = strut(box.style)
        key = id(box.style), place.direction
        setting = self._settings.get(key)
        if setting is None:
            setting = self._settings[key] = self._marks.setting(box.style, place.direction)
        self.places[id(box)] = TextMark(
            place.region,
            place.slot,
            place.row,
            place.column,
            box.position_x,
            box.position_y + box.baseline,
            box.width,
            _room(box, place),
            line_height,
            place.line.height,
            place.align,
            box.text,
            setting,
        )


def _room(text: Any, place: _Place) -> float:
    """Return the width that a text can have in its line, beside the other texts there."""
    if sum(bool(each.text.strip()) for each in _texts(place.line)) == 1:
        return place.room
    if place.line.style["direction"] == "rtl":
        return float(text.position_x + text.width - place.left)
    return float(place.left + place.room - text.position_x)


def _texts(box: Any) -> Iterator[Any]:
    from weasyprint.formatting_structure import boxes

    if isinstance(box, boxes.TextBox):
        yield box
    for child in getattr(box, "children", ()):
        if not child.is_floated():
            yield from _texts(child)


def _width_of_floats(block: Any) -> float:
    """Return the width of the floats in a block, which its lines do not have."""
    return sum(
        float(child.margin_width())
        for child in getattr(block, "children", ())
        if child.is_floated()
    )


def _pixels(length: Any) -> float:
    return float(getattr(length, "value", length))
