"""Amounts as people type them: with the marks of any country, with a currency or without."""

import re
import unicodedata
from collections.abc import Mapping
from decimal import Decimal

from closebook.money import known_currencies

_LARGEST = 2**63 - 1
_AMOUNT = re.compile(
    r"(?P<before>[^\d.,]{0,8}?)(?P<figures>(?:\d|[.,]\d)(?:[\d.,' ]*\d)?)(?P<after>[^\d.,]{0,8})"
)
_CODE = re.compile(r"[A-Za-z]{3}")
_MARKS = str.maketrans("٫٬’\u2019\u02bc\u066b\u066c", ".,'''.,")
_MINUS = "-\N{MINUS SIGN}\N{EN DASH}("
_DIGITS_OF_A_GROUP = 3


def typed_amounts(text: str) -> list[tuple[int, str]]:
    """Return the amounts that a text may mean, each in minor units with its currency.

    A text can mean several: without a currency it may be of any currency, ``1,234`` may be 1234 or
    1.234, and without a sign it may be a credit or a debit. A text that is no amount means none.
    """
    found = _AMOUNT.fullmatch(_plain(text))
    if found is None:
        return []
    around = (found["before"] + " " + found["after"]).strip()
    codes = _CODE.findall(around)
    marks = _CODE.sub("", around)
    if len(codes) > 1 or any(
        not (each in _MINUS + "+)" or each.isspace() or unicodedata.category(each) == "Sc")
        for each in marks
    ):
        return []
    is_negative = any(each in _MINUS for each in marks)
    signs = (-1,) if is_negative else (1,) if "+" in marks else (1, -1)
    places = _places(codes[0].upper() if codes else None)
    amounts = {
        (sign * int(minor), currency)
        for number in _numbers(found["figures"])
        for currency, digits in places.items()
        if (minor := number.scaleb(digits)) == minor.to_integral_value() and minor <= _LARGEST
        for sign in signs
    }
    return sorted(amounts)


def _plain(text: str) -> str:
    """Return a text with ASCII digits, points, commas and apostrophes, for those of any script."""
    normal = unicodedata.normalize("NFKC", text).translate(_MARKS)
    figures = (
        str(unicodedata.decimal(each)) if unicodedata.category(each) == "Nd" else each
        for each in normal
        if unicodedata.category(each) != "Cf"
    )
    return " ".join("".join(figures).split())


def _places(code: str | None) -> Mapping[str, int]:
    known = known_currencies()
    if code is None:
        return known
    return {code: known[code]} if code in known else {}


def _numbers(figures: str) -> set[Decimal]:
    """Return the numbers that digits may mean: a point or a comma may be the decimal mark."""
    text = figures.replace(" ", "").replace("'", "")
    marks = [each for each in text if each in ".,"]
    numbers = set()
    if not marks or len(set(marks)) == 1:
        groups = re.split(r"[.,]", text)
        if all(len(each) in (2, _DIGITS_OF_A_GROUP) for each in groups[1:]) and (
            len(groups) == 1 or len(groups[-1]) == _DIGITS_OF_A_GROUP
        ):
            numbers.add(Decimal("".join(groups)))
    last = max(text.rfind("."), text.rfind(","))
    if last >= 0 and marks.count(text[last]) == 1:
        whole = text[:last].replace(",", "").replace(".", "")
        numbers.add(Decimal(f"{whole or '0'}.{text[last + 1 :]}"))
    return numbers
