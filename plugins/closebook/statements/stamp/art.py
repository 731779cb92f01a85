"""Lines and backgrounds of a probe's rows and blocks, as templates for other rows and blocks."""

import re
from collections.abc import Iterable, Sequence

from closebook.statements.stamp.anchors import row_of
from closebook.statements.stamp.layout import ArtPiece
from closebook.statements.stamp.outside_layout import OutsideLayout
from closebook.statements.stamp.page_items import PageItem
from closebook.statements.weasyprint_adapter.layout_marks import PageGeometry

_STROKE = re.compile(rb"(\S+) (\S+) m\n(\S+) (\S+) l\nS$")
_BORDER = re.compile(
    rb"(?P<begin>/Artifact BMC\nq\n)(?P<right>\S+) (?P<top>\S+) m\n(?P<left>\S+) (?P=top) l\n"
    rb"(?P=left) (?P<bottom>\S+) l\n(?P=right) (?P=bottom) l\nW\*\nn\n/a1.0 gs\n(?P<color>.+ rg)\n"
    rb"(?P=left) (?P<y>\S+) (?P<width>\S+) (?P<inner>\S+) re\n"
    rb"(?P=left) (?P=y) (?P=width) (?P<outer>\S+) re\nf\*\nQ\nEMC"
)
"""The border below a cell that has borders of its own: what is outside of the inner rectangle."""

_HEIGHT_AT = 3


def furniture_art(
    items: Iterable[PageItem], geometry: PageGeometry
) -> tuple[tuple[bytes, ...], tuple[bytes, ...]]:
    """Return the art of a page, and that of the heads and of the opening of its table."""
    art = [item for item in items if item.is_art]
    return (
        _fixed(item for item in art if row_of(item, geometry) is None),
        _fixed(item for item in art if row_of(item, geometry) is not None),
    )


def moving_art(items: Iterable[PageItem], top: float, bottom: float) -> tuple[ArtPiece, ...]:
    """Return the art of a row or block as templates."""
    commands = _merged([_marked(item, b"\n".join(_shortened(item.commands))) for item in items])
    return tuple(_template(each, top, bottom) for each in commands)


def _fixed(items: Iterable[PageItem]) -> tuple[bytes, ...]:
    """Return the commands of art that has the same place on each page."""
    return tuple(_merged([_marked(item, b"\n".join(_shortened(item.commands))) for item in items]))


def _marked(item: PageItem, commands: bytes) -> bytes:
    if item.content is not None:
        raise OutsideLayout("not-compiled", "a line or a background is in the tag tree")
    return item.artifact + b"\n" + commands + b"\nEMC"


def _shortened(commands: Sequence[bytes]) -> list[bytes]:
    """Leave out each q whose Q follows at once, and pairs of them around pairs."""
    kept = list(commands)
    while kept[1:2] == [b"q"] and kept[-2:-1] == [b"Q"] and kept[0] == b"q" and kept[-1] == b"Q":
        inner = 0
        for at, command in enumerate(kept[1:-1], start=1):
            inner += (command == b"q") - (command == b"Q")
            if inner == 0 and at < len(kept) - 2:
                return kept
        kept = kept[1:-1]
    return kept


def _merged(drawn: Sequence[bytes]) -> list[bytes]:
    """Join lines that continue each other: the hairlines of cells become one of a row."""
    found: list[bytes] = []
    ending = b"\nQ\nEMC"
    for commands in drawn:
        border = _joined_border(found[-1], commands) if found else None
        if border is not None:
            found[-1] = border
            continue
        here = _STROKE.search(commands.removesuffix(ending))
        before = _STROKE.search(found[-1].removesuffix(ending)) if found else None
        if (
            here
            and before
            and commands.endswith(ending)
            and found[-1].endswith(ending)
            and commands[: here.start()] == found[-1][: before.start()]
            and here[2] == here[4] == before[2] == before[4]
            and (here[1] == before[3] or here[3] == before[1])
        ):
            # In a table from right to left the next cell is at the left.
            left, right = (before, here) if here[1] == before[3] else (here, before)
            joined = b"%s %s m\n%s %s l\nS" % (left[1], left[2], right[3], right[4])
            found[-1] = commands[: here.start()] + joined + ending
        else:
            found.append(commands)
    return found


def _joined_border(before: bytes, commands: bytes) -> bytes | None:
    """Return the border below two cells side by side; None if these are no two such borders."""
    cells = _BORDER.fullmatch(before), _BORDER.fullmatch(commands)
    if cells[0] is None or cells[1] is None:
        return None
    one, two = (each.groupdict() for each in cells if each is not None)
    same = ("top", "bottom", "color", "y", "inner", "outer")
    if any(one[name] != two[name] for name in same):
        return None
    if one["right"] == two["left"]:
        left, right = one["left"], two["right"]
    elif two["right"] == one["left"]:  # a table from right to left
        left, right = two["left"], one["right"]
    else:
        return None
    return (
        b"%(begin)s%(right)s %(top)s m\n%(left)s %(top)s l\n%(left)s %(bottom)s l\n"
        b"%(right)s %(bottom)s l\nW*\nn\n/a1.0 gs\n%(color)s\n"
        b"%(left)s %(y)s %(width)s %(inner)s re\n%(left)s %(y)s %(width)s %(outer)s re\n"
        b"f*\nQ\nEMC"
    ) % {
        name.encode(): value
        for name, value in (
            one | {"left": left, "right": right, "width": b"%.6f" % (float(right) - float(left))}
        ).items()
    }


def _template(commands: bytes, top: float, bottom: float) -> ArtPiece:
    lines: list[bytes] = []
    ys: list[tuple[bool, float]] = []

    def place(y: float) -> bytes:
        from_bottom = abs(y - bottom) < abs(y - top)
        ys.append((from_bottom, y - (bottom if from_bottom else top)))
        return b"%s"

    for command in commands.replace(b"%", b"%%").split(b"\n"):
        *operands, operator = command.split(b" ")
        if operator in (b"m", b"l", b"c"):
            operands[1::2] = [place(float(each)) for each in operands[1::2]]
        elif operator == b"re":
            start, height = float(operands[1]), float(operands[_HEIGHT_AT])
            # As a path, so that both edges can move.
            left, width = operands[0], operands[2]
            right = b"%.6f" % (float(left) + float(width))
            upper, lower = start, start + height
            lines += [
                left + b" " + place(upper) + b" m",
                right + b" " + place(upper) + b" l",
                right + b" " + place(lower) + b" l",
                left + b" " + place(lower) + b" l",
                b"h",
            ]
            continue
        elif operator in {b"cm", b"Do"}:
            raise OutsideLayout("not-compiled", "a picture moves with the lines")
        lines.append(b" ".join([*operands, operator]))
    return ArtPiece(b"\n".join(lines), tuple(ys))
