"""Rates, and original amounts, as pages print them and as `verify` reads them."""

from decimal import Decimal
from functools import lru_cache

from babel.numbers import NumberPattern, parse_pattern

from closebook.money import NO_BREAK_SPACE, format_minor, locale_of

_MOST_PLACES = 10


def printed_original(amount_minor: int, original: str, locale: str) -> str:
    """Return an amount in the currency ``original``, in which it was ordered, without a sign."""
    return format_minor(abs(amount_minor), original, locale, with_currency=True)


def printed_rate(rate: Decimal, original: str, currency: str, locale: str) -> str:
    """Return what one unit of the original currency cost: ``1 USD = 0.9259 EUR``."""
    figures = _pattern().apply(rate, locale_of(locale))
    one, cost = (
        f"{each}{NO_BREAK_SPACE}{code}" for each, code in (("1", original), (figures, currency))
    )
    return f"{one} = {cost}"


@lru_cache(maxsize=1024)
def printed_percent(rate: Decimal, locale: str) -> str:
    """Return a rate in percent: ``1.25%``."""
    found = locale_of(locale)
    pattern = parse_pattern(found.percent_formats[None].pattern)
    pattern.frac_prec = (0, _MOST_PLACES)
    return str(pattern.apply(rate / 100, found))


@lru_cache(maxsize=1)
def _pattern() -> NumberPattern:
    pattern = parse_pattern("#,##0")
    pattern.frac_prec = (0, _MOST_PLACES)
    return pattern
