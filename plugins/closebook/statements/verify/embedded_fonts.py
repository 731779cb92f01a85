"""Compare the embedded fonts of a received PDF with the text that the PDF says they show.

A reader of the page sees outlines, and a program reads the table of characters (ToUnicode) beside
them. A forger can let the two differ. So the table must agree with the font's own map of
characters, and the outlines of digits, Latin letters and signs must be those of the typeface.
glyph_outlines.json has the outlines of the typefaces of statements, as digests. A font for Chinese,
Japanese and Korean is embedded without its map of characters, which would be larger than it.

Where several glyphs show one group of letters, such as a vowel sign before its letter, the table
has the whole group for one of them and SILENT for the others. Which glyphs a group has is known to
the font's program for shaping only. So of a glyph that shows no digit, Latin letter or sign, only
the script is compared where the letters differ.
"""

import json
import re
import struct
import unicodedata
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from io import BytesIO
from pathlib import Path
from typing import Any

from fontTools import unicodedata as scripts
from fontTools.pens.recordingPen import DecomposingRecordingPen
from fontTools.ttLib import TTFont, TTLibError

from closebook.statements.verify.bare_fonts import BareFont
from closebook.statements.verify.untrusted_pdf import CheckFailed, UntrustedPdf, bounded_reading

OUTLINES_FILE = Path(__file__).with_name("glyph_outlines.json")

_DIGEST_DIGITS = 24
# Fonts and forms. A statement with a name in every script of Noto has 150 fonts.
_MAX_FONTS = 1000
_DEEPEST_FORM = 8
_BLOCK = re.compile(rb"(\d+)\s+beginbfchar\s(.*?)\sendbfchar", re.DOTALL)
_PAIR = re.compile(rb"<([0-9a-fA-F]{4})>\s*<([0-9a-fA-F]{4,64})>")
# In a text from right to left a bracket is drawn by the glyph of its mirror image.
SILENT = "\u200b"
"""What the table has for a glyph whose letters another glyph stands for."""
# HarfBuzz draws it below a mark that has no letter.
_DOTTED_CIRCLE = "\u25cc"
_NO_SCRIPTS = {"Zyyy", "Zinh", "Zzzz"}
_MARKS = {"Mn", "Mc", "Me", "Cf"}
_SIGNS = {"Mn", "Me"}
# The text of a minus sign is the hyphen that people type.
_MINUS, _HYPHEN = "\N{MINUS SIGN}", "-"
_MIRRORED = dict(zip("()[]{}<>«»‹›≤≥", ")(][}{><»«›‹≥≤", strict=True))


@dataclass(frozen=True)
class EmbeddedFonts:
    """The fonts of a file: how many there are, and which could not be compared by outline."""

    count: int
    unknown: tuple[str, ...]


def check_fonts(pdf: UntrustedPdf) -> EmbeddedFonts:
    """Check all fonts that the pages use.

    Raises CheckFailed for a font that is not embedded as those of statements are, whose table says
    other characters than the font has, or whose outlines are not those of its typeface.
    """
    with bounded_reading():
        fonts = list(_fonts(pdf))
    unknown = []
    for font in fonts:
        try:
            with bounded_reading():
                if not _check_font(font):
                    unknown.append(_name(font))
        except (TTLibError, struct.error, AssertionError, NotImplementedError, EOFError) as error:
            raise CheckFailed(f"the font {_name(font)} cannot be read") from error
    return EmbeddedFonts(len(fonts), tuple(sorted(set(unknown))))


def outline_digest(font: TTFont, glyph_name: str) -> str:
    """Return a digest of a glyph's outline and its advance width."""
    glyphs = font.getGlyphSet()
    pen = DecomposingRecordingPen(glyphs)
    glyphs[glyph_name].draw(pen)
    units = font["head"].unitsPerEm
    outline = repr((units, glyphs[glyph_name].width, pen.value)).encode()
    return sha256(outline).hexdigest()[:_DIGEST_DIGITS]


def is_compared(character: str) -> bool:
    """Return whether the outline of a character is compared: ASCII, digits, and the minus."""
    return (
        "!" <= character <= "~" or character == "\u2212" or unicodedata.category(character) == "Nd"
    )


