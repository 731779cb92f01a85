"""A genuine statement is verified: every kind, every locale, whatever text is in it."""

from dataclasses import replace
from operator import mul

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from closebook.statements.formats.camt053 import camt053
from closebook.statements.formats.statement_csv import statement_csv
from closebook.statements.model import Holder, Statement
from closebook.statements.render.document import render
from closebook.statements.verify.attached_csv import read_csv
from closebook.statements.verify.attached_xml import read_xml
from closebook.statements.verify.consistency import refuse_differing_csv
from closebook.statements.verify.report import Outcome
from closebook.statements.verify.untrusted_pdf import CheckFailed
from closebook.statements.verify.verification import VerifyInputs, verify
from tests.statements.altered_pdf import (
    changed,
    counterparty_in_description,
    without_roles,
)
from tests.statements.names_in_scripts import NAMES
from tests.statements.rendered_pdf import rendered
from tests.statements.samples import HOLDER, corrected, entry, kinds, of, statement
from tests.statements.verify_samples import BEFORE, FEW, failed, outcomes, register

LOCALES = [
    *("de_CH", "fr_FR", "en_IN", "en_ZA", "pt_BR", "es_ES", "it_CH", "nl_NL", "sv_SE", "pl_PL"),
    *("ru_RU", "hi_IN", "zh_TW", "ko_KR", "ar_SA", "ar_MA", "fa_IR", "he_IL", "en_US", "tr_TR"),
]


@pytest.mark.parametrize("kind", list(kinds()))
def test_every_kind_of_statement_is_verified(kind: str) -> None:
    made = kinds()[kind]
    pdf = rendered(made).pdf
    report = verify(pdf, VerifyInputs(manifest=register((FEW, b""), (made, pdf))))
    assert failed(report) == {}
    assert report.is_in_manifest
    checked = {check for check, outcome in outcomes(report).items() if outcome is Outcome.OK}
    expected = {"file", "totals", "CSV", "page", "manifest"}
    # Symbola, which draws emoji, is not among the typefaces whose outlines are known
    assert checked == expected | ({"fonts"} if kind != "emoji and a lack" else set())


# Each has a code of its own: the rendered page of a statement is kept for other tests.
@pytest.mark.parametrize(("code", "places"), [("PTS", 0), ("PTT", 3), ("PTU", 5)])
@pytest.mark.parametrize("locale", ["de_CH", "en_IN", "ar_MA"])
def test_a_statement_in_a_currency_of_ones_own_is_verified_where_it_is_named(
    monkeypatch: pytest.MonkeyPatch, locale: str, code: str, places: int
) -> None:
    monkeypatch.setenv("CLOSEBOOK_CURRENCIES", f"{code}={places}")
    made = statement(
        entry(-123_456_789),
        entry(5, day=31),
        opening_minor=-7,
        currency=code,
        holder=of(locale),
    )
    pdf = rendered(made).pdf

    assert failed(verify(pdf, VerifyInputs())) == {}
    monkeypatch.delenv("CLOSEBOOK_CURRENCIES")
    assert failed(verify(pdf, VerifyInputs())) != {}


@pytest.mark.parametrize("locale", LOCALES)
@pytest.mark.parametrize("currency", ["EUR", "JPY", "KWD"])
def test_amounts_and_days_are_verified_as_every_locale_writes_them(
    locale: str, currency: str
) -> None:
    made = statement(
        entry(-123_456_789),
        entry(5, day=31),
        opening_minor=-7,
        currency=currency,
        holder=of(locale),
    )
    assert failed(verify(rendered(made).pdf, VerifyInputs())) == {}


@pytest.mark.parametrize(
    "text",
    [
        *("=1+1", "'=1+1", "  @cmd", "a\nb", " blanks  within ", "x" * 200, "12.34", ""),
        *("<b>&amp;", "\u202eevil", "שלום 12.34", "مرحبا ١٢", "🎁𐎠", "\0\x1b[31m"),
        # a keycap, and marks of three classes on one letter
        "call 1\ufe0f\u20e3now",
        "a\u0301\u0316\u0335",
    ],
)
def test_no_text_of_a_stranger_makes_a_genuine_statement_fail(text: str) -> None:
    line = entry(-1234, text, counterparty=text, kind=text or "payment")
    holder = replace(HOLDER, name=text, account_number=text)
    made = statement(line, entry(99), holder=holder)
    made = replace(made, lines=tuple(replace(line, reference=text) for line in made.lines))
    assert failed(verify(rendered(made).pdf, VerifyInputs())) == {}


UNITS = [
    *(
        "word ",
        "W",
        "漢字",
        "ب",
        "ש ",
        "e\u0301",
        "👩\u200d👧",
        "ab\u00a0",
        "a-b",
        "'=1;",
        "\n",
        "12.34 ",
    ),
    *(
        "\u202e",
        "\u200f",
        "﷽",
        "ffi ",
        "ﬃ",
        "ﬁ",
        "ß",
        "İ",
        "नी",
        "ကြ",
        "\U00010570",
        "\u00ad",
        "<b>&",
    ),
    *("\t", "\u2028", "\0", "( ", "]", "'", *NAMES.values()),
]
names = st.sampled_from([*NAMES.values()])
short_texts = st.lists(st.sampled_from(UNITS), max_size=8).map("".join)
any_texts = st.text(st.characters(codec=None), max_size=80)
long_texts = st.builds(mul, st.sampled_from(UNITS), st.integers(1, 400))
texts = names | short_texts | any_texts | long_texts
# The limits of docs/contract.md: a longer text is cut when it is read.
LONGEST_KIND, LONGEST_NUMBER, LONGEST_NAME, LONGEST_TEXT = 50, 100, 200, 1000
LOCALES_OF_PAGES = ["en_GB", "de_DE", "es_ES", "fr_FR", "it_IT", "nl_NL", "pt_BR", "ja_JP"]


