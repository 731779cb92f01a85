"""Make text of the platform safe to print: it must not hide or move other text of the page."""

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass, field

from markupsafe import Markup, escape

from closebook.statements.printable import REPLACEMENT, printable
from closebook.statements.render.fonts import Fonts

# No language writes more combining marks on one letter; more would reach into other lines.
_MAX_MARKS = 6
# Line breaking takes linear time in this length, and quadratic time beyond.
_MAX_ELEMENT_LENGTH = 4000
# What asks for the digit of a keycap as an emoji, such as 1 in a square. A font for Chinese draws
# the whole keycap by one glyph, which the file's text then calls a plain digit.
_EMOJI_DIGIT = re.compile(r"(?<=[0-9#*])\ufe0f")
_JOINERS = frozenset("\N{ZERO WIDTH JOINER}\N{WORD JOINER}\N{NO-BREAK SPACE}")
_VIRAMA = 9  # the combining class of what joins two consonants
_ISOLATES = {
    "ltr": "\N{LEFT-TO-RIGHT ISOLATE}",
    "rtl": "\N{RIGHT-TO-LEFT ISOLATE}",
}
# Characters of no width that are letters to Unicode: fillers of Hangul, and a vowel of Khmer.
_FILLERS = frozenset("\u115f\u1160\u3164\uffa0\u17b4\u17b5")

# They draw the letter behind them below the one before (Unicode's Invisible_Stacker): in Khmer a
# text of such letters would run down over the lines below.
_STACKERS = frozenset(
    "\u1039\u17d2\u1a60\U00010a3f\U00011133\U0001193e\U00011a47\U00011a99\U00011d45\U00011d97"
)


class PageText(str):
    """A text that is safe on a page, with the direction that the page must set it in.

    ``direction`` is ``ltr`` or ``rtl`` when it is not the page's own direction, otherwise None.
    """

    direction: str | None

    def __new__(cls, text: str, direction: str | None = None) -> "PageText":
        """Make the text."""
        made = super().__new__(cls, text)
        made.direction = direction
        return made

    @property
    def isolated(self) -> str:
        """The text on one line, for a place that takes no markup, such as an attribute."""
        line = " ".join(self.split())
        if self.direction is None:
            return line
        return f"{_ISOLATES[self.direction]}{line}\N{POP DIRECTIONAL ISOLATE}"


def as_markup(value: object) -> object:
    """Return a text as markup, if its direction or its length needs it.

    A text with a direction of its own becomes an element with this direction. Without it, a number
    or a sign beside a blank or a line end would be set in the page's direction, and so change its
    place. A very long text becomes several elements, since the time to break a text into lines
    grows with the square of its length. Any other value is returned as it is.
    """
    if not isinstance(value, PageText) or (
        value.direction is None and len(value) <= _MAX_ELEMENT_LENGTH
    ):
        return value
    pieces = [*_pieces(value)]
    content = Markup(str(escape(pieces[0])))  # noqa: S704  # escaped
    if len(pieces) > 1:
        content = Markup("").join(Markup("<span>{}</span>").format(piece) for piece in pieces)
    if value.direction is None:
        return content
    return Markup('<span dir="{}">{}</span>').format(value.direction, content)


def _pieces(text: str) -> Iterator[str]:
    """Yield the text in pieces: after a blank, or else with a line break allowed between two."""
    start = 0
    while len(text) - start > _MAX_ELEMENT_LENGTH:  # guard: documents.long-text-in-pieces
        end = text.rfind(" ", start, start + _MAX_ELEMENT_LENGTH) + 1
        if end > start:
            yield text[start:end]
        else:
            end = start + _MAX_ELEMENT_LENGTH
            longest = end + _MAX_ELEMENT_LENGTH
            while end < min(len(text), longest) and _belongs_to_previous(text, end):
                end += 1
            yield f"{text[start:end]}\N{ZERO WIDTH SPACE}"
        start = end
    yield text[start:]


def _belongs_to_previous(text: str, at: int) -> bool:
    """Return whether the character is one with the one before it: a mark, or joined to it."""
    return (
        unicodedata.category(text[at]) in ("Mn", "Me", "Mc", "Cf")
        or text[at - 1] in _JOINERS
        or unicodedata.combining(text[at - 1]) == _VIRAMA
    )


@dataclass(slots=True)
class Sanitizer:
    """Makes text safe for a page in these fonts, and counts the characters that it replaces.

    ``direction`` is the page's (``ltr`` or ``rtl``). A text whose first letter has the other
    direction is set in that direction.
    """

    fonts: Fonts
    direction: str = "ltr"
    replaced_count: int = field(default=0, init=False)

    def __call__(self, text: str) -> PageText:
        """Return the text with U+FFFD for each character without a glyph, and for excess marks."""
        safe = printable(text)
        if safe.isascii():
            # On a page from left to right no such text has a direction of its own.
            return PageText(safe, None if self.direction == "ltr" else self._own_direction(safe))
        safe = _EMOJI_DIGIT.sub("", safe)  # guard: documents.keycaps-are-digits-with-a-mark
        before = text.count(REPLACEMENT)
        missing = self.fonts.missing_characters(safe)
        if missing:
            safe = "".join(REPLACEMENT if c in missing else c for c in safe)
        safe = _without_excess_marks(safe)
        self.replaced_count += safe.count(REPLACEMENT) - before
        return PageText(safe, self._own_direction(safe))

    def _own_direction(self, text: str) -> str | None:
        direction = _direction(text)
        if direction == self.direction:  # guard: documents.text-in-its-own-direction
            return None
        return direction


def _direction(text: str) -> str | None:
    """Return the direction of the text's first letter (Unicode Bidirectional Algorithm, P2)."""
    for character in text:
        bidirectional_class = unicodedata.bidirectional(character)
        if bidirectional_class in ("L", "R", "AL"):
            return "ltr" if bidirectional_class == "L" else "rtl"
    return None


def _without_excess_marks(text: str) -> str:
    """Return the text with at most six marks on each character that takes room of its own.

    A character of no width between two marks, such as a joiner, does not restart the count, and
    neither does a letter that is drawn below the one before it.
    """
    kept, mark_count, is_stacked = [], 0, False
    for character in text:
        category = unicodedata.category(character)
        if category in ("Mn", "Me", "Mc"):
            mark_count += 1
            # guard: documents.stacks-bounded
            is_stacked = is_stacked or character in _STACKERS
        elif category != "Cf":
            if not is_stacked and character not in _FILLERS:  # guard: documents.marks-bounded
                mark_count = 0
            is_stacked = False
        if mark_count <= _MAX_MARKS or category == "Cf":
            kept.append(character)
        elif mark_count == _MAX_MARKS + 1:
            kept.append(REPLACEMENT)
            mark_count += 1
    return "".join(kept)
