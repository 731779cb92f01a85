"""Text is set in the template's own fonts; characters that they lack are replaced and counted."""

import logging
import unicodedata
from dataclasses import replace
from pathlib import Path
from shutil import copytree

import pytest

from closebook.errors import Misconfigured
from closebook.statements.model import Statement
from closebook.statements.render.document import render
from closebook.statements.render.fonts import Fonts
from closebook.statements.render.sanitize import Sanitizer
from tests.statements.rendered_pdf import (
    TEMPLATES,
    content,
    opened,
    pages,
    reader,
    rendered,
    squeezed,
)
from tests.statements.samples import HOLDER, entry, statement

CONFIGURATION = TEMPLATES / "statement" / "v1" / "fonts.conf"


def embedded(made: Statement) -> set[str]:
    return {
        str(font.get_object()["/BaseFont"]).partition("+")[2]
        for page in reader(made).pages
        for font in page["/Resources"]["/Font"].values()  # type: ignore[index]
    }


@pytest.mark.parametrize(
    "name",
    [
        "Σωκράτης Παπαδόπουλος",
        "Кузнецова Анна",
        "नीलम शर्मा",
        "佐藤花子",
        "王小明",
        "김민준",
        "Žofie Příhodová",
        "فاطمة الزهراء",
        "רחל כהן",
        "สมชาย ใจดี",
        "Ніно გიორგაძე",
    ],
)
def test_names_in_many_scripts_are_set_in_the_noto_fonts(name: str) -> None:
    made = statement(entry(-5, name), holder=replace(HOLDER, name=name))
    assert rendered(made).replaced_count == 0
    assert embedded(made)
    assert all(font.startswith("Noto") for font in embedded(made)), embedded(made)
    text = squeezed(content(made))
    assert squeezed(name)[:3] in text or squeezed(name)[::-1][:3] in text


def test_every_glyph_has_a_character_in_the_pdf() -> None:
    made = statement(entry(-5, "नीलम शर्मा"), entry(-5, "لا إله فاطمة"), entry(-5, "ffi Å 👍🏽"))
    for page in opened(made).pages:
        for font in page.Resources.Font.values():
            mapping = font.ToUnicode.read_bytes()
            assert b"> <>" not in mapping
            assert b"> <0000>" not in mapping


def test_emoji_are_outlines_of_a_font_and_not_pictures() -> None:
    made = statement(entry(-5, "Gift 🎁 for 😀"))
    (page,) = pages(made)
    assert "Gift 🎁 for 😀" in page
    assert any(font.startswith("Symbola") for font in embedded(made))
    assert rendered(made).replaced_count == 0
    assert not opened(made).pages[0].get_images()


def test_a_character_without_a_glyph_is_replaced_on_the_page_and_counted(
    caplog: pytest.LogCaptureFixture,
) -> None:
    # Given letters of a script for which the template has no font, and a private character
    made = statement(
        entry(-5, "a\U00010570b\U00010571c\ue000d"),
        holder=replace(HOLDER, name="\U00010570Eleanor"),
    )
    # When it is rendered
    with caplog.at_level(logging.WARNING, "closebook"):
        document = render(made)
    # Then each is printed as U+FFFD, and the page and the log say how many there are
    (page,) = pages(made)
    assert "a�b�c�d" in page
    assert "�Eleanor" in page
    assert document.replaced_count == 4
    assert "Characters that could not be printed stand as �: 4." in page
    assert "the statement of account 77 shows 4 characters as U+FFFD" in caplog.text
    assert "Eleanor" not in caplog.text


def test_the_libraries_log_nothing_of_a_statement(caplog: pytest.LogCaptureFixture) -> None:
    # Given names whose fonts WeasyPrint and fontTools make smaller, not made before in this process
    for name in ("Naoko 渡邉直子", "नीलम शर्मा"):
        made = statement(entry(-5, name), holder=replace(HOLDER, name=name))
        # When the statement is rendered, and everything is logged
        with caplog.at_level(logging.DEBUG):
            render(made)
    # Then nothing was.
    assert [f"{record.name}: {record.getMessage()}" for record in caplog.records] == []


def test_a_character_that_needs_no_glyph_is_not_replaced() -> None:
    sanitize = Sanitizer(Fonts.installed(CONFIGURATION))
    for text in ("نی\u200cخواهم", "❤\ufe0f", "👩\u200d👧", "a\u200eb\u00adc"):
        assert sanitize(text).strip("\u200f") == text
    assert sanitize.replaced_count == 0


def test_excess_combining_marks_are_cut_off_and_counted() -> None:
    sanitize = Sanitizer(Fonts.installed(CONFIGURATION))
    assert sanitize("a" + "\u0301" * 50 + "b") == "a" + "\u0301" * 6 + "�b"
    assert sanitize.replaced_count == 1


@pytest.mark.parametrize(
    "between",
    [
        *("", "\u200d", "\u200c", "\u200b", "\u034f", "\ufe0f", "\u2060", "\ufeff", "\u00ad"),
        *("\u115f", "\u1160", "\u3164", "\uffa0", "\u17b4", "\u180e", "\u200e", "\u0903"),
    ],
)
def test_marks_are_bounded_whatever_stands_between_them(between: str) -> None:
    sanitize = Sanitizer(Fonts.installed(CONFIGURATION))
    for marks in ("\u0301", "\u0335\u0321", "\u20dd", "\u0e35"):
        text = sanitize("a" + (between + marks) * 40 + "b")
        kept = [it for it in text if unicodedata.category(it) in ("Mn", "Me", "Mc")]
        assert len(kept) <= 6
        assert text.count("�") == 1
        assert text.endswith("b")


@pytest.mark.parametrize("word", ["བསྒྲུབས", "ကြွေး", "שָּׁ֑", "ක්‍රි", "นี้", "❤️", "👨‍👩‍👧‍👦", "ক্ষ্ম্য"])
def test_the_marks_of_real_words_stay(word: str) -> None:
    assert str(Sanitizer(Fonts.installed(CONFIGURATION))(word)) == word


def test_fonts_that_are_not_installed_are_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copytree(TEMPLATES / "statement", tmp_path / "statement")
    file = tmp_path / "statement" / "v1" / "fonts.conf"
    text = file.read_text(encoding="utf-8")
    file.write_text(text.replace("NotoSans-Bold.ttf", "NoSuchFont.ttf"), encoding="utf-8")
    monkeypatch.setenv("CLOSEBOOK_TEMPLATES", str(tmp_path))
    with pytest.raises(Misconfigured, match=r"NoSuchFont\.ttf are not installed"):
        render(statement())


def test_no_other_font_of_the_machine_is_used() -> None:
    files = Fonts.installed(CONFIGURATION).files
    assert len(files) == len(set(files)) > 20
    assert not [file for file in files if "Color" in file.name or "DejaVu" in file.name]
