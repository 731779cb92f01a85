"""What a page of a received PDF draws, in the order in which it draws it.

A page's content is a list of commands. They are followed as a viewer follows them, but without the
colour of each point: a text has boxes, a filled path has outlines, a picture has its frame. A
command that is not listed here is refused, and so is one that two readers would read differently.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from closebook.statements.verify.glyph_runs import (
    BLACK,
    DrawnText,
    Glyph,
    GraphicsState,
    drawn_text,
    glyph_run,
)
from closebook.statements.verify.page_geometry import (
    IDENTITY,
    Box,
    DrawnShape,
    Matrix,
    Point,
    at,
    curve,
    scale_of,
    shape_of,
    times,
)
from closebook.statements.verify.page_operands import (
    colour_of,
    faded,
    matrix_of,
    numbers_of,
    unlike_a_statement,
)
from closebook.statements.verify.page_tables import ACTUAL_TEXT
from closebook.statements.verify.untrusted_pdf import CheckFailed

# Possessive quantifiers, so that a hostile content takes linear time.
_COMMAND = re.compile(
    rb"\s*+((?:(?:[-+.0-9]++|/[^\s()<>\[\]{}/%]*+|<<(?:[^<>()%]|<[0-9A-Fa-f]*+>)*+>>"
    rb"|<[0-9A-Fa-f\s]*+>"
    rb"|\[[-+.0-9<>A-Fa-f\s]*+\])\s*+)*+)([A-Za-z][A-Za-z0-9]*+\*?)"
)
# page_tables.py reads the texts of these commands. So they are written as it reads them.
_FONT = re.compile(rb"(/\w+) ([\d.]+)\s+")
_GLYPHS = re.compile(rb"\[(?:<[0-9a-fA-F]*+>|[-.0-9\s])*+\]\s*+")
_CONTENT = re.compile(rb"/\w+\s+(?:<</MCID \d{1,7}>>|<<[^#]*>>)\s+")
_DEEPEST_STATE = 200
_DEVICE_SPACES = {b"/DeviceGray", b"/DeviceRGB", b"/DeviceCMYK"}


Drawn = DrawnText | DrawnShape
"""What a page draws by one command."""


class PagePainting:
    """One page, drawn command by command. Iterating gives what is drawn, in order."""

    def __init__(self, page: Any, glyphs: Mapping[int, Mapping[int, Glyph]]) -> None:
        resources = page["/Resources"].get_object()
        self._resources = {
            kind: resources[kind].get_object() if kind in resources else {}
            for kind in ("/ExtGState", "/XObject", "/Font", "/ColorSpace")
        }
        self._content: bytes = page["/Contents"].get_object().get_data()
        left, bottom, right, top = (float(each) for each in page.mediabox)
        self.frame = Box(left, bottom, right, top)
        self._glyphs = glyphs
        self._state = GraphicsState()
        self._stack: list[GraphicsState] = []
        self._subpaths: list[list[Point]] = []
        self._is_clip_next: bool | None = None
        self._text: Matrix = IDENTITY
        self._line: Matrix = IDENTITY
        self._named_font = ""
        self._is_read = False

    def __iter__(self) -> Iterator[Drawn]:
        place, content = 0, self._content
        while found := _COMMAND.match(content, place):
            place = found.end()
            written, operator = found.groups()
            command = _COMMANDS.get(operator)
            if command is None:  # guard: verify.commands-are-known
                raise unlike_a_statement()
            drawn = command(self, written)
            if drawn is not None:
                yield from drawn
        if content[place:].strip():
            raise unlike_a_statement()

    # ---- the state -----------------------------------------------------------------------

    def _save(self, _: bytes) -> None:
        if len(self._stack) > _DEEPEST_STATE:
            raise CheckFailed("a page is nested deeper than a statement's are")
        self._stack.append(replace(self._state))

    def _restore(self, _: bytes) -> None:
        if self._stack:
            self._state = self._stack.pop()

    def _transform(self, written: bytes) -> None:
        self._state.matrix = times(matrix_of(written), self._state.matrix)

    def _set_line_width(self, written: bytes) -> None:
        [width] = numbers_of(written, 1)
        self._state.line_width = width

    def _set_parameters(self, written: bytes) -> None:
        found = self._resources["/ExtGState"][written.decode().strip()].get_object()
        alpha = float(found.get("/ca", self._state.fill_alpha))
        is_plain = (
            found.get("/SMask", "/None") == "/None"
            and found.get("/BM", "/Normal") == "/Normal"
            and "/Font" not in found
        )
        self._state.fill_alpha = alpha
        self._state.is_plain = self._state.is_plain and is_plain

    def _nothing(self, _: bytes) -> None:
        """Change nothing that is followed here."""

    def _begin_content(self, written: bytes) -> None:
        # With the name of a property list it may be a layer, which may be switched off.
        is_read = b"<</MCID" in written
        is_other = not _CONTENT.fullmatch(written) or (b"/MCID" in written and not is_read)
        # page_tables.py compares an ActualText with the text of the glyphs.
        # guard: verify.other-text-is-compared
        is_other |= b"<" in written.replace(b"<<", b"") and not ACTUAL_TEXT.fullmatch(written)
        if is_other or written.lstrip().startswith(b"/OC"):  # guard: verify.no-layers
            raise unlike_a_statement()
        self._is_read = self._is_read or is_read

    def _end_content(self, _: bytes) -> None:
        # page_tables.py ends the content here too, whatever command it began with.
        self._is_read = False

    # ---- colours -------------------------------------------------------------------------

    def _set_fill(self, written: bytes) -> None:
        self._state.fill = colour_of(written)

    def _set_stroke(self, written: bytes) -> None:
        self._state.stroke = colour_of(written)

    def _set_fill_space(self, written: bytes) -> None:
        self._state.fill = BLACK if written.strip() in _DEVICE_SPACES else None

    def _set_stroke_space(self, written: bytes) -> None:
        self._state.stroke = BLACK if written.strip() in _DEVICE_SPACES else None

    def _set_fill_in_space(self, written: bytes) -> None:
        # In a colour space that is not of a device the colour stays unknown.
        if self._state.fill is not None:
            self._state.fill = colour_of(written)

    def _set_stroke_in_space(self, written: bytes) -> None:
        if self._state.stroke is not None:
            self._state.stroke = colour_of(written)

    # ---- paths ---------------------------------------------------------------------------

    def _move_to(self, written: bytes) -> None:
        x, y = numbers_of(written, 2)
        self._subpaths.append([at(self._state.matrix, x, y)])

    def _line_to(self, written: bytes) -> None:
        x, y = numbers_of(written, 2)
        self._open_subpath().append(at(self._state.matrix, x, y))

    def _curve_to(self, written: bytes) -> None:
        points = numbers_of(written, 6)
        path = self._open_subpath()
        ends = [path[-1], *(at(self._state.matrix, *points[n : n + 2]) for n in (0, 2, 4))]
        path.extend(curve(ends))

    def _curve_from_here(self, written: bytes) -> None:
        points = numbers_of(written, 4)
        path = self._open_subpath()
        ends = [path[-1], path[-1]]
        ends += [at(self._state.matrix, *points[n : n + 2]) for n in (0, 2)]
        path.extend(curve(ends))

    def _curve_to_its_end(self, written: bytes) -> None:
        points = numbers_of(written, 4)
        path = self._open_subpath()
        first, last = (at(self._state.matrix, *points[n : n + 2]) for n in (0, 2))
        path.extend(curve([path[-1], first, last, last]))

    def _close_subpath(self, _: bytes) -> None:
        path = self._open_subpath()
        path.append(path[0])

    def _add_rectangle(self, written: bytes) -> None:
        x, y, width, height = numbers_of(written, 4)
        corners = ((x, y), (x + width, y), (x + width, y + height), (x, y + height), (x, y))
        self._subpaths.append([at(self._state.matrix, *corner) for corner in corners])

    def _open_subpath(self) -> list[Point]:
        if not self._subpaths:
            raise unlike_a_statement()
        return self._subpaths[-1]

    def _clip(self, _: bytes) -> None:
        self._is_clip_next = False

    def _clip_even_odd(self, _: bytes) -> None:
        self._is_clip_next = True

    def _end_path(self, _: bytes = b"") -> None:
        if self._is_clip_next is not None:
            clip = shape_of(self._subpaths, None, is_even_odd=self._is_clip_next)
            self._state.clips = (*self._state.clips, clip)
        self._is_clip_next = None
        self._subpaths = []

    def _fill(self, _: bytes) -> list[DrawnShape]:
        return self._painted(is_filled=True)

    def _fill_even_odd(self, _: bytes) -> list[DrawnShape]:
        return self._painted(is_filled=True, is_even_odd=True)

    def _stroke(self, _: bytes) -> list[DrawnShape]:
        return self._painted(is_filled=False, is_stroked=True)

    def _fill_and_stroke(self, _: bytes) -> list[DrawnShape]:
        return self._painted(is_filled=True, is_stroked=True)

    def _painted(
        self, *, is_filled: bool, is_stroked: bool = False, is_even_odd: bool = False
    ) -> list[DrawnShape]:
        state, drawn = self._state, []
        if self._subpaths and is_filled:
            colour = faded(state.fill, state.fill_alpha) if state.is_plain else None
            drawn.append(shape_of(self._subpaths, colour, is_even_odd=is_even_odd))
        if self._subpaths and is_stroked:
            width = state.line_width * scale_of(state.matrix)
            drawn.append(shape_of(self._subpaths, state.stroke, stroke_width=width))
        self._end_path()
        return drawn

    # ---- pictures ------------------------------------------------------------------------

    def _draw_object(self, written: bytes) -> list[DrawnShape]:
        found = self._resources["/XObject"][written.decode().strip()].get_object()
        matrix, frame = self._state.matrix, (0.0, 0.0, 1.0, 1.0)
        if found.get("/Subtype") == "/Form":
            if "/OC" in found:
                raise CheckFailed("a page has a layer, and no statement has")
            left, bottom, right, top = (float(each) for each in found["/BBox"])
            frame = (left, bottom, right, top)
            if "/Matrix" in found:
                own = [float(each) for each in found["/Matrix"]]
                matrix = times((own[0], own[1], own[2], own[3], own[4], own[5]), matrix)
        left, bottom, right, top = frame
        corners = ((left, bottom), (right, bottom), (right, top), (left, top), (left, bottom))
        return [shape_of([[at(matrix, *corner) for corner in corners]], None)]

    def _draw_shading(self, _: bytes) -> list[DrawnShape]:
        frame = self.frame
        corners = [(frame.left, frame.bottom), (frame.right, frame.bottom)]
        corners += [(frame.right, frame.top), (frame.left, frame.top)]
        if self._state.clips:
            return [replace(self._state.clips[-1], colour=None)]
        return [shape_of([corners], None)]

    # ---- text ----------------------------------------------------------------------------

    def _begin_text(self, _: bytes) -> None:
        self._text = self._line = IDENTITY

    def _set_font(self, written: bytes) -> None:
        found = _FONT.fullmatch(written)
        if found is None:
            raise unlike_a_statement()
        self._state.font, self._state.size = found[1].decode(), float(found[2])
        self._named_font = self._state.font

    def _set_character_space(self, written: bytes) -> None:
        [space] = numbers_of(written, 1)
        self._state.character_space = space

    def _read_number(self, written: bytes) -> None:
        """Read a number that has no effect here: it is for lines, or for codes of one byte."""
        numbers_of(written, 1)

    def _set_scale(self, written: bytes) -> None:
        [percent] = numbers_of(written, 1)
        self._state.scale = percent / 100

    def _set_rise(self, written: bytes) -> None:
        [rise] = numbers_of(written, 1)
        self._state.rise = rise

    def _set_rendering(self, written: bytes) -> None:
        # 0 fills the glyphs. Others draw outlines only, clip what follows, or draw nothing.
        if numbers_of(written, 1) != [0]:  # guard: verify.text-is-filled
            raise CheckFailed("a page has text that is not filled, and no statement has")

    def _move_line(self, written: bytes) -> None:
        x, y = numbers_of(written, 2)
        self._text = self._line = times((1.0, 0.0, 0.0, 1.0, x, y), self._line)

    def _set_text_matrix(self, written: bytes) -> None:
        self._text = self._line = matrix_of(written)

    def _draw_text(self, written: bytes) -> list[DrawnText]:
        state = self._state
        # guard: verify.font-is-the-one-that-is-read
        if state.font != self._named_font or not _GLYPHS.fullmatch(written):
            raise unlike_a_statement()
        glyphs = self._glyphs[self._resources["/Font"].raw_get(state.font).idnum]
        run = glyph_run(written, glyphs, state)
        matrix = times(self._text, state.matrix)
        self._text = times((1.0, 0.0, 0.0, 1.0, run.advance, 0.0), self._text)
        if run.first is None:
            return []
        return [drawn_text(run.first, run.last, state, matrix, is_read=self._is_read)]


_COMMANDS: Mapping[bytes, Callable[[PagePainting, bytes], Iterable[Drawn] | None]] = {
    name: command
    for names, command in (
        (b"q", PagePainting._save),
        (b"Q", PagePainting._restore),
        (b"cm", PagePainting._transform),
        (b"w", PagePainting._set_line_width),
        (b"gs", PagePainting._set_parameters),
        (b"BDC", PagePainting._begin_content),
        (b"g k rg", PagePainting._set_fill),
        (b"G K RG", PagePainting._set_stroke),
        (b"cs", PagePainting._set_fill_space),
        (b"CS", PagePainting._set_stroke_space),
        (b"sc scn", PagePainting._set_fill_in_space),
        (b"SC SCN", PagePainting._set_stroke_in_space),
        (b"m", PagePainting._move_to),
        (b"l", PagePainting._line_to),
        (b"c", PagePainting._curve_to),
        (b"v", PagePainting._curve_from_here),
        (b"y", PagePainting._curve_to_its_end),
        (b"h", PagePainting._close_subpath),
        (b"re", PagePainting._add_rectangle),
        (b"W", PagePainting._clip),
        (b"n", PagePainting._end_path),
        (b"F f", PagePainting._fill),
        (b"S s", PagePainting._stroke),
        (b"B B* b b*", PagePainting._fill_and_stroke),
        (b"Do", PagePainting._draw_object),
        (b"sh", PagePainting._draw_shading),
        (b"BT", PagePainting._begin_text),
        (b"Tf", PagePainting._set_font),
        (b"Tc", PagePainting._set_character_space),
        (b"TL Tw", PagePainting._read_number),
        (b"Tz", PagePainting._set_scale),
        (b"Ts", PagePainting._set_rise),
        (b"Tr", PagePainting._set_rendering),
        (b"Td", PagePainting._move_line),
        (b"Tm", PagePainting._set_text_matrix),
        (b"TJ", PagePainting._draw_text),
        (b"W*", PagePainting._clip_even_odd),
        (b"f*", PagePainting._fill_even_odd),
        (b"BMC ET J M d i j ri", PagePainting._nothing),
        (b"EMC", PagePainting._end_content),
    )
    for name in names.split()
}
