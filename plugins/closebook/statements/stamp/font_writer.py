"""Write the fonts of a stamped statement: subsets, which several statements can share."""

import zlib
from collections.abc import Iterable, Mapping

from closebook.statements.pdf.object_writer import ObjectWriter, reference
from closebook.statements.stamp.faces import Face
from closebook.statements.stamp.outside_layout import OutsideLayout

_KEPT_FONTS = 500
_ENTRIES_OF_A_BLOCK = 100
_MAP_HEAD = b"""/CIDInit /ProcSet findresource begin
12 dict begin
begincmap
/CIDSystemInfo
<< /Registry (Adobe)
/Ordering (UCS)
/Supplement 0
>> def
/CMapName /Adobe-Identity-UCS def
/CMapType 2 def
1 begincodespacerange
<0000> <ffff>
endcodespacerange
"""
_MAP_END = b"endcmap\nCMapName currentdict /CMap defineresource pop\nend\nend"

GlyphTexts = dict[str, dict[int, str]]
"""The text of each glyph of a document, by the name of its font."""


def note_glyphs(texts: GlyphTexts, glyphs: Iterable[tuple[str, int, str]]) -> None:
    """Note the texts of some glyphs. Raises OutsideLayout for a glyph that has two texts."""
    for font, glyph, text in glyphs:
        known = texts.setdefault(font, {}).setdefault(glyph, text)
        if known != text:  # guard: stamp.glyph-has-one-text
            raise OutsideLayout("two-meanings", f"glyph {glyph} is {known!r} and {text!r}")


def triples(texts: GlyphTexts) -> frozenset[tuple[str, int, str]]:
    """Return glyphs with their texts as ``note_glyphs`` takes them."""
    return frozenset(
        (font, glyph, text) for font, glyphs in texts.items() for glyph, text in glyphs.items()
    )


class EmbeddedFonts:
    """Writes the fonts of one layout."""

    def __init__(self, faces: Mapping[str, Face]) -> None:
        self._faces = faces
        self._kept: dict[tuple[str, frozenset[tuple[int, str]]], tuple[bytes, ...]] = {}

    def write(self, writer: ObjectWriter, texts: GlyphTexts) -> dict[str, bytes]:
        """Write the fonts of a document, and return a reference for the name of each."""
        return {name: self._write(writer, name, texts[name]) for name in sorted(texts)}

    def map_of(self, texts: Mapping[int, str]) -> bytes:
        """Return the map of a font's glyphs to texts (ToUnicode)."""
        entries = [
            b"<%04x> <%s>" % (glyph, text.encode("utf-16-be").hex().encode())
            for glyph, text in sorted(texts.items())
        ]
        blocks = []
        for first in range(0, len(entries), _ENTRIES_OF_A_BLOCK):
            block = entries[first : first + _ENTRIES_OF_A_BLOCK]
            blocks.append(b"%d beginbfchar\n%s\nendbfchar\n" % (len(block), b"\n".join(block)))
        return _MAP_HEAD + b"".join(blocks) + _MAP_END

    def _write(self, writer: ObjectWriter, name: str, texts: Mapping[int, str]) -> bytes:
        # A copy of a font has its glyphs in the same file.
        face = self._faces[name.rstrip("0123456789")]
        key = (name, frozenset(texts.items()))
        found = self._kept.get(key)
        if found is None:
            if len(self._kept) > _KEPT_FONTS:
                self._kept.clear()
            outlines = face.subset(texts)
            widths = b"".join(
                b"%d [%d]" % (glyph, face.nominal_width(glyph)) for glyph in sorted(texts)
            )
            head = b"/Subtype /CIDFontType0C" if face.is_compact else b"/Length1 %d" % len(outlines)
            found = (
                zlib.compress(outlines),
                head + _FLATE,
                zlib.compress(self.map_of(texts)),
                widths,
            )
            self._kept[key] = found
        outlines, head, meanings, widths = found
        facts = face.facts
        file = writer.add_stream(outlines, head, compress=False)
        characters = writer.add_stream(meanings, _FLATE, compress=False)
        entry = b"FontFile3" if face.is_compact else b"FontFile2"
        descriptor = writer.add(
            b"%s/%s %s>>" % (facts.descriptor.removesuffix(b">>"), entry, reference(file))
        )
        places = b"" if face.is_compact else b"/CIDToGIDMap /Identity"
        descendant = writer.add(
            b"<</Type /Font/Subtype %s/BaseFont %s/CIDSystemInfo<</Registry (Adobe)"
            b"/Ordering (Identity)/Supplement 0>>%s/W [%s]/FontDescriptor %s>>"
            % (facts.subtype, facts.base_name, places, widths, reference(descriptor))
        )
        return reference(
            writer.add(
                b"<</Type /Font/Subtype /Type0/BaseFont %s/Encoding /Identity-H"
                b"/DescendantFonts [%s]/ToUnicode %s>>"
                % (facts.base_name, reference(descendant), reference(characters))
            )
        )


_FLATE = b"/Filter /FlateDecode"
