"""Strangers' text, made fit to be shown: what could hide or move other text is replaced."""

import re
import unicodedata
from dataclasses import dataclass, field

from closebook.statements.render.fonts import Typefaces

REPLACEMENT = "\N{REPLACEMENT CHARACTER}"

_LINE_END = re.compile("\r\n|[\r\n\x0b\x0c\x85\u2028\u2029]")
# What has no picture (controls, lone surrogates, noncharacters), and what would reorder the text
# around it (bidi embeddings, overrides, isolates): shown, never obeyed.
_UNPRINTABLE = re.compile(
    "[\x00-\x08\x0e-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff\ufdd0-\ufdef\ufff9-\uffff]"
)
# More marks on one letter than any language writes would reach into the lines around it.
_MOST_MARKS = 6
_BLANKS = re.compile(r"[^\S\n]+")
_MARKS = {"ltr": "\N{LEFT-TO-RIGHT MARK}", "rtl": "\N{RIGHT-TO-LEFT MARK}"}


def printable(text: str) -> str:
    """The text as it can be written out: line ends as newlines, what has no picture as U+FFFD."""
    return _UNPRINTABLE.sub(REPLACEMENT, _LINE_END.sub("\n", text))


@dataclass(slots=True)
class Shown:
    """Makes text fit for a page in these typefaces, and counts what it had to replace.

    On a page that is written from the right (``direction`` is ``rtl``), a text that begins with
    a letter from the left keeps its own order, its numbers included; and the other way round.
    """

    typefaces: Typefaces
    direction: str = "ltr"
    replaced_count: int = field(default=0, init=False)

    def __call__(self, text: str) -> str:
        """The text with U+FFFD for each character that has no picture, and for marks too many."""
        made = printable(text)
        before = text.count(REPLACEMENT)
        if not made.isascii():
            lacking = self.typefaces.lacks(made)
            if lacking:
                made = "".join(REPLACEMENT if c in lacking else c for c in made)
            made = _without_towers(made)
        self.replaced_count += made.count(REPLACEMENT) - before
        own = _direction(made)
        if own is None or own == self.direction:
            return made
        mark = _MARKS[own]
        # At blanks too, where the page may break the line: a sign beside them would change sides.
        lines = (_BLANKS.sub(rf"{mark}\g<0>{mark}", line) for line in made.split("\n"))
        return "\n".join(f"{mark}{line}{mark}" for line in lines)


def _direction(text: str) -> str | None:
    """The direction of the text's first letter (Unicode Bidirectional Algorithm, rule P2)."""
    for character in text:
        kind = unicodedata.bidirectional(character)
        if kind in ("L", "R", "AL"):
            return "ltr" if kind == "L" else "rtl"
    return None


def _without_towers(text: str) -> str:
    kept, marks = [], 0
    for character in text:
        marks = marks + 1 if unicodedata.category(character) in ("Mn", "Me") else 0
        if marks <= _MOST_MARKS:
            kept.append(character)
        elif marks == _MOST_MARKS + 1:
            kept.append(REPLACEMENT)
    return "".join(kept)
