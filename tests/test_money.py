"""Money is printed exactly as the ledger counts it, in the minor unit of ISO 4217."""

import copy
import re
from decimal import Decimal

import pytest
from babel import localedata
from babel.numbers import parse_pattern
from hypothesis import given
from hypothesis import strategies as st

from closebook.errors import Misconfigured, WrongData
from closebook.money import exponent, format_minor, locale_of, major_text, to_major

BIGINT = st.integers(min_value=-(2**63), max_value=2**63 - 1)


@pytest.mark.parametrize(
    ("currency", "places"),
    [("EUR", 2), ("USD", 2), ("JPY", 0), ("KRW", 0), ("KWD", 3), ("BHD", 3), ("CLF", 4)],
)
def test_the_exponent_is_that_of_the_minor_unit(currency: str, places: int) -> None:
    assert exponent(currency) == places


@pytest.mark.parametrize(("currency", "places"), [("RSD", 2), ("IQD", 3), ("ALL", 2), ("MGA", 2)])
def test_the_exponent_of_iso_4217_is_used_where_babel_has_that_of_cash(
    currency: str, places: int
) -> None:
    assert exponent(currency) == places


@pytest.mark.parametrize("currency", ["", "eur", "EURO", "QQQ", "XXX", "XAU", "€"])
def test_a_code_without_a_minor_unit_is_refused(currency: str) -> None:
    with pytest.raises(WrongData, match="not an ISO 4217 currency"):
        exponent(currency)


@pytest.mark.parametrize(
    ("amount_minor", "currency", "locale", "expected"),
    [
        (123456789, "EUR", "en_GB", "EUR 1,234,567.89"),
        (-123456789, "EUR", "de_DE", "−1.234.567,89 EUR"),
        (123456789, "INR", "hi_IN", "INR 12,34,567.89"),
        (-5, "USD", "en_US", "USD −0.05"),
        (1234, "JPY", "ja_JP", "JPY 1,234"),
        (-1234, "KWD", "en", "KWD −1.234"),
        (0, "EUR", "fr_FR", "0,00 EUR"),
        (2**63 - 1, "EUR", "en", "EUR 92,233,720,368,547,758.07"),
    ],
)
def test_an_amount_is_written_as_its_locale_writes_it(
    amount_minor: int, currency: str, locale: str, expected: str
) -> None:
    written = format_minor(amount_minor, currency, locale, with_currency=True)
    assert written.replace("\N{NO-BREAK SPACE}", " ") == expected


@given(
    amount_minor=BIGINT,
    currency=st.sampled_from(["EUR", "JPY", "KWD", "CLF", "RSD"]),
    locale=st.sampled_from(sorted(localedata.locale_identifiers())),
)
def test_no_digit_is_lost_in_any_locale(amount_minor: int, currency: str, locale: str) -> None:
    written = format_minor(amount_minor, currency, locale, with_currency=False)
    assert int(re.sub(r"[^0-9]", "", written)) == abs(amount_minor)
    assert written.startswith("−") == (amount_minor < 0)
    assert "-" not in written


@given(
    amount_minor=BIGINT,
    currency=st.sampled_from(["EUR", "JPY", "KWD", "CLF"]),
    locale=st.sampled_from(sorted(localedata.locale_identifiers())),
)
def test_figures_are_those_of_babel(amount_minor: int, currency: str, locale: str) -> None:
    found = locale_of(locale)
    pattern = copy.copy(parse_pattern(found.decimal_formats[None]))
    pattern.frac_prec = (exponent(currency), exponent(currency))
    figures = pattern.apply(to_major(abs(amount_minor), currency), found)
    written = format_minor(amount_minor, currency, locale, with_currency=False)
    assert written.removeprefix("−") == figures


@given(amount_minor=BIGINT, currency=st.sampled_from(["EUR", "JPY", "KWD", "CLF"]))
def test_major_units_as_text_are_those_of_the_number(amount_minor: int, currency: str) -> None:
    assert major_text(amount_minor, currency) == f"{to_major(amount_minor, currency):f}"


