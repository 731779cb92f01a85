"""A brand's font has the letters of some languages: no word is set in two fonts."""

import ctypes
from collections import defaultdict

import pypdfium2
import pytest

from closebook.statements.render.document import render
from closebook.statements.stamp.stamped_renderer import StampedRenderer
from closebook.statements.weasyprint_adapter.whole_words import words_in_other_fonts
from tests.statements.brands import BRANDS, NAMES, branded, in_brand, loaded
from tests.statements.equal_documents import differences
from tests.statements.samples import entry, of, statement

TEXTS = (
    "Příliš žluťoučký kůň úpěl ďábelské ódy",
    "Zażółć gęślą jaźń, Łódź",
    "İğneli şeyler çok güzel",
    "Țară și oraș",
    "Søster på Östermalm, façade naïve",
)
_BETWEEN = " + "
LATIN_1 = frozenset(map(chr, range(0x20, 0x100)))


def fonts_of_words(pdf: bytes) -> dict[str, set[str]]:
    """The fonts in which each word of a document stands, as pdfium reads it.

    A word whose letters are in several fonts has their names with a sign between them.
    """
    found: dict[str, set[str]] = defaultdict(set)
    buffer, flags = ctypes.create_string_buffer(100), ctypes.c_int()
    for page in pypdfium2.PdfDocument(pdf):
        text = page.get_textpage()
        word, fonts = "", set[str]()
        for index in range(text.count_chars()):
            character = chr(pypdfium2.raw.FPDFText_GetUnicode(text, index))
            if character.isspace():
                found[word].add(_BETWEEN.join(sorted(fonts)))
                word, fonts = "", set()
                continue
            pypdfium2.raw.FPDFText_GetFontInfo(text, index, buffer, len(buffer), flags)
            word += character
            if character.isalpha():
                fonts.add(buffer.value.decode().partition("+")[2].removesuffix("-Bold"))
        found[word].add(_BETWEEN.join(sorted(fonts)))
    return found


@pytest.mark.parametrize("locale", ["cs_CZ", "pl_PL", "tr_TR", "en_GB"])
@pytest.mark.parametrize("name", NAMES)
def test_a_word_that_the_brand_lacks_a_letter_of_is_in_one_font(name: str, locale: str) -> None:
    lines = [entry(-100, f"{text} {text}", counterparty=text) for text in TEXTS]
    words = fonts_of_words(branded(statement(*lines, holder=of(locale)), BRANDS / name).pdf)
    assert [word for word, fonts in words.items() if any(_BETWEEN in font for font in fonts)] == []
    own = {"alder": "EB-Garamond", "harbour": "IBM-Plex-Sans", "lumo": "Figtree"}[name]
    assert words["façade"] == words["Östermalm,"] == {own}
    assert words["žluťoučký"] == words["gęślą"] == words["oraș"]
    assert words["žluťoučký"] == ({own} if name == "alder" else {"Noto-Sans"})


@pytest.mark.parametrize(
    ("text", "families", "others"),
    [
        ("na konto číslo 5", ["Own", "Noto"], {"číslo": ["Noto"]}),
        ("konto\u00a0číslo", ["Own", "Noto"], {"číslo": ["Noto"]}),
        ("Żubr-Söhne, Żubr", ["Own", "Noto"], {"Żubr-Söhne,": ["Noto"], "Żubr": ["Noto"]}),
        ("₺100 → 20", ["Own", "Noto"], {}),
        ("e\u0328 ab", ["Own", "Noto"], {"e\u0328": ["Noto"]}),
        ("číslo", ["Noto", "Own"], {"číslo": ["Noto"]}),
        ("číslo", ["Noto"], {}),
        ("číslo", ["Own", "Figures", "Noto"], {"číslo": ["Noto"]}),
        ("für", ["Figures", "Own", "Noto"], {"für": ["Own", "Noto"]}),
    ],
)
def test_the_fonts_of_a_word_are_those_that_have_all_its_letters(
    text: str, families: list[str], others: dict[str, list[str]]
) -> None:
    characters = {"Own": LATIN_1, "Figures": frozenset("0123456789.,")}
    found = list(words_in_other_fonts(text, families, characters))
    assert {text[start:end]: names for start, end, names in found} == others


@pytest.mark.parametrize("name", NAMES)
def test_a_stamped_statement_has_the_same_fonts(name: str) -> None:
    lines = [entry(-100, text, counterparty=text) for text in TEXTS]
    made = statement(*lines)
    with in_brand(BRANDS / name):
        renderer = StampedRenderer.of_settings()
        renderer.prepare([], again=[made])
        assert differences(render(made).pdf, renderer.stamp(made).pdf) == []


def test_the_languages_that_a_font_lacks_letters_of_are_named() -> None:
    [harbour] = loaded(BRANDS / "harbour").warnings
    assert "'IBM Plex Sans': it lacks letters of cs (Č č ě ň ř), pl (ą ć ę ł ń), tr (" in harbour
    assert "; it does not have the letters of ar, he, hi, ja, ko, ru, th, zh-" in harbour
    [alder] = loaded(BRANDS / "alder").warnings
    assert "lacks" not in alder
    assert "'EB Garamond': it does not have the letters of ar, he, hi, ja, ko, ru, th," in alder
