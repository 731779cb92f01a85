"""The forms in which the locales of Babel write days and amounts."""

from collections.abc import Iterator
from datetime import date
from functools import lru_cache

from babel import Locale, localedata
from babel.dates import format_date

from closebook.money import format_minor, locale_of
from closebook.statements.printed_days import printed_day
from closebook.statements.verify.page_texts import plain

_SAMPLE_AMOUNTS_MINOR = (1_234_567_890_123, 1_234_567, -5)


class PrintedDays(dict[tuple[date, date | None], set[str]]):
    """The texts of each day, with the value date below it if there is one, in all locales."""

    def __init__(self, language: str) -> None:
        found = locale_of(language)
        self._locales = [
            Locale.parse(code) for code in _locales() if code.split("_")[0] == found.language
        ]
        self._is_mirrored = found.text_direction == "rtl"

    def key(self, text: str) -> str:
        """Return a text in the form in which days are compared.

        A page in a language that is written from right to left has the characters in the order of
        their glyphs. Only the characters are compared there, and not their order.
        """
        without_blanks = plain(text).replace(" ", "")
        return "".join(sorted(without_blanks)) if self._is_mirrored else without_blanks

    def __missing__(self, days: tuple[date, date | None]) -> set[str]:
        day, value_date = days
        if value_date is not None:
            written = {
                self.key(printed_day(day, locale) + printed_day(value_date, locale))
                for locale in self._locales
            }
        else:
            # The medium form is that of statements that were issued before there was another one.
            written = {
                self.key(text)
                for locale in self._locales
                for text in (printed_day(day, locale), format_date(day, "medium", locale=locale))
            }
        self[days] = written
        return written


def distinct_locales(currency: str, language: str) -> Iterator[str]:
    """Yield one locale for each way of writing amounts, the locales of the language first."""
    seen = set()
    for code in sorted(_locales(), key=lambda code: (code.split("_")[0] != language, code)):
        sample = _sample(currency, code)
        if sample not in seen:
            seen.add(sample)
            yield code


# All of one currency take a second, and a file that differs is compared with each of them.
@lru_cache(maxsize=8_192)
def _sample(currency: str, locale: str) -> tuple[str, ...]:
    return tuple(
        format_minor(minor, currency, locale, with_currency=False)
        for minor in _SAMPLE_AMOUNTS_MINOR
    )


@lru_cache(maxsize=1)
def _locales() -> tuple[str, ...]:
    return tuple(sorted(localedata.locale_identifiers()))
