"""Compares the texts of a page with those of a statement, without blanks.

A page has its glyphs in the order of drawing, from left to right. So a text with letters that are
written from right to left is first put into that order, line by line, by the Bidirectional
Algorithm of Unicode.
"""

import re
import unicodedata
from collections.abc import Collection
from functools import lru_cache

from bidi import get_display

from closebook.money import MINUS

PARAGRAPH = "\N{PARAGRAPH SEPARATOR}"
"""What is between the texts of two elements: each of them has its own direction."""

_IGNORED = re.compile(
    "[\\s\\u00ad\\u061c\\u200b-\\u200f\\u2028-\\u202e\\u2060\\u2066-\\u2069\\ufeff]+"
)
_FROM_RIGHT = {"R", "AL", "AN", "RLE", "RLO", "RLI"}
_BASES = {"ltr": "L", "rtl": "R"}
# A bracket is drawn by the glyph of its mirror.
_ONE_OF_A_PAIR = str.maketrans(")]}>»›", "([{<«‹")


def agree(page: str, text: str | tuple[str, ...], direction: str = "ltr") -> bool:
    """Return whether a page shows a text. ``page`` has its lines, each in the order of drawing.

    ``direction`` is that of the page, for a text that has none of its own. Several texts are in
    elements of their own, which have PARAGRAPH between them on the page.
    """
    if page == text and direction == "ltr" and page.isascii():
        return True  # most texts: this saves time
    if isinstance(text, tuple):
        if len(text) == 1:
            return PARAGRAPH not in page and agree(page, text[0], direction)
        shown = page.split(PARAGRAPH)
        return len(shown) == len(text) and all(
            agree(one, said, direction) for one, said in zip(shown, text, strict=True)
        )
    base = _base(text, direction)
    if base == "L" and (text.isascii() or not _is_from_right(text)):
        return plain(page) == plain(text)
    return _agree_in_order(page, text, base)


def _base(text: str, direction: str) -> str:
    return _BASES[getattr(text, "direction", None) or direction]


def shows(page: Collection[str], text: str, direction: str = "ltr") -> bool:
    """Return whether one of the texts of a page shows a text."""
    if text in page and text.isascii() and _base(text, direction) == "L":
        return True  # most texts: this saves time
    return any(agree(each, text, direction) for each in page)


@lru_cache(50_000)
def plain(text: str) -> str:
    """Return a text without blanks, with the minus that a reader finds."""
    if text.isascii():
        return "".join(text.split())
    return _IGNORED.sub("", unicodedata.normalize("NFD", text)).replace(MINUS, "-")


@lru_cache(20_000)
def _is_from_right(text: str) -> bool:
    return any(unicodedata.bidirectional(each) in _FROM_RIGHT for each in text)


@lru_cache(20_000)
def _agree_in_order(page: str, text: str, base: str) -> bool:
    if len(plain(page)) != len(plain(text)):
        return False
    lines = page.split("\n")
    pieces, at = [], 0
    for line in lines:
        end, left = at, len(plain(line))
        while left > 0 and end < len(text):
            left -= len(plain(text[end]))
            end += 1
        pieces.append(text[at:end].strip())
        at = end
    # guard: stamp.text-from-right-is-compared-in-order
    return all(
        _in_order(str(get_display(piece, base_dir=base))) == _in_order(line)
        for line, piece in zip(lines, pieces, strict=True)
    )


def _in_order(drawn: str) -> tuple[str, list[str]]:
    """Return the letters in order, and all marks sorted: fonts draw a mark before or after."""
    letters = plain(drawn).translate(_ONE_OF_A_PAIR)
    marks = [each for each in letters if unicodedata.combining(each)]
    return "".join(each for each in letters if not unicodedata.combining(each)), sorted(marks)
