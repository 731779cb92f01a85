"""Make glyph_outlines.json, which `closebook verify` compares embedded fonts with.

Run as `python -m local.glyph_outlines` when the fonts of statements have a new version. The
revisions of before are kept, since statements that were issued with them are still valid.
"""

import json
import re
import subprocess

from fontTools.ttLib import TTFont

from closebook.statements.verify.embedded_fonts import (
    OUTLINES_FILE,
    face_of,
    is_compared,
    outline_digest,
)

FAMILIES = (
    *("Noto Sans", "Noto Serif Display", "Noto Sans Arabic", "Noto Sans Hebrew"),
    *("Noto Sans Devanagari", "Noto Sans Thai", "Noto Sans CJK JP", "Noto Sans CJK SC"),
    *("Noto Sans CJK TC", "Noto Sans CJK KR", "Noto Sans CJK HK", "Noto Sans Bengali"),
)


def main() -> None:
    """Add the installed revision of each typeface, regular and bold."""
    known = json.loads(OUTLINES_FILE.read_text("utf-8")) if OUTLINES_FILE.exists() else {}
    for family in FAMILIES:
        for weight, suffix in (("regular", ""), ("bold", "-Bold")):
            found = subprocess.run(
                ["fc-match", "--format", "%{family}|%{file}|%{index}", f"{family}:weight={weight}"],
                capture_output=True,
                text=True,
                check=True,
            ).stdout
            names, file, index = found.split("|")
            if family not in re.split(",", names):
                continue
            with TTFont(file, fontNumber=int(index) & 0xFFFF) as font:
                digests = {
                    chr(code): outline_digest(font, glyph)
                    for code, glyph in sorted((font.getBestCmap() or {}).items())
                    if is_compared(chr(code))
                }
                known[face_of(family.replace(" ", "-") + suffix, font)] = digests
    OUTLINES_FILE.write_text(json.dumps(known, indent=0, sort_keys=True) + "\n", "utf-8")


if __name__ == "__main__":
    main()
