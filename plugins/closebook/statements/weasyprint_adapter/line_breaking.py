"""Break a text into lines in linear time: WeasyPrint alone needs quadratic time for a long word.

To break a line inside of a word, or before a word that is longer than a line, WeasyPrint lays out
all of the remaining text, once for each line.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from math import isfinite
from sys import maxsize
from typing import Any

# WeasyPrint takes this many characters of the font's size times the line's width as enough for a
# line and the next place to break it. We lay out four times as many, and trust a line that ends
# in their first half.
_CHARACTERS_PER_EM = 4
_LINES_LAID_OUT = 4
_SHORTEST = 64

_SplitFirstLine = Callable[..., tuple[Any, int, int | None, float, float, float]]


@contextmanager
def linear_line_breaking() -> Iterator[None]:
    """Break lines inside this block without a look at the whole remaining text.

    The lines are the same.
    """
    from weasyprint.layout import inline

    before = inline.split_first_line
    inline.split_first_line = _bounded(before)
    try:
        yield
    finally:
        inline.split_first_line = before


def _bounded(split_first_line: _SplitFirstLine) -> _SplitFirstLine:
    def split(
        text: str, style: Any, context: Any, max_width: float | None, *more: Any, **options: Any
    ) -> tuple[Any, int, int | None, float, float, float]:
        count = _characters_to_lay_out(style, max_width)
        while count < len(text):  # guard: documents.linear-line-breaking
            line = split_first_line(text[:count], style, context, max_width, *more, **options)
            resume_index = line[2]
            if resume_index is not None and resume_index <= len(text[: count // 2].encode()):
                return line
            count *= 2
        return split_first_line(text, style, context, max_width, *more, **options)

    return split


def _characters_to_lay_out(style: Any, max_width: float | None) -> int:
    if max_width is None or not isfinite(max_width) or not style["font_size"]:
        return maxsize
    line = int(max_width / style["font_size"] * _CHARACTERS_PER_EM)
    return max(_SHORTEST, line * _LINES_LAID_OUT)
