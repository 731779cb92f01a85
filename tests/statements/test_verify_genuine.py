"""A genuine statement is verified: every kind, every locale, whatever text is in it."""

from dataclasses import replace

import pytest

from closebook.statements.verify.report import Outcome, VerifyInputs, verify
from tests.statements.altered_pdf import (
    changed,
    counterparty_in_description,
)
from tests.statements.rendered_pdf import rendered
from tests.statements.samples import HOLDER, entry, kinds, of, statement
from tests.statements.verify_samples import BEFORE, FEW, failed, outcomes, register

LOCALES = [
    *("de_CH", "fr_FR", "en_IN", "en_ZA", "pt_BR", "es_ES", "it_CH", "nl_NL", "sv_SE", "pl_PL"),
    *("ru_RU", "hi_IN", "zh_TW", "ko_KR", "ar_SA", "ar_MA", "fa_IR", "he_IL", "en_US", "tr_TR"),
]


@pytest.mark.parametrize("kind", list(kinds()))
def test_every_kind_of_statement_is_verified(kind: str) -> None:
    made = kinds()[kind]
    pdf = rendered(made).pdf
    report = verify(pdf, VerifyInputs(register=register((FEW, b""), (made, pdf))))
    assert failed(report) == {}
    assert report.is_registered
    checked = {check for check, outcome in outcomes(report).items() if outcome is Outcome.OK}
    expected = {"file", "totals", "CSV", "page", "register"}
    # Symbola, which draws emoji, is not among the typefaces whose outlines are known
    assert checked == expected | ({"fonts"} if kind != "emoji and a lack" else set())


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
    ],
)
def test_no_text_of_a_stranger_makes_a_genuine_statement_fail(text: str) -> None:
    line = entry(-1234, text, counterparty=text, kind=text or "payment")
    holder = replace(HOLDER, name=text, account_number=text)
    made = statement(line, entry(99), holder=holder)
    made = replace(made, lines=tuple(replace(line, reference=text) for line in made.lines))
    assert failed(verify(rendered(made).pdf, VerifyInputs())) == {}


def test_a_page_without_a_column_of_counterparties_is_verified() -> None:
    report = verify(changed(FEW, counterparty_in_description()), VerifyInputs())

    assert failed(report) == {}
    assert outcomes(report)["page"] is Outcome.OK


def test_a_statement_that_continues_the_previous_one_is_verified() -> None:
    report = verify(rendered(FEW).pdf, VerifyInputs(previous=rendered(BEFORE).pdf))
    assert outcomes(report)["previous"] is Outcome.OK
    assert failed(report) == {}


def test_the_version_is_named_where_the_register_has_it() -> None:
    pdf = rendered(FEW).pdf
    report = verify(pdf, VerifyInputs(register=register((FEW, pdf), statement_version=2)))
    assert "as version 2 of the statement" in report.text
