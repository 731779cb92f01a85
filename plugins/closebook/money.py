"""Amounts of money: integers of minor units with a currency's code, and their text for readers.

The currencies are those of ISO 4217, and those that CLOSEBOOK_CURRENCIES names.
"""

import copy
import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Context, Decimal
from functools import lru_cache, partial

from babel import Locale, UnknownLocaleError
from babel.numbers import NumberPattern, parse_pattern

from closebook.errors import Misconfigured, WrongData
from closebook.iso4217 import MINOR_UNITS

MINUS = "\N{MINUS SIGN}"
NO_BREAK_SPACE = "\N{NO-BREAK SPACE}"

# The columns of the store hold codes of three letters; an amount in a bigint has 18 whole digits.
_OWN_CURRENCY = re.compile(r"(?P<code>[A-Z]{3})\s*=\s*(?P<places>[0-9]{1,2})", re.ASCII)
MOST_PLACES = 18

_LETTERS_OF_A_SCRIPT = 4
# Language, script, territory and variants. What may follow is no part of them: an encoding or a
# modifier (cs_CZ.UTF-8, sr_RS@latin), an extension (de-DE-u-co-phonebk), a list (de-DE,de;q=0.9).
_LOCALE_CODE = re.compile(
    r"([A-Za-z]{2,3}(?:[_-]+[A-Za-z0-9]{2,8})*)(?=$|[.@,;\s]|[_-][A-Za-z0-9]-)"
)
# The modifiers of POSIX that name a script.
_SCRIPT_OF_MODIFIER = {"latin": "Latn", "cyrillic": "Cyrl", "devanagari": "Deva"}
_BIGINT_PRECISION = Context(prec=60)


def known_currencies() -> Mapping[str, int]:
    """Return the decimal places of each currency: of ISO 4217, and of CLOSEBOOK_CURRENCIES.

    Raises Misconfigured if the setting cannot be read, or names a currency of ISO 4217.
    """
    return _with_own(os.environ.get("CLOSEBOOK_CURRENCIES", ""))


@lru_cache(maxsize=16)
def _with_own(setting: str) -> Mapping[str, int]:
    own: dict[str, int] = {}
    for item in filter(None, map(str.strip, setting.split(","))):
        found = _OWN_CURRENCY.fullmatch(item)
        # guard: money.own-currencies-are-readable
        if found is None or int(found["places"]) > MOST_PLACES or found["code"] in own:
            raise Misconfigured(
                "CB-CONFIG-CURRENCIES-UNREADABLE",
                f"CLOSEBOOK_CURRENCIES has {item!r}: write each code once, of three capital "
                f"letters, with the decimal places of its minor unit from 0 to {MOST_PLACES}, "
                "such as BTC=8,PTS=0",
            )
        if found["code"] in MINOR_UNITS:  # guard: money.iso-4217-stays-as-it-is
            raise Misconfigured(
                "CB-CONFIG-CURRENCY-OF-ISO-4217",
                f"CLOSEBOOK_CURRENCIES names {found['code']}, a currency of ISO 4217 with "
                f"{MINOR_UNITS[found['code']]} decimal places: choose another code for yours",
            )
        own[found["code"]] = int(found["places"])
    return {**MINOR_UNITS, **own}


def exponent(currency: str) -> int:
    """Decimal places of the minor unit of a currency's code: EUR 2, JPY 0, KWD 3.

    Raises WrongData for a code that names no currency with a minor unit.
    """
    places = known_currencies().get(currency)
    if places is None:  # guard: money.no-minor-unit
        raise WrongData(
            "CB-DATA-UNKNOWN-CURRENCY",
            f"{currency!r} is not an ISO 4217 currency with a minor unit, and CLOSEBOOK_CURRENCIES "
            "does not name it; correct the currency of these rows in the platform's tables, or the "
            "view that selects it, or name the code in the setting",
        )
    return places


def to_major(amount_minor: int, currency: str) -> Decimal:
    """The amount in major units, exact: 12345 minor units of EUR are Decimal('123.45')."""
    return Decimal(amount_minor).scaleb(-exponent(currency), _BIGINT_PRECISION)


def major_text(amount_minor: int, currency: str) -> str:
    """Return the amount in major units as digits with a point: of 12345 cents 123.45."""
    return _major_writer(exponent(currency))(amount_minor)


