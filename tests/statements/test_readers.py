"""Who searches a statement for what is seen on it finds it, in the readers that people use.

pdfium is Chrome's reader, pdf.js is Firefox's, poppler is that of Evince and Okular. MuPDF 1.21,
which Debian has, leaves the letters of a word from right to left in the order of drawing, so it is
not asked for these.
"""

from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pytest

from closebook.statements.model import Statement
from closebook.statements.weasyprint_adapter.glyph_texts import SILENT, shared_among
from tests.statements import pdf_readers
from tests.statements.pdf_readers import Reader, plain
from tests.statements.rendered_pdf import opened, rendered
from tests.statements.samples import HOLDER, entry, kinds, many, of, statement

READERS = ("poppler", "pdfium", "pdf.js")

ARABIC = statement(
    entry(-37_500, "سلام لاحق", counterparty="الإيجار بلاغ"),
    entry(-37_500, "خلال الأسبوع", counterparty="صلاح آل سعود"),
    holder=replace(of("ar_EG"), name="علاء لاشين"),
)
HEBREW = statement(entry(-37_500, "תשלום 375.00", counterparty="שָׁלוֹם"), holder=of("he_IL"))
HINDI = statement(
    entry(-37_500, "त्रिपाठी किराना", counterparty="किरण कर्ण"),
    entry(-5, "हिन्दी शक्ति", counterparty="किराना"),
)
OTHERS = statement(
    entry(-5, "বিকাশ কোম্পানি", counterparty="ਸਿੰਘ ਕਿਰਪਾਲ"),
    entry(-5, "கொடுக்கல் வாங்கல்", counterparty="മോഹൻ കൊച്ചി"),
    entry(-5, "ខ្មែរ កៅស៊ូ", counterparty="မြန်မာ ငွေ"),
    entry(-5, "เงินเดือน", counterparty="Nguyễn Thị Hồng"),
)
OVERDRAWN = statement(entry(-37_500), entry(-123_437_500), opening_minor=0)
FRENCH = statement(entry(-123_456_789), opening_minor=0, holder=of("fr_FR"))

SOUGHT: tuple[tuple[Statement, tuple[str, ...]], ...] = (
    (ARABIC, ("سلام لاحق", "الإيجار", "بلاغ", "خلال الأسبوع", "صلاح آل سعود", "علاء لاشين")),
    (HEBREW, ("תשלום", "375.00", "625.00")),
    (HINDI, ("त्रिपाठी किराना", "किरण", "कर्ण", "हिन्दी शक्ति")),
    (OTHERS, ("বিকাশ কোম্পানি", "ਸਿੰਘ ਕਿਰਪਾਲ", "கொடுக்கல்", "മോഹൻ കൊച്ചി", "Nguyễn Thị Hồng")),
    (OTHERS, ("မြန်မာ", "ငွေ", "เงินเดือน")),
    (OVERDRAWN, ("-375.00", "-1,234,750.00", "T480001")),
    (FRENCH, ("-1 234 567,89",)),
    (statement(entry(5, "fi ffl office"), holder=HOLDER), ("fi ffl office", "Eleanor Whitfield")),
)


@pytest.fixture(scope="module")
def readers() -> Iterator[MappingProxyType[str, Reader]]:
    with pdf_readers.pdf_js() as pdf_js:
        yield MappingProxyType(
            {"poppler": pdf_readers.poppler, "pdfium": pdf_readers.pdfium, "pdf.js": cache(pdf_js)}
        )


@pytest.mark.parametrize(
    ("made", "text"), [(made, text) for made, texts in SOUGHT for text in texts]
)
@pytest.mark.parametrize("name", READERS)
def test_a_reader_finds_what_is_seen(
    name: str, made: Statement, text: str, readers: MappingProxyType[str, Reader]
) -> None:
    assert text in plain(readers[name](rendered(made).pdf))


@pytest.mark.parametrize(
    ("made", "text"),
    [
        (made, text)
        for made, texts in SOUGHT
        for text in texts
        if made not in (ARABIC, HEBREW) or text.isascii()
    ],
)
def test_mupdf_finds_what_is_seen_from_left_to_right(
    made: Statement, text: str, tmp_path: Path
) -> None:
    assert text in plain(pdf_readers.mupdf(rendered(made).pdf, tmp_path))


def test_pdfium_and_poppler_find_an_amount_behind_its_word_from_right_to_left() -> None:
    pdf = rendered(HEBREW).pdf
    assert "תשלום 375.00" in plain(pdf_readers.pdfium(pdf))
    assert "תשלום 375.00" in plain(pdf_readers.poppler(pdf))


@pytest.mark.parametrize("name", ["poppler", "pdf.js"])
def test_khmer_is_found_by_readers_that_keep_raised_marks_in_their_word(
    name: str, readers: MappingProxyType[str, Reader]
) -> None:
    text = plain(readers[name](rendered(OTHERS).pdf))
    assert "ខ្មែរ" in text
    assert "កៅស៊ូ" in text


@pytest.mark.parametrize(
    "kind", [kind for kind, made in kinds().items() if made.holder.locale[:2] not in ("ar", "he")]
)
def test_no_document_of_latin_letters_needs_a_copy_of_a_font(kind: str) -> None:
    for page in opened(kinds()[kind]).pages:
        fonts: Any = page.Resources.Font
        assert [name for name in fonts if name[-1].isdigit()] == []


def test_a_copy_of_a_font_has_the_same_file() -> None:
    (page,) = opened(HINDI).pages
    found: Any = page.Resources.Font
    fonts = {name: font.DescendantFonts[0].objgen for name, font in found.items()}
    copies = [name for name in fonts if name[-1].isdigit()]
    assert copies
    assert all(fonts[name] == fonts[name[:-1]] for name in copies)


def test_a_long_statement_has_the_texts_of_all_its_parts(
    readers: MappingProxyType[str, Reader],
) -> None:
    words = ("कर्ण", "किराना", "त्रिपाठी")
    lines = many(700).lines
    made = statement(
        *(replace(line, description=words[at % 3]) for at, line in enumerate(lines)),
    )
    text = readers["pdfium"](rendered(made).pdf)
    assert [text.count(word) for word in words] == [234, 233, 233]


@pytest.mark.parametrize(
    ("text", "glyph_count", "is_from_right", "shares"),
    [
        ("a", 1, False, ["a"]),
        ("ffi", 1, False, ["ffi"]),
        # A vowel sign that is drawn before its consonant
        ("कि", 2, False, ["क", "ि"]),
        ("क्षि", 2, False, ["क", "्षि"]),
        # More glyphs than characters
        ("ি", 2, False, ["ি", SILENT]),
        ("কো", 3, False, ["ক", "\u09c7", "\u09be"]),
        # The order of drawing is from the left
        ("لا", 1, True, ["ال"]),
        ("שׁ", 2, True, ["ׁ", "ש"]),
        ("\N{MINUS SIGN}", 1, False, ["-"]),
        ("\N{NARROW NO-BREAK SPACE}", 1, False, [" "]),
        ("\N{LEFT-TO-RIGHT ISOLATE}a", 1, False, ["a"]),
        # A digit of another script keeps its group
        ("១ៀ", 3, False, ["១ៀ", SILENT, SILENT]),
    ],
)
def test_the_characters_of_a_cluster_are_shared_among_its_glyphs(
    text: str, glyph_count: int, is_from_right: bool, shares: list[str]
) -> None:
    assert shared_among(text, glyph_count, is_from_right=is_from_right) == shares
