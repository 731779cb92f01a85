"""Make text of the platform safe to print: it must not hide or move other text of the page."""

import re
import unicodedata
from dataclasses import dataclass, field

from closebook.statements.printable import REPLACEMENT, printable
from closebook.statements.render.fonts import Fonts

# No language writes more combining marks on one letter; more would reach into other lines.
_MAX_MARKS = 6
_BLANKS = re.compile(r"[^\S\n]+")
_DIRECTION_MARKS = {"ltr": "\N{LEFT-TO-RIGHT MARK}", "rtl": "\N{RIGHT-TO-LEFT MARK}"}


@dataclass(slots=True)
class Sanitizer:
    """Makes text safe for a page in these fonts, and counts the characters that it replaces.

    ``direction`` is the page's (``ltr`` or ``rtl``). A text whose first letter has the other
    direction is marked, so that its words and numbers keep their order.
    """

    fonts: Fonts
    direction: str = "ltr"
    replaced_count: int = field(default=0, init=False)

    def __call__(self, text: str) -> str:
        """Return the text with U+FFFD for each character without a glyph, and for excess marks."""
        safe = printable(text)
        before = text.count(REPLACEMENT)
        if not safe.isascii():
            missing = self.fonts.missing_characters(safe)
            if missing:
                safe = "".join(REPLACEMENT if c in missing else c for c in safe)
            safe = _without_excess_marks(safe)
        self.replaced_count += safe.count(REPLACEMENT) - before
        own_direction = _direction(safe)
        if own_direction is None or own_direction == self.direction:
            return safe
        mark = _DIRECTION_MARKS[own_direction]
        # The page may break a line at any blank. With a mark on both sides of it, a punctuation
        # mark beside the blank stays on its side.
        lines = (_BLANKS.sub(rf"{mark}\g<0>{mark}", line) for line in safe.split("\n"))
        return "\n".join(f"{mark}{line}{mark}" for line in lines)


def _direction(text: str) -> str | None:
    """Return the direction of the text's first letter (Unicode Bidirectional Algorithm, P2)."""
    for character in text:
        bidirectional_class = unicodedata.bidirectional(character)
        if bidirectional_class in ("L", "R", "AL"):
            return "ltr" if bidirectional_class == "L" else "rtl"
    return None


def _without_excess_marks(text: str) -> str:
    kept, mark_count = [], 0
    for character in text:
        is_mark = unicodedata.category(character) in ("Mn", "Me")
        mark_count = mark_count + 1 if is_mark else 0
        if mark_count <= _MAX_MARKS:
            kept.append(character)
        elif mark_count == _MAX_MARKS + 1:
            kept.append(REPLACEMENT)
    return "".join(kept)