@given(amount_minor=BIGINT)
def test_major_units_are_exact(amount_minor: int) -> None:
    assert to_major(amount_minor, "KWD") * 1000 == amount_minor
    assert to_major(amount_minor, "JPY") == amount_minor


def test_major_units_have_the_places_of_the_currency() -> None:
    assert str(to_major(12300, "EUR")) == "123.00"
    assert to_major(-1, "KWD") == Decimal("-0.001")


@pytest.mark.parametrize(
    ("locale_code", "expected"),
    [
        ("pt-BR", "pt_BR"),
        ("de_ZZ", "de_DE"),
        ("xx_YY", "en"),
        ("", "en"),
        ("../passwd", "en"),
    ],
)
def test_an_unknown_locale_falls_back_to_its_language_then_to_english(
    locale_code: str, expected: str
) -> None:
    assert str(locale_of(locale_code)) == expected


@pytest.mark.parametrize(
    ("locale_code", "expected"),
    [
        ("cs-CZ.UTF-8", "cs_CZ"),
        ("fr_FR.ISO8859-15@euro", "fr_FR"),
        ("pt_PT@euro", "pt_PT"),
        ("ca_ES@valencia", "ca_ES"),
        ("sr_RS@latin", "sr_Latn_RS"),
        ("uz_UZ.UTF-8@cyrillic", "uz_Cyrl_UZ"),
        ("de-DE-u-co-phonebk", "de_DE"),
        ("ar_EG-u-nu-arab", "ar_EG"),
        ("en-US-x-private", "en_US"),
        ("de-DE,de;q=0.9", "de_DE"),
        (" de_DE ", "de_DE"),
        ("de__POSIX", "de"),
        ("iw_IL", "he_IL"),
        ("deu_DE", "de_DE"),
        ("zh_TW.Big5", "zh_Hant_TW"),
        # None of them begins with a language.
        ("C.UTF-8", "en"),
        ("POSIX", "en"),
        ("Deutsch", "en"),
        ("de/../passwd", "en"),
        ("de\u2013DE", "en"),
    ],
)
def test_the_codes_of_posix_java_and_http_are_read(locale_code: str, expected: str) -> None:
    assert str(locale_of(locale_code)) == expected


# ---- currencies of one's own -------------------------------------------------------------


def test_a_currency_of_ones_own_has_the_places_that_the_setting_says(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("CLOSEBOOK_CURRENCIES", " BTC = 8, PTS=0,")

    assert (exponent("BTC"), exponent("PTS"), exponent("EUR")) == (8, 0, 2)
    assert to_major(1, "BTC") == Decimal("0.00000001")
    written = format_minor(-123456789, "BTC", "de_DE", with_currency=True)
    assert written == "−1,23456789\N{NO-BREAK SPACE}BTC"
    assert format_minor(1234567, "PTS", "en", with_currency=False) == "1,234,567"


def test_without_the_setting_a_code_that_iso_4217_does_not_know_is_refused() -> None:
    with pytest.raises(WrongData, match="CLOSEBOOK_CURRENCIES does not name it"):
        exponent("BTC")


@pytest.mark.parametrize(
    "given",
    ["BTC", "BTC=", "=8", "BTC=19", "BTC=-1", "BTC=1.5", "btc=8", "USDT=6", "BTC=8,BTC=8", "BTC=٨"],
)
def test_a_setting_that_cannot_be_read_is_refused(
    monkeypatch: pytest.MonkeyPatch, given: str
) -> None:
    monkeypatch.setenv("CLOSEBOOK_CURRENCIES", given)

    with pytest.raises(Misconfigured) as refused:
        exponent("EUR")

    assert refused.value.code == "CB-CONFIG-CURRENCIES-UNREADABLE"


@pytest.mark.parametrize("given", ["EUR=2", "JPY=2", "PTS=0,DEM=2"])
def test_a_currency_of_iso_4217_keeps_its_places(
    monkeypatch: pytest.MonkeyPatch, given: str
) -> None:
    monkeypatch.setenv("CLOSEBOOK_CURRENCIES", given)

    with pytest.raises(Misconfigured) as refused:
        exponent("EUR")

    assert refused.value.code == "CB-CONFIG-CURRENCY-OF-ISO-4217"
