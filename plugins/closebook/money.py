"""Amounts of money: integers of minor units with an ISO 4217 code, and their text for readers."""

import copy
import re
from decimal import Context, Decimal
from functools import lru_cache

from babel import Locale, UnknownLocaleError
from babel.numbers import NumberPattern, parse_pattern

from closebook.errors import WrongData
from closebook.iso4217 import MINOR_UNITS

MINUS = "\N{MINUS SIGN}"
NO_BREAK_SPACE = "\N{NO-BREAK SPACE}"

_LOCALE_CODE = re.compile(r"[A-Za-z]{2,3}(?:[_-][A-Za-z0-9]{2,8})*")
_BIGINT_PRECISION = Context(prec=60)


def exponent(currency: str) -> int:
    """Decimal places of the minor unit of an ISO 4217 code: EUR 2, JPY 0, KWD 3.

    Raises WrongData for a code that names no currency with a minor unit.
    """
    places = MINOR_UNITS.get(currency)
    if places is None:  # guard: money.no-minor-unit
        raise WrongData(
            "CB-DATA-UNKNOWN-CURRENCY",
            f"{currency!r} is not an ISO 4217 currency with a minor unit; correct the currency "
            "of these rows in the platform's tables, or the view that selects it",
        )
    return places


def to_major(amount_minor: int, currency: str) -> Decimal:
    """The amount in major units, exact: 12345 minor units of EUR are Decimal('123.45')."""
    return Decimal(amount_minor).scaleb(-exponent(currency), _BIGINT_PRECISION)


def locale_of(locale_code: str) -> Locale:
    """Return Babel's locale for a code such as ``de_CH`` or ``pt-BR``.

    An unknown territory falls back to its language, an unknown language to English: a holder with
    an unusual setting gets a statement all the same.
    """
    return _locale_of(locale_code)


@lru_cache(maxsize=512)
def _locale_of(locale_code: str) -> Locale:
    if _LOCALE_CODE.fullmatch(locale_code):
        normal = locale_code.replace("-", "_")
        for candidate in (normal, normal.partition("_")[0]):
            try:
                return Locale.parse(candidate)
            except (UnknownLocaleError, ValueError):
                continue
    return Locale("en")


@lru_cache(maxsize=512)
def _pattern(locale: Locale, places: int) -> NumberPattern:
    grouped = copy.copy(parse_pattern(locale.decimal_formats[None]))
    grouped.frac_prec = (places, places)
    return grouped


def format_minor(amount_minor: int, currency: str, locale: str, *, with_currency: bool) -> str:
    """Return an amount as text for people, exact to the minor unit.

    Digits are grouped as the locale does it, in Latin figures. A negative amount has a minus
    sign (U+2212) in front of the figures. ``with_currency`` adds the ISO code on the side on
    which the locale writes currencies: ``EUR 1,234.50``, ``1.234,50 EUR``.

    Raises WrongData for an unknown currency.
    """
    found = _locale_of(locale)
    figures = _pattern(found, exponent(currency)).apply(
        to_major(abs(amount_minor), currency), found
    )
    signed = f"{MINUS}{figures}" if amount_minor < 0 else figures
    if not with_currency:
        return signed
    if _writes_currency_first(found):
        return f"{currency}{NO_BREAK_SPACE}{signed}"
    return f"{signed}{NO_BREAK_SPACE}{currency}"


@lru_cache(maxsize=512)
def _writes_currency_first(locale: Locale) -> bool:
    positive: str = locale.currency_formats["standard"].pattern.partition(";")[0]
    return positive.index("¤") < positive.index("0")
