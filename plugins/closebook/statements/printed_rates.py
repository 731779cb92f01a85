"""Original amounts and their rates as pages print them, and as `verify` reads them."""

from functools import lru_cache

from babel.numbers import NumberPattern, parse_pattern

from closebook.money import NO_BREAK_SPACE, format_minor, locale_of
from closebook.statements.model import Original

_MOST_PLACES = 10


def printed_original(original: Original, locale: str) -> str:
    """Return the amount in the currency in which it was ordered, without a sign."""
    return format_minor(abs(original.amount_minor), original.currency, locale, with_currency=True)


def printed_rate(original: Original, currency: str, locale: str) -> str:
    """Return what one unit of the original currency cost: ``1 USD = 0.9259 EUR``."""
    rate = _pattern().apply(original.rate, locale_of(locale))
    one, other = (
        f"{figures}{NO_BREAK_SPACE}{code}"
        for figures, code in (("1", original.currency), (rate, currency))
    )
    return f"{one} = {other}"


@lru_cache(maxsize=1)
def _pattern() -> NumberPattern:
    pattern = parse_pattern("#,##0")
    pattern.frac_prec = (0, _MOST_PLACES)
    return pattern
