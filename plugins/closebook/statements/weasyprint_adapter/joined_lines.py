"""Draw a line below a row of a table once, and not cell by cell.

WeasyPrint draws the border of each cell by itself. On a page of 30 lines these are 200 drawings,
which take a third of what the file has for the page.
"""

from typing import Any

from closebook.statements.weasyprint_adapter.drawn_pages import DrawnPages, stream_commands

# What WeasyPrint writes for the side of a cell: a path of two points, inside of two q and Q.
_BEFORE = ["/Artifact", b"BMC", b"q", b"q"]
_AFTER = [b"S", b"Q", b"Q", b"EMC"]
_STYLE = slice(4, 7)
_FROM, _TO = 7, 8
_LENGTH = len(_BEFORE) + 3 + 2 + len(_AFTER)


def join_lines(part: DrawnPages) -> None:
    """Make one line of those that follow each other, have one style, and meet in their ends."""
    for page in part.pages:
        commands = stream_commands(part.content_of(page))
        commands[:] = _joined(commands)


def _joined(commands: list[Any]) -> list[Any]:
    found: list[Any] = []
    at, last = 0, -1
    while at < len(commands):
        drawing = commands[at : at + _LENGTH]
        if not _is_line(drawing):
            found.append(commands[at])
            at += 1
            continue
        # guard: documents.joined-lines-are-one-line
        if last == len(found) - _LENGTH and _goes_on(found[last:], drawing):
            found[last + _TO] = drawing[_TO]
        else:
            last = len(found)
            found += drawing
        at += _LENGTH
    return found


def _is_line(drawing: list[Any]) -> bool:
    return bool(
        len(drawing) == _LENGTH
        and drawing[0] == _BEFORE[0]
        and drawing[: len(_BEFORE)] == _BEFORE
        and drawing[-len(_AFTER) :] == _AFTER
        and drawing[_FROM].endswith(b" m")
        and drawing[_TO].endswith(b" l")
    )


def _goes_on(line: list[Any], other: list[Any]) -> bool:
    """Return whether the other line begins where this one ends, at the same height."""
    if line[_STYLE] != other[_STYLE]:
        return False
    first, end, begin, last = (
        command[:-2].split() for command in (line[_FROM], line[_TO], other[_FROM], other[_TO])
    )
    return bool(end == begin and first[1] == end[1] == last[1])
