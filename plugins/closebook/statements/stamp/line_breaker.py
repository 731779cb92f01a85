"""Break texts into lines as the first renderer does: at the last place that Pango allows."""

import re
from collections.abc import Callable

from closebook.statements.weasyprint_adapter.break_opportunities import break_opportunities

_BLANKS = re.compile("[ \t\n\r\f]+")
# A width is a sum of floats here, and one of 1024ths of a pixel in Pango.
_TOLERANCE = 1 / 1024


def collapsed(text: str) -> str:
    """Return the text as CSS shows it: white space as one blank, and none at the ends."""
    if not _BLANKS.search(text):
        return text  # amounts, days, references: this saves time
    return _BLANKS.sub(" ", text).strip(" ")


def broken_into_lines(text: str, room: float, width_of: Callable[[str], float]) -> tuple[str, ...]:
    """Return the lines of a collapsed text that is broken at ``room``.

    A line ends where a break is allowed; a word that is longer than a line is broken anywhere.
    """
    if width_of(text) <= room + _TOLERANCE:
        return (text,)
    allowed, between_letters = break_opportunities(text)
    lines, start = [], 0
    while start < len(text):
        end = _end(text, start, allowed, room, width_of)
        if end is None:
            end = _end(text, start, between_letters, room, width_of)
        if end is None:
            end = next(at for at in (*between_letters, len(text)) if at > start)
        lines.append(text[start:end].rstrip(" "))
        start = end
        while start < len(text) and text[start] == " ":
            start += 1
    return tuple(lines)


def _end(
    text: str,
    start: int,
    places: tuple[int, ...],
    room: float,
    width_of: Callable[[str], float],
) -> int | None:
    """Return the last of these places whose line fits into the room; None if there is none."""
    found = None
    for place in (*places, len(text)):
        if place <= start:
            continue
        if width_of(text[start:place].rstrip(" ")) > room + _TOLERANCE:
            break
        found = place
    return found
