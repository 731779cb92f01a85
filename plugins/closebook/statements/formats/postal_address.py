"""A holder's address as the parts that ISO 20022 has for it.

From November 2026 on, banks refuse an address that has lines only: town and country must be
elements of their own, and up to two lines may have the rest. A platform's address is lines of text.
Where town and country are certain, they become elements; else the lines stay as they are.
"""

import re
from collections.abc import Sequence
from functools import lru_cache

from babel import Locale

from closebook.money import locale_of

_MAX_TOWN_LENGTH, _MAX_LINES_BESIDE_A_TOWN = 35, 2
_CODE_BEFORE_TOWN = re.compile(
    r"(?:[A-Z]{1,2}-)?(?P<PstCd>\d{4,6}|\d{3} \d{2}|\d{4} ?[A-Z]{2}) +(?P<TwnNm>[^\d,]+)"
)
_TOWN_BEFORE_STATE = re.compile(
    r"(?P<TwnNm>[^\d,]+),? (?P<CtrySubDvsn>[A-Z]{2}) (?P<PstCd>\d{5}(?:-\d{4})?)"
)
_TOWN_BEFORE_CODE = re.compile(
    r"(?P<TwnNm>[^\d,]+?),? (?P<PstCd>[A-Z]{1,2}\d[A-Z\d]? ?\d[A-Z]{2}|[A-Z]\d[A-Z] ?\d[A-Z]\d)"
)
_TOWN_ALONE = re.compile(r"(?P<TwnNm>[^\d,]+)")
_FORMS = (_CODE_BEFORE_TOWN, _TOWN_BEFORE_STATE, _TOWN_BEFORE_CODE, _TOWN_ALONE)
_ORDER = ("PstCd", "TwnNm", "CtrySubDvsn", "Ctry")

Parts = list[tuple[str, str]]


def structured(lines: Sequence[str], locale: str) -> Parts | None:
    """Return the parts of an address by their names in ISO 20022, in the order of the standard.

    Return None if the last line is no country, or if the town is not certain.
    ``locale`` is the holder's.
    """
    *rest, town_line, country_line = ["", "", *lines][-max(len(lines), 2) :]
    country = _countries(locale).get(country_line.casefold())
    if country is None or not town_line:
        return None
    found = next((it for form in _FORMS if (it := form.fullmatch(town_line))), None)
    if found is None or len(found["TwnNm"]) > _MAX_TOWN_LENGTH:
        return None
    kept = [*filter(None, rest)]
    if len(kept) > _MAX_LINES_BESIDE_A_TOWN:
        return None
    parts = {**found.groupdict(), "Ctry": country}
    return [(name, parts[name]) for name in _ORDER if name in parts] + [
        ("AdrLine", line) for line in kept
    ]


@lru_cache(maxsize=64)
def _countries(locale: str) -> dict[str, str]:
    """Return the code of each country by its names in English and in the locale's language."""
    names: dict[str, str] = {}
    for spoken in (Locale("en"), locale_of(locale)):
        for code, name in spoken.territories.items():
            if len(code) == len("GB") and code.isalpha():
                names[name.casefold()] = names[code.casefold()] = code
    return names
