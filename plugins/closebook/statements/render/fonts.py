"""The fonts of a template: which files they are, and which characters they can show."""

import unicodedata
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256
from pathlib import Path
from xml.etree import ElementTree as ET

from closebook.errors import Misconfigured

CONFIGURATION = "fonts.conf"

# Seen only in what they do to their neighbours: joiners, marks of direction, variation selectors.
_UNSEEN = frozenset({0x00AD, 0x034F, 0x061C, 0x200B, *range(0x200C, 0x2010), 0x2060, 0xFEFF})
_VARIATION_SELECTORS = frozenset({*range(0xFE00, 0xFE10), *range(0xE0100, 0xE01F0)})
_SEEN_AS_SPACE = frozenset({*b"\t\n\r "})
_ALWAYS_SHOWN = _SEEN_AS_SPACE | _UNSEEN | _VARIATION_SELECTORS


@dataclass(frozen=True)
class Typefaces:
    """The font files that a fontconfig file accepts, in its order.

    Nothing but these is used to set a page, so their sha256 is part of what a document depends on.
    """

    configuration: Path
    files: tuple[Path, ...]

    @classmethod
    def of(cls, configuration: Path) -> "Typefaces":
        """Read the names of the files, and find them below the file's folders.

        Raises Misconfigured, naming the files that are not installed.
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
        return cls(configuration, tuple(found[name] for name in names))

    @cached_property
    def fingerprints(self) -> dict[str, str]:
        """The sha256 of each file, by its name."""
        return {path.name: sha256(path.read_bytes()).hexdigest() for path in self.files}

    def lacks(self, text: str) -> frozenset[str]:
        """The characters of the text that no font has a picture of, or that have no meaning."""
        if text.isascii():
            return frozenset()
        return frozenset(
            character
            for character in set(text)
            if ord(character) not in self._covered or unicodedata.category(character) == "Co"
        )

    @cached_property
    def _covered(self) -> frozenset[int]:
        from fontTools.ttLib import TTFont

        covered = set(_ALWAYS_SHOWN)
        for path in self.files:
            with TTFont(path, fontNumber=0, lazy=True) as font:
                covered.update(font.getBestCmap())
        return frozenset(covered)
