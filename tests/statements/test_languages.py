"""A page is in the holder's language where the template has it, otherwise in English."""

import re
from dataclasses import fields, replace
from itertools import pairwise
from pathlib import Path
from string import Formatter

import pytest

from closebook.money import locale_of
from closebook.statements.holder_reasons import HOLDER_REASONS
from closebook.statements.render.brand import OURS
from closebook.statements.render.catalog import (
    FOLDER,
    Catalog,
    language_tag,
    load_language,
    page_locale,
)
from closebook.statements.verify.page_tables import read_tables
from closebook.statements.verify.untrusted_pdf import UntrustedPdf
from closebook.statements.verify.verification import VerifyInputs, verify
from tests.statements.rendered_pdf import (
    TEMPLATES,
    content,
    opened,
    pages,
    pdftotext,
    placed_words,
    rendered,
)
from tests.statements.samples import entry, kinds, of, statement
from tests.statements.verify_samples import failed

TEMPLATE = TEMPLATES / "statement" / "v1"
LANGUAGES = sorted(path.stem for path in (TEMPLATE / FOLDER).glob("*.toml"))


def texts(language: str) -> Catalog:
    return load_language(TEMPLATE, OURS, language).catalog


def names_in_braces(text: str) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(text) if name}


@pytest.mark.parametrize("language", LANGUAGES)
def test_each_catalog_has_every_text_with_the_names_in_braces_of_the_english_one(
    language: str,
) -> None:
    catalog, english = texts(language), texts("en")
    for field in fields(Catalog):
        text = getattr(catalog, field.name)
        assert text.strip()
        assert names_in_braces(text) == names_in_braces(getattr(english, field.name)), field.name


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_page_in_each_language_has_its_texts_and_no_missing_glyph(language: str) -> None:
    made = statement(entry(-150, kind="fee"), holder=of(language))
    catalog = texts(language)
    assert rendered(made).replaced_count == 0
    assert opened(made).Root.Lang == language
    printed = re.sub(r"[\s\u200b\u200e\u200f]", "", content(made))
    # pypdf gives these in the order of their glyphs, or without those that are drawn as one.
    if language not in ("ar", "he", "hi"):
        for text in (catalog.account_statement, catalog.closing_balance, catalog.about_compare):
            assert re.sub(r"\s", "", text) in printed


@pytest.mark.parametrize(
    ("locale", "language"),
    [
        ("de_CH", "de"),
        ("pt-BR", "pt"),
        ("fi_FI", "en"),
        ("", "en"),
        ("x" * 300, "en"),
        ("../de", "en"),
    ],
)
def test_a_locale_without_a_catalog_gives_english(locale: str, language: str) -> None:
    assert page_locale(TEMPLATE, OURS, locale).language == language


def test_dates_and_numbers_follow_the_holders_locale() -> None:
    made = statement(entry(-234_567), holder=of("de_DE"))
    (page,) = pages(made)
    assert re.search(r"01\.10\.2026 +Card payment +T480001 +2\.345,67 +-1\.345,67", page)
    assert "Kontoauszug\nOktober 2026" in re.sub(r" *\n\s*", "\n", page)
    assert "Seite 1 von 1" in page


@pytest.mark.parametrize("kind", ["right to left", "dinar of three decimals"])
def test_a_page_in_a_right_to_left_language_has_its_columns_from_right_to_left(kind: str) -> None:
    (page,) = pages(kinds()[kind])
    row = next(row for row in page.splitlines() if "T480001" in row)
    balance, amount, reference, description = (
        row.index(text)
        for text in (("976.50", "23.50") if kind == "right to left" else ("97.650", "2.350"))
        + ("T480001", "Card payment")
    )
    assert balance < amount < reference < description


def test_left_to_right_text_keeps_its_order_on_a_right_to_left_page() -> None:
    (page,) = pages(kinds()["right to left"])
    assert "14 Harbour Row" in page.replace("\u200e", "")


@pytest.mark.parametrize("locale", ["en_GB", "he_IL", "ar_EG"])
@pytest.mark.parametrize("form", ["-layout", "-raw", "-bbox"])
@pytest.mark.parametrize(
    "words", [("דמי", "לחודש"), ("رسوم", "شهر"), ("ދިވެހި", "ބަސް"), ("ܫܠܡܐ", "ܐܦܪܝܡ")]
)
def test_an_amount_inside_right_to_left_text_keeps_its_blanks_and_its_order(
    locale: str, form: str, words: tuple[str, str]
) -> None:
    before, after = words
    made = statement(entry(-150, f"{before} EUR 1,234.56 {after}"), holder=of(locale))
    text = pdftotext(made, form)
    if form == "-bbox":
        words_of_page = [word.text for word in placed_words(made)]
        assert "1,234.56" in words_of_page
        assert "EUR" in words_of_page
    else:
        assert "EUR 1,234.56" in text


