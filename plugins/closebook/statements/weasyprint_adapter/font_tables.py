"""Keep only the tables of a TrueType font that a PDF needs.

WeasyPrint keeps the names, the line metrics and the like, which nobody reads in a PDF, and the
widths of the glyphs that it has emptied.
"""

from functools import lru_cache
from struct import pack, unpack, unpack_from

# ISO 32000-1, 9.9; `closebook verify` compares the map of characters (cmap) with the file's text.
_KEPT = {
    *(b"glyf", b"head", b"hhea", b"hmtx", b"loca", b"maxp", b"cmap"),
    *(b"cvt ", b"fpgm", b"prep"),
}
_TRUE_TYPE = b"\x00\x01\x00\x00"
_HEAD_BYTES, _ENTRY_BYTES = 12, 16
_WHOLE = 0xB1B0AFBA
_KEPT_FONTS = 16


@lru_cache(_KEPT_FONTS)
def with_needed_tables(content: bytes, codes: tuple[int, ...]) -> bytes:
    """Return a TrueType font without what no reader of a PDF needs; any other font as it is.

    ``codes`` are those of the glyphs that are shown; other glyphs that are empty get no width.
    """
    if content[:4] != _TRUE_TYPE:
        return content
    (count,) = unpack_from(">H", content, 4)
    tables = {}
    for number in range(count):
        name, _, start, length = unpack_from(">4sIII", content, _HEAD_BYTES + number * _ENTRY_BYTES)
        if name in _KEPT:
            tables[name] = content[start : start + length]
    tables[b"hmtx"] = _widths(tables, frozenset((0, *codes)))
    return _font(tables)


def _widths(tables: dict[bytes, bytes], shown: frozenset[int]) -> bytes:
    """Return the table of widths, in which a glyph without an outline that is not shown has 0."""
    (count,) = unpack_from(">H", tables[b"hhea"], 34)
    (is_long,) = unpack_from(">h", tables[b"head"], 50)
    loca = tables[b"loca"]
    places = unpack(f">{len(loca) // 4}I" if is_long else f">{len(loca) // 2}H", loca)
    widths = bytearray(tables[b"hmtx"])
    for glyph in range(min(count, len(places) - 1)):
        if places[glyph] == places[glyph + 1] and glyph not in shown:
            widths[glyph * 4 : glyph * 4 + 4] = bytes(4)
    return bytes(widths)


def _font(tables: dict[bytes, bytes]) -> bytes:
    # The checksum of all, in the table head, is made while it is zero there.
    tables[b"head"] = tables[b"head"][:8] + bytes(4) + tables[b"head"][12:]
    count = len(tables)
    exponent = count.bit_length() - 1
    head = _TRUE_TYPE + pack(">4H", count, 16 << exponent, exponent, count * 16 - (16 << exponent))
    entries, data, place = b"", b"", 0
    start = _HEAD_BYTES + _ENTRY_BYTES * count
    for name, table in sorted(tables.items()):
        if name == b"head":
            place = start + len(data) + 8
        entries += pack(">4sIII", name, _checksum(table), start + len(data), len(table))
        data += table + bytes(-len(table) % 4)
    font = head + entries + data
    adjustment = pack(">I", (_WHOLE - _checksum(font)) & 0xFFFFFFFF)
    return font[:place] + adjustment + font[place + 4 :]


def _checksum(content: bytes) -> int:
    padded = content + bytes(-len(content) % 4)
    words: tuple[int, ...] = unpack(f">{len(padded) // 4}I", padded)
    return sum(words) & 0xFFFFFFFF