def major_writer(currency: str) -> Callable[[int], str]:
    """Return ``major_text`` of one currency, for many amounts."""
    return _major_writer(exponent(currency))


@lru_cache(maxsize=32)
def _major_writer(places: int) -> Callable[[int], str]:
    if not places:
        return str
    scale = 10**places

    def text(amount_minor: int) -> str:
        if amount_minor < 0:
            return f"-{-amount_minor // scale}.{-amount_minor % scale:0{places}d}"
        return f"{amount_minor // scale}.{amount_minor % scale:0{places}d}"

    return text


def locale_of(locale_code: str) -> Locale:
    """Return Babel's locale for a code such as ``de_CH``, ``pt-BR`` or ``sr_RS.UTF-8@latin``.

    Codes of BCP 47, POSIX, Java and HTTP are read. An unknown territory falls back to its language
    and script, an unknown language to English: a holder with an unusual setting gets a statement
    all the same.
    """
    return _locale_of(locale_code)


@lru_cache(maxsize=512)
def _locale_of(locale_code: str) -> Locale:
    written = _LOCALE_CODE.match(locale_code.strip())
    if written is None:
        return Locale("en")
    parts = re.split("[_-]+", written[1])
    modifier = locale_code.strip().partition("@")[2].lower()
    if modifier in _SCRIPT_OF_MODIFIER:
        parts.insert(1, _SCRIPT_OF_MODIFIER[modifier])
    scripts = [part.title() for part in parts[1:2] if len(part) == _LETTERS_OF_A_SCRIPT]
    for count in range(len(parts), 0, -1):
        try:
            found = Locale.parse("_".join(parts[:count]))
        except (UnknownLocaleError, ValueError):
            continue
        # Babel has no zh_Hant_CN, and gives zh_Hans_CN: then zh_Hant is what was asked for.
        if count == 1 or not scripts or found.script in (None, *scripts):
            return found
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
    signed = _writer(found, exponent(currency))(amount_minor)
    if not with_currency:
        return signed
    if _writes_currency_first(found):
        return f"{currency}{NO_BREAK_SPACE}{signed}"
    return f"{signed}{NO_BREAK_SPACE}{currency}"


def amount_writer(currency: str, locale: str) -> Callable[[int], str]:
    """Return ``format_minor`` of one currency and locale, without the code, for many amounts."""
    return _writer(_locale_of(locale), exponent(currency))


@lru_cache(maxsize=512)
def _writer(locale: Locale, places: int) -> Callable[[int], str]:
    form = _form(locale, places)
    figures = partial(_by_babel, places=places, locale=locale) if form is None else form.figures

    def text(amount_minor: int) -> str:
        return f"{MINUS}{figures(-amount_minor)}" if amount_minor < 0 else figures(amount_minor)

    return text


def _by_babel(amount_minor: int, places: int, locale: Locale) -> str:
    major = Decimal(amount_minor).scaleb(-places, _BIGINT_PRECISION)
    written: str = _pattern(locale, places).apply(major, locale)
    return written


@dataclass(frozen=True, slots=True)
class _Form:
    """How a locale writes figures in groups of three: the signs that divide groups and decimals."""

    places: int
    scale: int
    group: str
    point: str

    def figures(self, amount_minor: int) -> str:
        """Return the figures of an amount, in a tenth of the time of Babel."""
        if not self.places:
            return f"{amount_minor:,}".replace(",", self.group)
        whole, rest = divmod(amount_minor, self.scale)
        return f"{f'{whole:,}'.replace(',', self.group)}{self.point}{rest:0{self.places}d}"


_TRIED = (0, 1, 12, 123, 1_234, 12_345, 123_456, 1_234_567, 12_345_678, 9_876_543_210_123_456)


@lru_cache(maxsize=512)
def _form(locale: Locale, places: int) -> _Form | None:
    """Return the form of a locale's figures; None if Babel groups them otherwise, as for India."""
    symbols = locale.number_symbols["latn"]
    form = _Form(places, 10**places, symbols["group"], symbols["decimal"])
    equal = (form.figures(each) == _by_babel(each, places, locale) for each in _TRIED)
    return form if all(equal) else None  # guard: money.figures-are-those-of-babel


@lru_cache(maxsize=512)
def _writes_currency_first(locale: Locale) -> bool:
    positive: str = locale.currency_formats["standard"].pattern.partition(";")[0]
    return positive.index("¤") < positive.index("0")
