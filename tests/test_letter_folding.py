"""The letters by which a search finds a name follow from Unicode's data, and none is left out."""

import unicodedata

import pytest

from closebook.sql import SQL_FOLDER
from local.letter_folding import UNICODE_VERSION, base_of, folded, function_sql

MIGRATION = "reporting/migrations/0036_letters_of_all_scripts.sql"

# What is no letter of a word, or has no base: tone marks, clicks, glottal stops, abbreviations.
WITHOUT_BASE = (
    "TONE",
    "CLICK",
    "GLOTTAL STOP",
    "PERCUSSIVE",
    "TWO WITH STROKE",
    "REVERSED ESH LOOP",
    "PHARYNGEAL",
    "LARYNGEAL",
    "AIN",
    "ALEF",
    "TRESILLO",
    "CUATRILLO",
    "RUM",
    "VEND",
    "LETTER CON",
    *("DUM", "LUM", "MUM", "NUM", "TUM"),
    "SINOLOGICAL DOT",
    "SAKHA YAT",
    "SALTILLO",
)


@pytest.mark.skipif(
    unicodedata.unidata_version != UNICODE_VERSION,
    reason=f"this Python has Unicode {unicodedata.unidata_version}, the function {UNICODE_VERSION}",
)
@pytest.mark.parametrize("path", ["reporting/schema.sql", MIGRATION])
def test_the_stores_function_is_made_from_unicodes_data(path: str) -> None:
    assert f"as $$\n{function_sql()}$$;" in (SQL_FOLDER / path).read_text()


def test_each_latin_letter_is_found_by_letters_of_a_keyboard() -> None:
    found = 0
    for number in range(0x80, 0x10000):
        letter = chr(number)
        name = unicodedata.name(letter, "")
        if name.startswith("LATIN ") and unicodedata.category(letter) in {"Lu", "Ll", "Lo"}:
            is_known = any(each in name for each in WITHOUT_BASE)
            assert is_known or (folded(letter).isascii() and folded(letter).isalpha()), name
            found += not is_known
    assert found > 1000


@pytest.mark.parametrize(
    ("letters", "base"),
    [
        ("ɐɑɒⱯ", "aaaa"),
        ("ʃƩᶋꭍ", "ssss"),
        ("ßẞæœþĳʣꜳ", "ssssaeoethijdzaa"),
        ("қғҳңӄ", "кгхнк"),
        ("ףםץךן", "פמצכנ"),
        ("σςΣ", "σσσ"),
        ("さくらっぁ", "サクラツア"),
        ("ێیىےګکﻙ", "ييييككك"),
        ("٣३৩๓３", "33333"),
        ("Ёй", "еи"),
    ],
)
def test_a_letter_is_found_by_its_base(letters: str, base: str) -> None:
    assert folded(letters) == base


@pytest.mark.parametrize("letter", ["a", "z", "7", "я", "ب", "サ", "ا", "한", "木", "ก"])
def test_the_base_of_a_plain_letter_is_the_letter(letter: str) -> None:
    plain = unicodedata.normalize("NFD", letter)[0].lower()
    assert base_of(plain) == plain
