"""Who searches a statement for what is seen on it finds it, in the readers that people use.

pdfium is Chrome's reader, pdf.js is Firefox's, poppler is that of Evince and Okular. MuPDF 1.21,
which Debian has, leaves the letters of a word from right to left in the order of drawing, so it is
not asked for these. The last tests show what a reader cannot do with files of Chromium either.
"""

import subprocess
from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pikepdf
import pytest

from closebook.statements.model import Statement
from closebook.statements.verify.verification import VerifyInputs, verify
from closebook.statements.weasyprint_adapter.glyph_texts import (
    SILENT,
    shared_among,
    without_empty_strings,
)
from local.processes import find
from tests.statements import pdf_readers
from tests.statements.altered_pdf import changed
from tests.statements.pdf_readers import Reader, plain
from tests.statements.rendered_pdf import opened, rendered
from tests.statements.samples import HOLDER, IN_PARTS, entry, kinds, many, of, statement
from tests.statements.verify_samples import failed

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


KHMER = ("ខ្មែរ កៅស៊ូ", "ខ្មែរ <x> ភាសា")


@pytest.mark.parametrize("name", READERS)
def test_words_with_raised_glyphs_are_found(
    name: str, readers: MappingProxyType[str, Reader]
) -> None:
    made = statement(entry(-5, KHMER[0], counterparty=KHMER[1]), entry(-5, "កៅស៊ូ 🎁"))
    pdf = rendered(made).pdf
    assert [text for text in KHMER if text not in plain(readers[name](pdf))] == []
    assert failed(verify(pdf, VerifyInputs())) == {}


@pytest.mark.parametrize("text", ["ខ្មែរ កៅស៊ី", "", "x"])
def test_verify_refuses_another_text_for_readers_than_that_of_the_glyphs(text: str) -> None:
    def change(pdf: pikepdf.Pdf) -> None:
        page = pdf.pages[0]
        old, new = (
            b"<feff%s>" % each.encode("utf-16-be").hex().encode() for each in (KHMER[0], text)
        )
        content = page.Contents.read_bytes()
        assert old in content
        page.Contents.write(content.replace(old, new))

    changed_pdf = changed(statement(entry(-5, KHMER[0])), change)
    assert "page" in failed(verify(changed_pdf, VerifyInputs()))


@pytest.mark.parametrize(
    "command",
    [
        b"/Span <</ActualText <feff0031>>> BDC EMC",
        b"/Span <</ActualText <feff0031>>> BDC /Span <</ActualText <feff0031>>> BDC EMC EMC",
        b"/Span <</E <feff0031>>> BDC EMC",
    ],
)
def test_verify_refuses_a_text_for_readers_where_nothing_is_drawn(command: bytes) -> None:
    def change(pdf: pikepdf.Pdf) -> None:
        pdf.pages[0].Contents.write(command + b"\n" + pdf.pages[0].Contents.read_bytes())

    assert "page" in failed(verify(changed(statement(entry(-5)), change), VerifyInputs()))


# ---- what a reader cannot do with any file ----------------------------------------------------


PHRASES = ("תשלום 375.00 שכר דירה", "سلام لاحق خلال", "ខ្មែរ កៅស៊ូ")


@pytest.fixture(scope="module")
def of_chromium(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """A file of the same words that Chromium has made."""
    folder = tmp_path_factory.mktemp("chromium")
    hebrew, arabic, khmer = PHRASES
    (folder / "page.html").write_text(
        f"<meta charset=utf-8><p dir=rtl>{hebrew}<p dir=rtl>{arabic}<p>{khmer}", encoding="utf-8"
    )
    command = [find("chromium"), "--headless", "--no-sandbox", f"--print-to-pdf={folder}/a.pdf"]
    subprocess.run([*command, str(folder / "page.html")], capture_output=True, check=True)
    return (folder / "a.pdf").read_bytes()


def test_mupdf_1_21_leaves_words_from_right_to_left_in_the_order_of_drawing(
    of_chromium: bytes, tmp_path: Path
) -> None:
    texts = {pdf_readers.mupdf(each, tmp_path) for each in (of_chromium, rendered(HEBREW).pdf)}
    assert [("תשלום" in text, "תשלום"[::-1] in text) for text in texts] == [(False, True)] * 2


def test_pdf_js_puts_the_words_around_a_number_in_the_order_of_drawing(
    of_chromium: bytes, readers: MappingProxyType[str, Reader]
) -> None:
    made = statement(entry(-37_500, PHRASES[0]), holder=of("he_IL"))
    for pdf in (of_chromium, rendered(made).pdf):
        text = plain(readers["pdf.js"](pdf))
        assert "תשלום" in text
        assert "תשלום 375.00" not in text
        assert "375.00 תשלום" in text


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
    lines = many(IN_PARTS).lines
    made = statement(
        *(replace(line, description=words[at % 3]) for at, line in enumerate(lines)),
    )
    text = readers["pdfium"](rendered(made).pdf)
    assert [text.count(word) for word in words] == [IN_PARTS // 3] * 3


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


def test_no_text_of_a_page_has_strings_without_glyphs() -> None:
    """pdfium ignores the number behind one at the end of a TJ: Hindi words had gaps in Chrome."""
    made = replace(many(3), holder=of("hi_IN"))
    with opened(made) as pdf:
        contents = [page.Contents.read_bytes() for page in pdf.pages]
    assert any(b"TJ" in content for content in contents)
    assert [content for content in contents if b"<>" in content] == []


@pytest.mark.parametrize(
    ("operand", "joined"),
    [
        ("<0019>0<>226.5<0047>-226<002e>", "<0019>226.5<0047>-226<002e>"),
        ("<0019>0<>226.29360678", "<0019>226.293607"),
        ("<>-16.5<005e>", "-16.5<005e>"),
        ("<0019>5<>-5<0047>", "<0019><0047>"),
        ("<0019>0<><>7<0047>", "<0019>7<0047>"),
        ("<0019>-26<>0.5<>-42.25<0047>", "<0019>-67.75<0047>"),
        ("<0019>5<>3<>4<0047>", "<0019>12<0047>"),
        ("<0019>0<0047>", "<0019>0<0047>"),
    ],
)
def test_the_numbers_around_an_empty_string_are_added(operand: str, joined: str) -> None:
    assert without_empty_strings(operand) == joined
