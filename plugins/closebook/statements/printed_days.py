"""The text of a day in a line of a statement. It fits a narrow column without a line break."""

from datetime import date
from functools import lru_cache
from unicodedata import east_asian_width

from babel import Locale
from babel.dates import format_date

# The column of the days has room for 13 letters in our fonts.
_ROOM = 13
_LONGEST_DAYS = tuple(date(2026, month, 28) for month in range(1, 13))


@lru_cache(maxsize=10_000)
def printed_day(day: date, locale: Locale) -> str:
    """Return a day in a locale's medium form, or in its numbers where that form is too long.

    The medium form of Portuguese, such as 28 de out. de 2026, would need two lines.
    """
    if _is_long(locale):  # guard: documents.days-do-not-wrap
        return format_date(day, _numbers_of(locale), locale=locale)
    return format_date(day, "medium", locale=locale)


@lru_cache(maxsize=512)
def _is_long(locale: Locale) -> bool:
    longest = max(_width(format_date(day, "medium", locale=locale)) for day in _LONGEST_DAYS)
    return longest > _ROOM


def _width(text: str) -> int:
    """Return the width of a text in letters. A wide one, such as a Chinese one, counts as two."""
    return sum(2 if east_asian_width(character) in "WF" else 1 for character in text)


@lru_cache(maxsize=512)
def _numbers_of(locale: Locale) -> str:
    """Return the pattern of the locale's short form, with all digits of the year."""
    pattern = str(locale.date_formats["short"].pattern)
    return pattern if "yyyy" in pattern else pattern.replace("yy", "y")
