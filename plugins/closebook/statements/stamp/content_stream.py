"""The commands that draw texts on a page."""

from functools import lru_cache

from closebook.statements.stamp.font_writer import GlyphTexts
from closebook.statements.stamp.layout import ConstantText, Slot, TextStyle
from closebook.statements.stamp.pango_lines import drawn
from closebook.statements.stamp.shaper import ShapedLine

PAGE_ART = b"/Artifact"


def page_start(height: float) -> bytes:
    """Return the commands that let CSS pixels count from the upper left of a page."""
    return b"1 0 0 -1 0 %.6f cm\n0.75 0 0 0.75 0 0 cm\n" % height


def begun(tag: bytes, content: int) -> bytes:
    """Return the command that begins a marked content of the tag tree."""
    return b"%s <</MCID %d>> BDC\n" % (tag, content)


def line_at(style: TextStyle, shaped: ShapedLine, x: float, y: float, texts: GlyphTexts) -> bytes:
    """Return the commands that draw a shaped line from a point on its baseline.

    ``texts`` are those of the document's glyphs so far.
    """
    if shaped.commands:
        body = drawn(shaped.commands, texts)
        return b"%s\nBT\n1 0 0 -1 %.6f %.6f Tm\n%s\nET\n" % (style.color, x, y, body)
    return b"%s\nBT\n1 0 0 -1 %.6f %.6f Tm\n%s\nET\n" % (style.color, x, y, _runs(style, shaped))


def _runs(style: TextStyle, shaped: ShapedLine) -> bytes:
    runs, size = shaped.runs, style.size
    if len(runs) == 1:
        name, glyphs = runs[0]
        return _font_command(name, size) + glyphs
    return b"\n".join([_font_command(name, size) + glyphs for name, glyphs in runs])


@lru_cache(maxsize=512)
def _font_command(name: str, size: float) -> bytes:
    return b"/%s %.6f Tf\n" % (name.encode(), size)


def line_start(slot: Slot, shaped: ShapedLine) -> float:
    """Return where a shaped line begins in its slot."""
    return slot.edge - slot.anchor.value * shaped.width * slot.style.size


def drawn_parts(
    tag: bytes, style: TextStyle, shaped: ShapedLine, x: float
) -> tuple[bytes, bytes, bytes]:
    """Return the commands of a shaped line, without the number of its content and its baseline."""
    body = _runs(style, shaped)
    return (
        b"%s <</MCID " % tag,
        b">> BDC\n%s\nBT\n1 0 0 -1 %.6f " % (style.color, x),
        b" Tm\n%s\nET\nEMC\n" % body,
    )


def ambiguous_constant(text: ConstantText, y: float, texts: GlyphTexts) -> bytes:
    """Return the commands of a text of the layout whose glyphs have other texts elsewhere."""
    body = drawn(text.commands, texts)
    return b"%s\nBT\n1 0 0 -1 %.6f %.6f Tm\n%s\nET\n" % (text.color, text.x, y, body)


def placed_constant(text: ConstantText, y: float) -> bytes:
    """Return the commands that draw a text of the layout."""
    return b"%s1 0 0 -1 %.6f %.6f Tm%s\n" % (text.before, text.x, y, text.after)
