"""The faces of a layout's fonts: shaping by HarfBuzz, and subsets of their glyphs."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import uharfbuzz as hb

from closebook.statements.stamp.layout import FontFacts
from closebook.statements.stamp.outside_layout import OutsideLayout

COMMON = "Zyyy"
"""The script of figures and signs, by ISO 15924."""

_THOUSAND = 1000
_DROPPED = (
    *("GSUB", "GPOS", "GDEF", "BASE", "DSIG", "name", "OS/2", "post", "STAT", "MATH", "kern"),
    *("VORG", "vhea", "vmtx", "gasp", "meta"),
)
_TABLE_RECORD = 16
_HEADER = 12


class Writing(NamedTuple):
    """The script (ISO 15924) and the language of a text, by which a font has some glyphs."""

    script: str
    language: str


@dataclass(frozen=True, slots=True)
class ShapedGlyph:
    """A glyph of a shaped text; ``advance`` is in units of the font, ``cluster`` its character."""

    glyph: int
    advance: int
    cluster: int
    is_moved: bool


class Face:
    """One font, with its characters, its shaping and its outlines."""

    def __init__(self, facts: FontFacts, features: Mapping[str, bool]) -> None:
        self.facts = facts
        self._face = hb.Face(hb.Blob(facts.file.content), facts.file.index)
        self._font = hb.Font(self._face)
        self._features = dict(features)
        self.units = int(self._face.upem)
        self.is_compact = facts.subtype == b"/CIDFontType0"
        self._nominal: dict[int, int] = {}
        self._files: dict[tuple[int, ...], bytes] = {}
        extents = self._font.get_font_extents("ltr")
        self.ascent = extents.ascender / self.units
        self.descent = -extents.descender / self.units

    @cached_property
    def characters(self) -> frozenset[int]:
        """The characters that it has glyphs for."""
        return frozenset(self._face.unicodes)

    def shape(self, text: str, writing: Writing) -> list[ShapedGlyph]:
        """Choose and place the glyphs of a text from left to right, of one script."""
        buffer = hb.Buffer()
        buffer.add_str(text)
        buffer.direction = "ltr"
        # guard: stamp.language-and-script-of-a-text
        buffer.script, buffer.language = writing
        hb.shape(self._font, buffer, self._features)
        return [
            ShapedGlyph(
                info.codepoint,
                position.x_advance,
                info.cluster,
                bool(position.x_offset or position.y_offset or position.y_advance),
            )
            for info, position in zip(buffer.glyph_infos, buffer.glyph_positions, strict=True)
        ]

    def nominal_width(self, glyph: int) -> int:
        """The width that the file gives to a glyph, in thousandths of the font's size."""
        found = self._nominal.get(glyph)
        if found is None:
            advance = self._font.get_glyph_h_advance(glyph)
            found = self._nominal[glyph] = round(advance * _THOUSAND / self.units)
        return found

    def syntax(self, glyph: int, advance: int) -> bytes:
        """Return a glyph as the operator TJ takes it, moved to where its text has the next one."""
        # As WeasyPrint does it: the rest of the division is dropped.
        moved = int(self.nominal_width(glyph) - advance * _THOUSAND / self.units)
        return b"<%04x>" % glyph + (b"%d" % moved if moved else b"")

    def subset(self, glyphs: Collection[int]) -> bytes:
        """Return a font file that has these glyphs, at the same numbers, and no other outlines."""
        key = tuple(sorted({0, *glyphs}))
        found = self._files.get(key)
        if found is None:
            if len(self._files) > _KEPT_FILES:
                self._files.clear()
            found = self._files[key] = self._made_subset(key)
        return found

    def _made_subset(self, glyphs: tuple[int, ...]) -> bytes:
        wanted = hb.SubsetInput()
        flags = hb.SubsetFlags.NO_HINTING | hb.SubsetFlags.DESUBROUTINIZE
        if not self.is_compact:
            flags |= hb.SubsetFlags.RETAIN_GIDS
        wanted.flags = flags
        wanted.glyph_set.update(glyphs)
        # `closebook verify` compares the font's own characters with those of the file's map.
        characters = self._characters_by_glyph
        wanted.unicode_set.update(
            character for glyph in glyphs for character in characters.get(glyph, ())
        )
        dropped = wanted.sets(hb.SubsetInputSets.DROP_TABLE_TAG)
        for table in _DROPPED:
            dropped.add(int.from_bytes(table.encode().ljust(4), "big"))
        data = bytes(hb.subset(self._prepared, wanted).blob.data)
        return _bare_outlines(data) if self.is_compact else data

    @cached_property
    def _characters_by_glyph(self) -> Mapping[int, tuple[int, ...]]:
        found: dict[int, tuple[int, ...]] = {}
        for character in sorted(self.characters):
            glyph = self._font.get_nominal_glyph(character)
            found[glyph] = (*found.get(glyph, ()), character)
        return found

    @cached_property
    def _prepared(self) -> hb.Face:
        return hb.subset_preprocess(self._face)


_KEPT_FILES = 500


def _bare_outlines(data: bytes) -> bytes:
    """Return the table of outlines (CFF) alone."""
    for number in range(int.from_bytes(data[4:6], "big")):
        start = _HEADER + _TABLE_RECORD * number
        record = data[start : start + _TABLE_RECORD]
        if record[:4] == b"CFF ":
            at, size = int.from_bytes(record[8:12], "big"), int.from_bytes(record[12:16], "big")
            return data[at : at + size]
    raise OutsideLayout("not-compiled", "a font has no table CFF")
