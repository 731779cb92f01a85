"""The font files of a brand: TrueType or OpenType, also as WOFF or WOFF2."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from io import BytesIO
from typing import Any

from closebook.statements.render.brand import FontFace

# Bits of fsType in the table OS/2 (OpenType): what the font's owner allows.
_RESTRICTED, _NO_SUBSET, _BITMAP_ONLY = 0x0002, 0x0100, 0x0200
_KINDS = (b"\0\1\0\0", b"OTTO", b"wOFF", b"wOF2")


@dataclass(frozen=True, slots=True)
class ReadFont:
    """A font without the compression of WOFF, and whether all its digits have one width."""

    content: bytes = field(repr=False)
    digits_are_equal: bool
    characters: frozenset[int] = field(repr=False)


@lru_cache(maxsize=64)
def read_font(content: bytes) -> ReadFont:
    """Return the font of a file. Raises ValueError, with what to do, if it cannot be embedded."""
    from fontTools.ttLib import TTFont, TTLibError

    if content[:4] not in _KINDS:
        raise ValueError("it is no TrueType, OpenType, WOFF or WOFF2 font: export it as one")
    try:
        font = TTFont(BytesIO(content))
        characters: dict[int, str] = font.getBestCmap()
        characters[ord(" ")]  # guard: brands.fonts-have-a-blank
        widths = {font["hmtx"][characters[digit]][0] for digit in range(ord("0"), ord("9") + 1)}
        _refuse_unfit(font)
    except (TTLibError, KeyError, TypeError, AssertionError) as error:
        raise ValueError(
            f"it cannot be read as a font with Latin digits and a blank ({error})"
        ) from None
    return ReadFont(_uncompressed(content, font), len(widths) == 1, frozenset(characters))


def characters_of_families(faces: Sequence[FontFace]) -> Mapping[str, frozenset[str]]:
    """Return the characters that each family has in all its weights and styles."""
    found: dict[str, list[frozenset[int]]] = defaultdict(list)
    for face in faces:
        found[face.family].append(read_font(face.content).characters)
    return {
        family: frozenset(map(chr, frozenset.intersection(*each))) for family, each in found.items()
    }


def _refuse_unfit(font: Any) -> None:
    allowed = font["OS/2"].fsType
    if allowed & (_RESTRICTED | _NO_SUBSET | _BITMAP_ONLY):
        raise ValueError(
            "its owner does not allow to embed a part of it in a document (fsType "
            f"{allowed:#06x}): buy the licence for documents, or choose another font"
        )
    if "fvar" in font:
        raise ValueError(
            "it is a variable font, which a PDF cannot embed: export one static file for each "
            "weight"
        )
    if {"CBDT", "sbix", "SVG ", "COLR"} & {*font.keys()}:
        raise ValueError("it has coloured pictures for letters: choose a font of outlines")


def _uncompressed(content: bytes, font: Any) -> bytes:
    if font.flavor is None:
        return content
    font.flavor = None
    font.recalcTimestamp = False  # guard: brands.same-font-same-bytes
    output = BytesIO()
    font.save(output, reorderTables=True)
    return output.getvalue()