def face_of(name: str, font: TTFont) -> str:
    """Return the key of a typeface in glyph_outlines.json: its name and its revision."""
    return f"{name} {font['head'].fontRevision:.4f}"


@cache
def _known_outlines() -> Mapping[str, Mapping[str, str]]:
    known: dict[str, dict[str, str]] = json.loads(OUTLINES_FILE.read_text(encoding="utf-8"))
    return known


def _fonts(pdf: UntrustedPdf) -> Iterator[Any]:
    seen: set[int] = set()
    for page in pdf.reader.pages:
        yield from _fonts_of(page.get("/Resources"), seen, 0)


def _fonts_of(resources: Any, seen: set[int], depth: int) -> Iterator[Any]:
    if resources is None:
        return
    if depth > _DEEPEST_FORM or len(seen) > _MAX_FONTS:
        raise CheckFailed("its pages use more fonts, or deeper forms, than any statement does")
    found = resources.get_object()
    for reference in (found.get("/Font") or {}).values():
        font = reference.get_object()
        if id(font) not in seen:
            seen.add(id(font))
            yield font
    for reference in (found.get("/XObject") or {}).values():
        form = reference.get_object()
        if form.get("/Subtype") == "/Form" and id(form) not in seen:
            seen.add(id(form))
            yield from _fonts_of(form.get("/Resources"), seen, depth + 1)


def _name(font: Any) -> str:
    text = str(font.get("/BaseFont", "")).lstrip("/").rpartition("+")[2]
    return "".join(c for c in text if c.isascii() and c.isprintable())[:60] or "without a name"


def _check_font(font: Any) -> bool:
    """Check one font; return whether its typeface is known, so that outlines were compared."""
    name = _name(font)
    if font.get("/Subtype") != "/Type0" or font.get("/Encoding") != "/Identity-H":
        raise CheckFailed(f"the font {name} is not one that a statement has")
    [descendant] = (each.get_object() for each in font["/DescendantFonts"].get_object())
    if descendant.get("/CIDToGIDMap", "/Identity") != "/Identity":
        raise CheckFailed(f"the font {name} shows other glyphs than its codes say")
    descriptor = descendant["/FontDescriptor"].get_object()
    file = descriptor.get("/FontFile2") or descriptor.get("/FontFile3")
    if file is None:
        raise CheckFailed(f"the font {name} is not embedded")
    content = file.get_object()
    if content.get("/Subtype") == "/CIDFontType0C":
        return _check_bare(name, BareFont(name, content.get_data()), texts_of(font))
    with TTFont(BytesIO(content.get_data()), lazy=True) as embedded:
        return _check_glyphs(name, embedded, texts_of(font))


def texts_of(font: Any) -> dict[int, str]:
    """Return the text of each glyph, as the font's table of characters has it.

    Raises CheckFailed for a table that no statement has.
    """
    name = _name(font)
    if "/ToUnicode" not in font:
        raise CheckFailed(f"the font {name} does not say its characters")
    table: bytes = font["/ToUnicode"].get_object().get_data()
    if any(word in table for word in (b"bfrange", b"usecmap", b"%")):
        raise CheckFailed(f"the font {name} says its characters as no statement does")
    texts: dict[int, str] = {}
    for count, block in _BLOCK.findall(table):
        pairs = _PAIR.findall(block)
        if len(pairs) != int(count) or _PAIR.sub(b"", block).strip():
            raise CheckFailed(f"the font {name} says its characters as no statement does")
        for code, text in pairs:
            said = bytes.fromhex(text.decode()).decode("utf-16-be")
            if texts.setdefault(int(code, 16), said) != said:
                raise CheckFailed(f"the font {name} says two characters for one glyph")
    return texts


