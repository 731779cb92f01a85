"""Refuse a page whose text is not visible: covered, without contrast, cut off or turned.

The other checks read the text of a page, and a viewer shows what is drawn last. So each text is
compared with what is drawn before and after it: a statement draws nothing over its text.
"""

import unicodedata
from bisect import bisect_right, insort
from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import Any

from closebook.statements.verify.embedded_fonts import is_compared, texts_of
from closebook.statements.verify.glyph_runs import DrawnText, Glyph
from closebook.statements.verify.page_geometry import Box, Colour, DrawnShape
from closebook.statements.verify.page_painting import PagePainting
from closebook.statements.verify.untrusted_pdf import CheckFailed, UntrustedPdf, bounded_reading

_WHITE: Colour = (1.0, 1.0, 1.0)
_SMALLEST_TEXT = 3.0  # points
_LEAST_CONTRAST = 0.25  # of 1, the difference of white and black
_BAND = 8.0  # points
_MOST_BANDS = 2000
# Comparisons of a text with a line. A page of a statement needs a thousand.
_MOST_STEPS_OF_A_PAGE = 2_000_000
_MARKS = {"Mn", "Mc", "Me", "Cf"}
_RED, _GREEN, _BLUE = 0.30, 0.59, 0.11


def refuse_hidden_text(pdf: UntrustedPdf) -> bool:
    """Raise CheckFailed if the pages show another text than their content has.

    Returns whether a text stands on a picture: then its contrast is not known.
    """
    with bounded_reading():
        fonts, is_on_picture = _Fonts(), False
        for page in pdf.reader.pages:
            resources: Any = page["/Resources"].get_object()
            fonts.read(resources["/Font"].get_object() if "/Font" in resources else {})
            is_on_picture |= _Page(PagePainting(page, fonts)).check()
        return is_on_picture


class _Fonts(dict[int, "_Glyphs"]):
    """The glyphs of fonts, by the number of the font's object."""

    def read(self, fonts: Any) -> None:
        """Read the fonts of a page that no page before it has."""
        for name in fonts:
            number = fonts.raw_get(name).idnum
            if number not in self:
                font = fonts[name].get_object()
                [descendant] = (each.get_object() for each in font["/DescendantFonts"].get_object())
                self[number] = _Glyphs(
                    dict(_widths(descendant.get("/W", []))),
                    float(descendant.get("/DW", 1000)),
                    texts_of(font),
                )


class _Glyphs(dict[int, Glyph]):
    """The glyphs of a font by their code; each is looked at when a page draws it."""

    def __init__(
        self, widths: Mapping[int, float], default: float, texts: Mapping[int, str]
    ) -> None:
        super().__init__()
        self._widths, self._default, self._texts = widths, default, texts

    def __missing__(self, code: int) -> Glyph:
        width, text = self._widths.get(code, self._default), self._texts.get(code, "\ufffd")
        is_mark = all(unicodedata.category(it) in _MARKS for it in text)
        is_seen = bool(text.strip()) and width > 0 and not is_mark
        self[code] = Glyph(width, is_seen, any(map(is_compared, text)))
        return self[code]


def _widths(array: Any) -> Iterator[tuple[int, float]]:
    """Yield the widths of an array /W: a first code with a list, or a range with one width."""
    items = iter(array.get_object() if hasattr(array, "get_object") else array)
    for first in items:
        following = next(items)
        following = following.get_object()
        if isinstance(following, list):
            yield from ((int(first) + at, float(each)) for at, each in enumerate(following))
        else:
            if int(following) - int(first) > 1 << 16:
                raise CheckFailed("a font has more glyphs than that of any statement")
            width = float(next(items))
            yield from ((code, width) for code in range(int(first), int(following) + 1))


