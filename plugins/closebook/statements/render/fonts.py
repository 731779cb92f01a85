"""The fonts of a template: their files, and the characters that they have glyphs for."""

import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property, lru_cache
from hashlib import sha256
from pathlib import Path
from xml.etree import ElementTree as ET

from closebook.errors import Misconfigured
from closebook.statements.render.brand_fonts import ReadFont

FONT_CONFIGURATION = "fonts.conf"

# Characters without a glyph of their own, which need no font: joiners, direction marks, variation
# selectors, white space.
_INVISIBLE = frozenset({0x00AD, 0x034F, 0x061C, 0x200B, *range(0x200C, 0x2010), 0x2060, 0xFEFF})
_VARIATION_SELECTORS = frozenset({*range(0xFE00, 0xFE10), *range(0xE0100, 0xE01F0)})
_WHITE_SPACE = frozenset({*b"\t\n\r "})
_NEED_NO_GLYPH = _WHITE_SPACE | _INVISIBLE | _VARIATION_SELECTORS


@dataclass(frozen=True)
class Fonts:
    """The font files that a fontconfig file accepts, in its order, and those of a brand.

    Pages use no other fonts. A document's bytes depend on these files, so the register keeps
    their sha256.
    """

    files: tuple[Path, ...]
    of_brand: Mapping[str, ReadFont] = field(default_factory=dict)

    def with_brand(self, fonts: Mapping[str, ReadFont]) -> "Fonts":
        """Return these fonts and those of a brand, by the names of their files in its folder."""
        return replace(self, of_brand=fonts)

    @classmethod
    def installed(cls, configuration: Path) -> "Fonts":
        """Find the files that the fontconfig file names, in the folders that it names.

        Raises Misconfigured, with their names, when files are not installed.
        """
        tree = ET.parse(configuration)  # noqa: S314  # the template's own file
        folders = [Path(element.text or "") for element in tree.iter("dir")]
        names = [Path(element.text or "").name for element in tree.iterfind(".//acceptfont/glob")]
        found: dict[str, Path] = {}
        for folder in folders:
            for path in sorted(folder.rglob("*.tt[fc]")):
                found.setdefault(path.name, path)
        missing = [name for name in names if name not in found]
        if missing:
            raise Misconfigured(
                "CB-CONFIG-FONTS-MISSING",
                f"{', '.join(missing)} are not installed, and statements are set in these fonts "
                "only: install the packages fonts-noto-core, fonts-noto-cjk and fonts-symbola",
            )
        return cls(tuple(found[name] for name in names))

    @cached_property
    def sha256_by_name(self) -> dict[str, str]:
        """The sha256 of each font file, by its file name. A brand's are without compression."""
        found = {**_sha256_of(self.files)}
        for name, font in self.of_brand.items():
            found[f"brand: {name}"] = sha256(font.content).hexdigest()
        return found

    def missing_characters(self, text: str) -> frozenset[str]:
        """Return the characters of the text that no font has a glyph for, or that are private.

        A private character (Unicode category Co) has no meaning outside of the system that made it.
        """
        if text.isascii():
            return frozenset()
        return frozenset(
            character
            for character in set(text)
            if ord(character) not in self._covered or unicodedata.category(character) == "Co"
        )

    @cached_property
    def _covered(self) -> frozenset[int]:
        of_brand = [font.characters for font in self.of_brand.values()]
        covered = _characters_of(self.files)
        return covered.union(*of_brand) if of_brand else covered


@lru_cache(maxsize=4)
def _characters_of(files: tuple[Path, ...]) -> frozenset[int]:
    """Return the characters of font files that need a glyph and have one, or that need none."""
    import uharfbuzz  # fontTools takes twenty times as long

    covered = set(_NEED_NO_GLYPH)
    for path in files:
        covered.update(uharfbuzz.Face(uharfbuzz.Blob.from_file_path(str(path))).unicodes)
    return frozenset(covered)


@lru_cache(maxsize=4)
def _sha256_of(files: tuple[Path, ...]) -> Mapping[str, str]:
    return {path.name: sha256(path.read_bytes()).hexdigest() for path in files}
