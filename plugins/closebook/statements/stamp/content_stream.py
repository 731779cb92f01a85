"""The commands that draw texts on a page."""

from closebook.statements.stamp.layout import ConstantText, Slot, TextStyle
from closebook.statements.stamp.shaper import ShapedLine

PAGE_ART = b"/Artifact"


def page_start(height: float) -> bytes:
    """Return the commands that let CSS pixels count from the upper left of a page."""
    return b"1 0 0 -1 0 %.6f cm\n0.75 0 0 0.75 0 0 cm\n" % height


def begun(tag: bytes, content: int) -> bytes:
    """Return the command that begins a marked content of the tag tree."""
    return b"%s <</MCID %d>> BDC\n" % (tag, content)


def placed_line(slot: Slot, shaped: ShapedLine, y: float) -> bytes:
    """Return the commands that draw a shaped line in its slot."""
    x = slot.edge - slot.anchor.value * shaped.width * slot.style.size
    return line_at(slot.style, shaped, x, y)


def line_at(style: TextStyle, shaped: ShapedLine, x: float, y: float) -> bytes:
    """Return the commands that draw a shaped line from a point on its baseline."""
    size = b"%.6f" % style.size
    runs = b"\n".join(b"/%s %s Tf\n%s" % (name.encode(), size, tj) for name, tj in shaped.runs)
    return b"%s\nBT\n1 0 0 -1 %.3f %.3f Tm\n%s\nET\n" % (style.color, x, y, runs)


def placed_constant(text: ConstantText, y: float) -> bytes:
    """Return the commands that draw a text of the layout."""
    return b"%s1 0 0 -1 %.3f %.3f Tm%s\n" % (text.before, text.x, y, text.after)