@st.composite
def statements(draw: st.DrawFn) -> Statement:
    """A genuine statement with any texts, in any language, with amounts of any width."""
    widest = draw(st.sampled_from([10**4, 10**8, 10**16]))
    amounts_minor = st.integers(-widest, widest)
    made = statement(
        *(
            entry(
                amount_minor,
                draw(texts)[:LONGEST_TEXT],
                counterparty=draw(texts)[:LONGEST_NAME],
                kind=draw(texts)[:LONGEST_KIND],
            )
            for amount_minor in draw(st.lists(amounts_minor, max_size=6))
        ),
        opening_minor=draw(amounts_minor),
        currency=draw(st.sampled_from(["EUR", "JPY", "KWD"])),
        holder=Holder(
            name=draw(texts)[:LONGEST_NAME],
            address=draw(texts)[:LONGEST_TEXT],
            account_number=draw(st.just(HOLDER.account_number) | texts)[:LONGEST_NUMBER],
            locale=draw(st.sampled_from([*LOCALES_OF_PAGES, "he_IL", "ar_EG"])),
        ),
    )
    lines = (
        replace(line, reference=draw(st.just(line.reference) | texts)[:LONGEST_NAME])
        for line in made.lines
    )
    made = replace(made, lines=tuple(lines))
    return corrected(made, draw(texts)) if draw(st.booleans()) else made


@settings(max_examples=25, deadline=None)
@given(made=statements())
def test_every_genuine_statement_is_verified_whatever_its_texts_are(made: Statement) -> None:
    assert failed(verify(render(made).pdf, VerifyInputs())) == {}


@pytest.mark.parametrize(
    ("reference", "elsewhere"),
    [
        ("W" * 60, ""),
        ("'=1;" * 30, ""),
        ("ß" * 60, ""),
        ("漢字" * 40, ""),
        ("'=1;İ漢字", ""),
        ("word " * 40, ""),
        ("x" * 34 + " y", ""),
        ("ffi", "ﬃ"),
        ("नी ffi", "न ﬃ"),
        ("ကြ" * 40, "က"),
        ("👩\u200d👧" * 40, ""),
    ],
)
def test_a_long_or_shaped_reference_is_verified(reference: str, elsewhere: str) -> None:
    holder = replace(HOLDER, name=elsewhere, account_number=reference)
    made = statement(entry(-5, elsewhere, counterparty=f"{'word ' * 27}12345 6"), holder=holder)
    made = replace(made, lines=tuple(replace(line, reference=reference) for line in made.lines))
    assert failed(verify(rendered(made).pdf, VerifyInputs())) == {}


def test_an_older_csv_without_minor_units_is_read() -> None:
    # Given a CSV as it was issued before: no quotation marks, no minor units, and one apostrophe
    made = statement(entry(-1234, "=1+1"), entry(5, "a;=1"), currency="KWD")
    older = (
        "\ufeffrecord,line_number,date,description,counterparty,reference,kind,amount,balance,"
        "currency\r\n"
        "opening,,2026-10-01,,,,,,100.000,KWD\r\n"
        "line,1,2026-10-01,'=1+1,,T480001,payment,-1.234,98.766,KWD\r\n"
        "line,2,2026-10-01,a;=1,,T480002,payment,0.005,98.771,KWD\r\n"
        "credits,,,,,,,0.005,,KWD\r\n"
        "debits,,,,,,,-1.234,,KWD\r\n"
        "closing,,2026-10-31,,,,,,98.771,KWD\r\n"
    ).encode()
    # Then it is read as the same statement
    refuse_differing_csv(read_xml(camt053(made)), read_csv(older))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b'"-1234E-3"', b'"-1235E-3"'),
        (b'"-1234","', b'"-1235","'),
        (b'"-1234E-3"', b'"-1234E-2"'),
        (b'"KWD","-1234","98766","3"', b'"KWD","-1234","98766","2"'),
        (b'"-1234","98766"', b'"","98766"'),
    ],
)
def test_a_csv_whose_amounts_contradict_each_other_is_refused(old: bytes, new: bytes) -> None:
    content = statement_csv(statement(entry(-1234), currency="KWD"))
    assert old in content
    with pytest.raises(CheckFailed):
        read_csv(content.replace(old, new, 1))


def test_a_page_without_a_column_of_counterparties_is_verified() -> None:
    report = verify(changed(FEW, counterparty_in_description(), without_roles()), VerifyInputs())

    assert failed(report) == {}
    assert outcomes(report)["page"] is Outcome.OK


def test_a_statement_that_continues_the_previous_one_is_verified() -> None:
    report = verify(rendered(FEW).pdf, VerifyInputs(previous=rendered(BEFORE).pdf))
    assert outcomes(report)["previous"] is Outcome.OK
    assert failed(report) == {}


def test_the_version_is_named_where_the_register_has_it() -> None:
    pdf = rendered(FEW).pdf
    report = verify(pdf, VerifyInputs(manifest=register((FEW, pdf), statement_version=2)))
    assert "as version 2 of the statement" in report.text