class _Page:
    """One page: its texts and shapes so far, by the bands of the page that they meet."""

    def __init__(self, painting: PagePainting) -> None:
        self._painting = painting
        self._texts: dict[int, list[tuple[float, DrawnText]]] = defaultdict(list)
        self._widest = 0.0
        self._shapes: dict[int, list[DrawnShape]] = defaultdict(list)
        self._steps = 0
        self._is_on_picture = False

    def check(self) -> bool:
        """Raise CheckFailed if a text is not seen as it is; return whether one is on a picture."""
        for drawn in self._painting:
            if isinstance(drawn, DrawnShape):
                self._check_shape(drawn)
            else:
                self._check_text(drawn)
        return self._is_on_picture

    def _check_shape(self, shape: DrawnShape) -> None:
        for text in self._texts_in(shape.box):
            # guard: verify.nothing-over-text
            if text.is_read and self._covers(shape, text.core) is not False:
                raise CheckFailed("a page draws something over its text, and no statement does")
        for band in self._bands(shape.box):
            self._shapes[band].append(shape)

    def _check_text(self, text: DrawnText) -> None:
        core = text.core
        if text.is_read:
            self._check_seen(text)
        for other in self._texts_in(core):
            if text.is_read or other.is_read:  # guard: verify.no-text-over-text
                raise CheckFailed("a page has text over text, and no statement has")
        self._widest = max(self._widest, core.right - core.left)
        for band in self._bands(core):
            insort(self._texts[band], (core.left, text), key=lambda each: each[0])

    def _check_seen(self, text: DrawnText) -> None:
        core = text.core
        if not text.is_opaque or text.colour is None:  # guard: verify.text-is-opaque
            raise CheckFailed("a page has text that lets show through what is below it")
        if not text.is_upright or text.size < _SMALLEST_TEXT:  # guard: verify.text-is-upright
            raise CheckFailed("a page has text that is turned, mirrored, squeezed or tiny")
        if not self._painting.frame.holds(core):  # guard: verify.text-is-on-the-page
            raise CheckFailed("a page has text outside of its edges")
        # guard: verify.text-is-not-clipped
        if any(self._covers(clip, core) is not True for clip in text.clips):
            raise CheckFailed("a page has text that is cut off")
        for below in self._colours_below(core):
            if below is None:
                self._is_on_picture = True
            elif _contrast(text.colour, below) < _LEAST_CONTRAST:  # guard: verify.text-has-contrast
                raise CheckFailed("a page has text of nearly the colour of what is below it")

    def _texts_in(self, box: Box) -> Iterator[DrawnText]:
        """Yield the texts so far that meet a box."""
        for band in self._bands(box):
            texts = self._texts.get(band, ())
            at = bisect_right(texts, box.right, key=lambda each: each[0])
            while at and texts[at - 1][0] > box.left - self._widest:
                at -= 1
                self._count(1)
                if texts[at][1].core.meets(box):
                    yield texts[at][1]

    def _colours_below(self, core: Box) -> Iterator[Colour | None]:
        """Yield the colours that are seen below a text, where it has some of each."""
        for band in self._bands(core):
            for shape in reversed(self._shapes.get(band, ())):
                if shape.stroke_width is not None:
                    continue
                covered = self._covers(shape, core)
                if covered is not False:
                    yield shape.colour
                if covered:
                    break
            else:
                yield _WHITE

    def _covers(self, shape: DrawnShape, box: Box) -> bool | None:
        self._count(shape.step_count if shape.box.meets(box) else 1)
        return shape.covers(box)

    def _count(self, steps: int) -> None:
        self._steps += steps
        if self._steps > _MOST_STEPS_OF_A_PAGE:
            raise CheckFailed("a page draws more than that of any statement")

    def _bands(self, box: Box) -> range:
        frame = self._painting.frame
        bottom, top = max(box.bottom, frame.bottom), min(box.top, frame.top)
        if top < bottom:
            return range(0)
        first, last = int(bottom // _BAND), int(top // _BAND)
        if last - first > _MOST_BANDS:
            raise CheckFailed("a page is larger than that of any statement")
        return range(first, last + 1)


def _contrast(first: Colour, second: Colour) -> float:
    """Return how different two colours are: 1 for black and white."""
    parts = [abs(one - other) for one, other in zip(first, second, strict=True)]
    return _RED * parts[0] + _GREEN * parts[1] + _BLUE * parts[2]
