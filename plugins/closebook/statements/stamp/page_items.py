"""The content of a probe's page, as items: each can be drawn without the others."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from closebook.statements.stamp.layout import TextStyle
from closebook.statements.stamp.outside_layout import OutsideLayout
from closebook.statements.weasyprint_adapter.layout_marks import MARK, TextMark
from closebook.statements.weasyprint_adapter.text_settings import TextSettings

_MCID = re.compile(rb"/MCID (\d+)")
_FONT = re.compile(rb"/(\S+) ([\d.]+) Tf")
_GLYPHS = re.compile(rb"<([0-9a-f]+)>")
_OPAQUE = {b"/a1.0 gs", b"/a1 gs"}
_PATH_OPERATORS = {b"m": 1, b"l": 1, b"re": 1, b"c": 3}
_UNKNOWN = (None, None)
_STATE_ONLY = {b"W", b"n", b"W*"}


@dataclass(frozen=True)
class TextRun:
    """Glyphs of one font and size in a text, as the page has them."""

    font: str
    size: float
    glyphs: tuple[int, ...]


@dataclass(frozen=True)
class PageItem:
    """Something that a page draws.

    ``commands`` draw it, and need no state of the page but its two transformations. ``content`` is
    the number of its marked content (MCID), or None for an artifact, whose ``artifact`` then begins
    it. ``top`` and ``bottom`` are those of its paths, where they are known. ``settings`` are those
    of a text.
    """

    commands: tuple[bytes, ...]
    content: int | None
    artifact: bytes
    tag: bytes
    mark: TextMark | None = None
    runs: tuple[TextRun, ...] = ()
    color: bytes = b""
    top: float | None = None
    bottom: float | None = None
    settings: TextSettings | None = None

    @property
    def style(self) -> TextStyle:
        """The style of a text. It is that of its last run: a minus may be of another font."""
        if self.mark is None or self.settings is None:
            raise OutsideLayout("not-compiled", "a text has no mark")
        run = self.runs[-1]
        return TextStyle(run.font, run.size, self.color, self.mark.line_height, self.settings)

    @property
    def is_text(self) -> bool:
        """Whether it is a text, and not a line, a background or a picture."""
        return self.mark is not None

    @property
    def is_art(self) -> bool:
        """Whether it is a line, a background or a picture that is not in the tag tree."""
        return self.mark is None and self.content is None


@dataclass
class _Level:
    """What is in force between two operators q and Q."""

    state: list[bytes] = field(default_factory=list)
    color: bytes = b""
    is_transformed: bool = False


def page_items(content: bytes) -> list[PageItem]:
    """Return what a page draws, in order."""
    return list(_PageReader(content.split(b"\n")).items())


def edges_of(commands: Sequence[bytes]) -> tuple[float | None, float | None]:
    """Return the upper and the lower edge of the paths of some commands, where they are known."""
    edges: list[float] = []
    for command in commands:
        *operands, operator = command.split(b" ")
        if operator in {b"cm", b"Do"}:
            return _UNKNOWN
        if operator == b"re":
            top, height = float(operands[1]), float(operands[3])
            edges += [top, top + height]
        elif operator in _PATH_OPERATORS:
            edges += [float(each) for each in operands[1::2]]
    return (min(edges), max(edges)) if edges else _UNKNOWN


def _end_of_content(commands: Sequence[bytes], at: int) -> int:
    """Return where a marked content ends: the text of a raised glyph is one inside of another."""
    depth = 1
    while True:
        end = commands.index(b"EMC", at)
        depth += sum(each.endswith((b"BMC", b"BDC")) for each in commands[at:end]) - 1
        if depth == 0:
            return end
        at = end + 1


class _PageReader:
    def __init__(self, commands: Sequence[bytes]) -> None:
        self._commands = commands
        self._levels = [_Level()]
        self._transformations_left = 2

    def items(self) -> Iterator[PageItem]:
        at = 0
        commands = self._commands
        while at < len(commands):
            command = commands[at]
            at += 1
            if command == b"q":
                self._levels.append(_Level(color=self._levels[-1].color))
            elif command == b"Q":
                self._levels.pop()
            elif command in (b"BMC", b"BDC"):
                end = _end_of_content(commands, at)
                head = self._head(command)
                yield self._item(head, commands[at:end])
                at = end + 1
            elif command.endswith(b" cm") and self._transformations_left:
                self._transformations_left -= 1
            elif command:
                level = self._levels[-1]
                level.state.append(command)
                if command.endswith(b" rg"):
                    level.color = command
                level.is_transformed |= command.endswith(b" cm")

    def _head(self, operator: bytes) -> list[bytes]:
        """Return the operands of an operator that begins marked content: those noted last."""
        state = self._levels[-1].state
        count = 1 if operator == b"BMC" else 2
        head = state[-count:]
        del state[-count:]
        return [*head, operator]

    def _item(self, head: list[bytes], body: Sequence[bytes]) -> PageItem:
        found = _MCID.search(b" ".join(head))
        content = int(found[1]) if found else None
        artifact = b"" if found else b" ".join(head)
        marks = [TextMark.read(command) for command in body if command.startswith(MARK)]
        for command in body:
            if command.endswith(b" rg"):
                self._levels[-1].color = command
        if marks:
            return self._text(body, marks, content, artifact, head[0])
        commands = (*self._state(), *body)
        top, bottom = self._extent(body)
        return PageItem((b"q", *commands, b"Q"), content, artifact, head[0], top=top, bottom=bottom)

    def _state(self) -> list[bytes]:
        state = [command for level in self._levels for command in level.state]
        # A colour is set again by whatever draws with it.
        return [command for command in state if not command.endswith((b" rg", b" RG"))]

    def _text(
        self,
        body: Sequence[bytes],
        marks: Sequence[TextMark],
        content: int | None,
        artifact: bytes,
        tag: bytes,
    ) -> PageItem:
        kept = [
            command
            for command in body
            if not command.startswith(MARK)
            and command not in _OPAQUE
            and not command.endswith(b" rg")
        ]
        if len(marks) > 1 or kept[:1] != [b"BT"] or kept[-1:] != [b"ET"]:
            raise OutsideLayout("not-compiled", f"a text is drawn by {kept!r}")
        if any(level.is_transformed for level in self._levels):
            raise OutsideLayout("not-compiled", "a text is transformed")
        runs = []
        font, size = "", 0.0
        for command in kept:
            named = _FONT.fullmatch(command)
            if named:
                font, size = named[1].decode(), float(named[2])
            elif command.endswith((b" TJ", b" Tj")):
                digits = b"".join(_GLYPHS.findall(command)).decode()
                glyphs = tuple(int(digits[at : at + 4], 16) for at in range(0, len(digits), 4))
                runs.append(TextRun(font, size, glyphs))
        color = self._levels[-1].color
        commands = (color, *kept) if color else tuple(kept)
        return PageItem(commands, content, artifact, tag, marks[0], tuple(runs), color)

    def _extent(self, body: Sequence[bytes]) -> tuple[float | None, float | None]:
        if any(level.is_transformed for level in self._levels):
            return _UNKNOWN
        return edges_of(body)