@pytest.mark.parametrize(("locale", "direction"), [("en_GB", "rtl"), ("he_IL", "ltr")])
def test_each_line_of_a_text_has_the_direction_of_the_text(locale: str, direction: str) -> None:
    # Given a text in the other direction than the page that breaks before a number or a word
    text = {
        "rtl": "שלום שלום שלום שלום 12 (אחת) EUR 12.50 שלום שלום 7.",
        "ltr": "Meridian Home Supplies 12 (one) Ltd. and 7.",
    }[direction]
    made = statement(entry(-5, text), holder=of(locale))
    # Then its full stop is at the end of its last line, as in the direction of the text
    words = [
        replace(word, text=word.text.strip("\u202a\u202b\u202c")) for word in placed_words(made)
    ]
    last = max((word for word in words if word.text in ("7.", ".7")), key=lambda word: word.top)
    others = [
        word
        for word in words
        if abs(word.top - last.top) < 1 and word.text in ("שלום", "םולש", "and", "Ltd.")
    ]
    assert others
    ends = [(word.left < last.left) for word in others]
    assert all(ends) if direction == "ltr" else not any(ends)


def test_a_sign_at_a_line_end_stays_behind_its_word_on_a_right_to_left_page() -> None:
    name = "Meridian Home / Supplies Ltd. (London)"
    made = statement(entry(-5, "Card", counterparty=name), holder=of("ar_EG"))
    placed = {word.text.strip("\u200e"): word for word in placed_words(made)}
    words = [placed[text] for text in ("Meridian", "Home", "/")]
    assert (
        len({word.top for word in words}) == 1 < len({placed[text].top for text in ("/", "Ltd.")})
    )
    assert [word.left for word in words] == sorted(word.left for word in words)


def test_a_minus_sign_stays_before_its_figures_on_a_right_to_left_page() -> None:
    (page,) = pages(statement(entry(-150_000), holder=of("he_IL")))
    assert "-500.00" in page


@pytest.mark.parametrize(
    ("locale", "font"), [("ja_JP", "JP"), ("ko_KR", "KR"), ("zh_TW", "TC"), ("zh_CN", "SC")]
)
def test_han_characters_have_the_shapes_that_the_holder_reads(locale: str, font: str) -> None:
    made = statement(holder=replace(of(locale), name="直骨"))
    names = [str(font.BaseFont) for font in opened(made).pages[0].Resources.Font.values()]
    assert any(f"CJK-{font}" in name for name in names), names


def test_the_standard_reasons_are_those_of_the_english_catalog() -> None:
    english = texts("en")
    assert {code: getattr(english, code) for code in HOLDER_REASONS} == HOLDER_REASONS


def test_a_text_that_somebodys_own_folder_lacks_is_closebooks_own(tmp_path: Path) -> None:
    # Given a copy of the template that is older than the texts of this version
    (tmp_path / FOLDER).mkdir()
    (tmp_path / FOLDER / "de.toml").write_text('account = "Kontonummer"\nold = "alt"\n', "utf-8")
    # When it is loaded
    loaded = load_language(tmp_path, OURS, "de")
    # Then its text is used, the others are this version's in the same language, and it is said
    assert loaded.catalog == replace(texts("de"), account="Kontonummer")
    assert any("lacks account_statement" in warning for warning in loaded.warnings)
    assert any("nothing prints old" in warning for warning in loaded.warnings)


@pytest.mark.parametrize(
    ("locale", "tag"),
    [
        ("zh_CN", "zh-Hans"),
        ("zh_SG", "zh-Hans"),
        ("zh", "zh-Hans"),
        ("zh_TW", "zh-Hant"),
        ("zh-Hant-HK", "zh-Hant"),
        ("zh_Hant_CN", "zh-Hant"),
        ("zh-hant-US", "zh-Hant"),
        ("zh_Hans_US", "zh-Hans"),
        ("pt_BR", "pt-BR"),
        ("pt_PT", "pt"),
        ("ko_KR", "ko"),
    ],
)
def test_a_script_or_a_country_has_texts_of_its_own(locale: str, tag: str) -> None:
    assert language_tag(TEMPLATE, OURS, locale_of(locale)) == tag


@pytest.mark.parametrize(
    ("locale", "missing"),
    [("fi_FI", "fi"), ("de_CH", None), ("en", None), ("", None), ("xx_YY", "xx"), ("tlh", "tlh")],
)
def test_a_language_without_texts_is_reported(locale: str, missing: str | None) -> None:
    assert rendered(statement(holder=of(locale))).missing_language == missing


@pytest.mark.parametrize(
    "locale",
    [
        "pt_BR",
        "pt_PT",
        "ru_RU",
        "pl_PL",
        "cs_CZ",
        "th_TH",
        "hi_IN",
        "sv_SE",
        "zh_CN",
        "zh_TW",
        "es_ES",
        "ko",
    ],
)
def test_a_day_stands_on_one_line_and_is_verified(locale: str) -> None:
    made = statement(*(entry(-150 - day, day=day) for day in range(1, 31)), holder=of(locale))
    rows = read_tables(UntrustedPdf(rendered(made).pdf)).tables[-1].rows
    assert len(rows) == 32
    # A row is as high as its highest cell: a day of two lines makes its row higher.
    tops = [word.top for word in placed_words(made) if re.fullmatch(r"T4800\d\d", word.text)]
    heights = {round(after - before) for before, after in pairwise(tops) if after > before}
    assert max(heights) <= 20, heights
    assert failed(verify(rendered(made).pdf, VerifyInputs())) == {}
