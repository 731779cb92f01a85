"""Keep only what a statement needs of its fonts.

WeasyPrint empties the glyphs that are not shown and keeps their places. A font for Chinese,
Japanese and Korean has 65,000 places, which take 110 kB for twelve glyphs. The codes on the pages
stay as they are: the new font's character set says which code each glyph has.
"""

from functools import lru_cache
from io import BytesIO
from typing import Any

from closebook.statements.weasyprint_adapter.drawn_pages import (
    DrawnPages,
    stream_commands,
    stream_dictionary,
)
from closebook.statements.weasyprint_adapter.font_tables import with_needed_tables

_OPEN_TYPE, _BARE = "/OpenType", "/CIDFontType0C"
# Often one font shows the same texts in many documents. A font that is kept has up to 0.7 MB.
_KEPT_FONTS = 8


def remove_unused_places(part: DrawnPages) -> None:
    """Replace each font whose codes are of a character collection (CID-keyed) by one without gaps.

    Other fonts have few places. TrueType ones lose the tables that no reader of a PDF needs.
    """
    for font in part.objects:
        if not isinstance(font, dict):
            continue
        if font.get("Subtype") == "/CIDFontType2":
            commands = stream_commands(part.at(part.at(font["FontDescriptor"])["FontFile2"]))
            commands[0] = with_needed_tables(commands[0], tuple(_codes(font["W"])))
        if font.get("Subtype") != "/CIDFontType0":
            continue
        file = part.at(part.at(font["FontDescriptor"])["FontFile3"])
        entries, commands = stream_dictionary(file), stream_commands(file)
        if entries["Subtype"] != _OPEN_TYPE:
            continue
        subset = _subset(commands[0], tuple(_codes(font["W"])))
        if subset is not None:
            commands[:], entries["Subtype"] = [subset], _BARE
            font.pop("CIDToGIDMap", None)  # it is for TrueType only (ISO 32000-1, table 117)


def _codes(widths: Any) -> list[int]:
    """Return the codes of a font's widths (ISO 32000-1, 9.7.4.3): 3 [500 600] is of 3 and 4."""
    codes: list[int] = []
    for first, each in zip(widths[::2], widths[1::2], strict=True):
        codes += range(first, first + len(each))
    return codes


@lru_cache(_KEPT_FONTS)
def _subset(content: bytes, codes: tuple[int, ...]) -> bytes | None:
    """Return the outlines of these codes as a bare font (CFF), or None if it is not CID-keyed."""
    from fontTools.subset import Options, Subsetter
    from fontTools.ttLib import TTFont

    with TTFont(BytesIO(content), lazy=True) as font:
        if not hasattr(font["CFF "].cff.topDictIndex[0], "ROS"):
            return None
        names = font.getGlyphOrder()
        for table in {*font.keys()} - {"CFF ", "maxp", "head", "GlyphOrder"}:
            del font[table]
        subsetter = Subsetter(Options(notdef_outline=True, hinting=False))
        subsetter.populate(glyphs=[names[code] for code in codes if code < len(names)])
        subsetter.subset(font)
        outlines: bytes = font["CFF "].compile(font)
        return outlines