def _check_glyphs(name: str, embedded: TTFont, texts: Mapping[int, str]) -> bool:
    order = embedded.getGlyphOrder()
    characters: dict[str, set[str]] = {}
    for code, glyph in (embedded.getBestCmap() or {}).items():
        characters.setdefault(glyph, set()).add(chr(code))
    known = _known_outlines().get(face_of(name, embedded))
    for number, text in texts.items():
        if number >= len(order):
            # The glyph of a blank is left out, if it is the last one.
            if not _letters(text).strip():
                continue
            raise CheckFailed(f"the font {name} lacks a glyph that it says it has")
        glyph = order[number]
        shown = characters.get(glyph, set())
        if not may_stand_for(text, shown):  # guard: verify.table-agrees-with-the-font
            raise CheckFailed(
                f"the font {name} shows {_quoted(shown)} where the file's text says {text!r}"
            )
        if known is None:
            continue
        for character in (char for char in characters.get(glyph, ()) if char in known):
            # guard: verify.outlines-are-the-typefaces
            if known[character] != outline_digest(embedded, glyph):
                raise CheckFailed(
                    f"the font {name} has another shape for {character!r} than the typeface has"
                )
    return known is not None


def _check_bare(name: str, embedded: BareFont, texts: Mapping[int, str]) -> bool:
    """Check a font without a map of characters; return whether its typeface is known.

    Its outlines must be those of one revision of its typeface.
    """
    shown = {code: text for code, text in texts.items() if _letters(text).strip()}
    lacking = [code for code in shown if not embedded.has(code)]
    if lacking:
        raise CheckFailed(f"the font {name} lacks a glyph that it says it has")
    revisions = [
        outlines for face, outlines in _known_outlines().items() if face.rpartition(" ")[0] == name
    ]
    # A glyph that is said to be several digits or letters is in no list, so it is refused.
    compared = {code: text for code, text in shown.items() if any(map(is_compared, text))}
    for code, text in compared.items():
        digest = embedded.outline_digest(code)
        sayable = (text, _MINUS) if text == _HYPHEN else (text,)
        # guard: verify.bare-outlines-are-the-typefaces
        if revisions and digest not in {face.get(said) for face in revisions for said in sayable}:
            raise CheckFailed(
                f"the font {name} has another shape for {text!r} than the typeface has"
            )
    return bool(revisions)


def may_stand_for(text: str, shown: Collection[str]) -> bool:
    """Return whether a glyph of the font for these characters may stand for a text."""
    letters = _letters(text)
    found = {_letters(it) for it in shown}
    found |= {_MIRRORED[it] for it in found if it in _MIRRORED}
    found |= {_HYPHEN for it in found if it == _MINUS}
    # Of a letter with several marks, the table may have the whole group for one of the marks.
    # No amount has a group (consistency.py).
    # guard: verify.mark-of-a-group
    if any(unicodedata.category(it) in _SIGNS and it in _decomposed(text) for it in shown):
        return True
    if letters in found:
        return True
    if _is_plain(text, letters) or any(_is_plain(it, it, is_silent=text == SILENT) for it in shown):
        # A ligature, such as that of f and i, is in no map of characters.
        return not shown and len(letters) > 1 and letters.isascii() and letters.isalpha()
    if not shown or text == SILENT or _DOTTED_CIRCLE in shown:
        return True
    if {*_decomposed(text)} & {it for each in shown for it in _decomposed(each)}:
        return True
    return _scripts(text) == _scripts("".join(shown))


def _is_plain(text: str, letters: str, *, is_silent: bool = False) -> bool:
    """Return whether a text has a character that must be the one that is shown.

    Digits of other scripts may have vowel signs, in texts of strangers. Then they are part of a
    group. No amount has a group (consistency.py).
    """
    visible = "".join(it for it in text if unicodedata.category(it) != "Cf")
    if len(visible) == 1 and is_compared(visible) and not is_silent:
        return True
    return any(is_compared(it) and (it.isascii() or it == "\u2212") for it in letters)


def _decomposed(text: str) -> str:
    return unicodedata.normalize("NFKD", text)


def _letters(text: str) -> str:
    """Return a text without its marks and invisible characters."""
    return "".join(it for it in _decomposed(text) if unicodedata.category(it) not in _MARKS)


def _scripts(text: str) -> set[str]:
    return {scripts.script(it) for it in text} - _NO_SCRIPTS


def _quoted(characters: set[str]) -> str:
    return " or ".join(map(repr, sorted(characters))) or "a glyph of no character"
