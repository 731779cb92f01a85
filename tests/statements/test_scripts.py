"""Every script of the installed Noto fonts is printed, and its text can be read from the PDF."""

import re
import subprocess
from collections import Counter
from functools import cache
from io import BytesIO
from pathlib import Path

import pikepdf
import pytest
from fontTools import unicodedata as scripts
from fontTools.ttLib import TTFont

from closebook.statements.model import Statement
from closebook.statements.render.fonts import Fonts
from tests.statements.names_in_scripts import NAMES
from tests.statements.rendered_pdf import TEMPLATES, rendered
from tests.statements.samples import entry, statement

CONFIGURATION = TEMPLATES / "statement" / "v1" / "fonts.conf"
NOTO = Path("/usr/share/fonts/truetype/noto")
# Common, Inherited and Unknown are no scripts.
NO_SCRIPTS = {"Zyyy", "Zinh", "Zzzz"}


def characters(path: Path) -> set[int]:
    with TTFont(path, fontNumber=0, lazy=True) as font:
        return set(font.getBestCmap())


@cache
def characters_of_noto() -> dict[str, set[int]]:
    """The characters that the installed Noto fonts have, by their script."""
    found: dict[str, set[int]] = {}
    for path in NOTO.glob("Noto*-Regular.ttf"):
        for character in characters(path):
            found.setdefault(scripts.script(chr(character)), set()).add(character)
    return {script: some for script, some in found.items() if script not in NO_SCRIPTS}


@cache
def names_of_all_scripts() -> Statement:
    return statement(*(entry(-5, name, counterparty=script) for script, name in NAMES.items()))


def read(text: str) -> Counter[str]:
    """The characters of a text without blanks, joiners and direction marks, in any order.

    The PDF has the glyphs of a word in the order in which they are drawn.
    """
    return Counter(re.sub(r"[\s\u200b-\u200f\u202a-\u202e\u2066-\u2069]", "", text))


@cache
def printed() -> dict[str, Counter[str]]:
    """What poppler reads in the column of descriptions, by the script in the next column."""
    text = subprocess.run(
        ["pdftotext", "-raw", "-", "-"],
        input=rendered(names_of_all_scripts()).pdf,
        capture_output=True,
        check=True,
    ).stdout.decode()
    rows = re.findall(
        r"1 Oct 2026\s((?:(?!1 Oct 2026).)+?)\b([A-Z][a-z]{3})\b\W*T48\d{4}", text, re.DOTALL
    )
    return {script: read(name) for name, script in rows}


def test_every_script_of_the_installed_noto_fonts_has_a_name_in_this_test() -> None:
    assert set(characters_of_noto()) <= set(NAMES)


def test_the_fonts_of_the_template_have_every_letter_of_every_script_of_noto() -> None:
    # Given the letters and marks of the installed Noto fonts, by script
    fonts = Fonts.installed(CONFIGURATION)
    # When the template's fonts are asked for them
    missing = {
        script: fonts.missing_characters("".join(map(chr, some)))
        for script, some in characters_of_noto().items()
    }
    # Then none is missing
    assert {script: some for script, some in missing.items() if some} == {}


def test_no_character_of_a_name_is_replaced() -> None:
    assert rendered(names_of_all_scripts()).replaced_count == 0


@pytest.mark.parametrize("script", list(NAMES))
def test_a_name_is_read_back_from_the_page(script: str) -> None:
    assert {scripts.script(character) for character in NAMES[script]} - NO_SCRIPTS == {script}
    name = read(NAMES[script])
    # A glyph that two syllables share is read with the signs of the first one.
    assert name <= printed()[script]
    assert set(printed()[script]) == set(name)


def test_a_document_embeds_only_the_glyphs_of_its_own_text() -> None:
    pdf = rendered(names_of_all_scripts()).pdf
    assert len(pdf) < 1_000_000
    some = rendered(statement(entry(-5, NAMES["Khmr"]), entry(-5, NAMES["Tibt"]))).pdf
    assert len(some) < 100_000
    with pikepdf.open(BytesIO(some)) as opened:
        fonts = {str(it.BaseFont) for page in opened.pages for it in page.Resources.Font.values()}
    assert len(fonts) <= 5, fonts
