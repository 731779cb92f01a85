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
_WORD = re.compile(r"[^\W\d_]+\$?|[^\s\w]")
# Before the text is normalized: an accent that stands alone would become a blank then.
_APOSTROPHES = str.maketrans(dict.fromkeys("\u2018\u2019\u02bc\u2032\u00b4\u0060", "'"))
_MARKS = str.maketrans("\u066b\u066c", ".,")
_NO_CENTS = re.compile(r"(?<=\d)[.,](-{1,2})?(?=[^\d.,]*$)")
"""The end of ``1'234.-`` and of ``1234.``: no minus."""
_POINT_OF_A_WORD = re.compile(r"(?<=[^\W\d_])\.")
_SIGNS = (
    "kr zł kč ft lei лв руб дин ден r$ us$ a$ au$ c$ ca$ nz$ hk$ s$ sg$ nt$ mx$ fr sfr rs rp rm"
    " 円 元 圆 원"
)
"""Signs of currencies that are letters. Some have several countries: so each is any currency."""
_DIGITS_OF_A_GROUP = 3


def typed_amounts(text: str) -> list[tuple[int, str]]:
    """Return the amounts that a text may mean, each in minor units with its currency.

    A text can mean several: without a currency it may be of any currency, ``1,234`` may be 1234 or
    1.234, and without a sign it may be a credit or a debit. A text that is no amount means none.
    """
    plain = _POINT_OF_A_WORD.sub(" ", plain_figures(text))
    found = _AMOUNT.fullmatch(_NO_CENTS.sub("", plain).strip())
    if found is None:
        return []
    around = (found["before"] + " " + found["after"]).strip()
    words = [each for each in _WORD.findall(around) if each.casefold() not in _SIGNS.split()]
    codes = [each for each in words if _CODE.fullmatch(each)]
    marks = [each for each in words if each not in codes]
    if len(codes) > 1 or any(
        not (each in {"-", "(", "+", ")"} or unicodedata.category(each[0]) == "Sc")
        for each in marks
    ):
        return []
    is_negative = "-" in marks or "(" in marks
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


def plain_figures(text: str) -> str:
    """Return a text with ASCII digits, points, commas, apostrophes and minus, for any others."""
    normal = unicodedata.normalize("NFKC", text.translate(_APOSTROPHES)).translate(_MARKS)
    return " ".join("".join(map(_plain_character, normal)).split())


def _plain_character(character: str) -> str:
    kind = unicodedata.category(character)
    if kind == "Nd":
        return str(unicodedata.decimal(character))
    # Hyphens, dashes and the sign minus; and marks of the direction, which nobody sees.
    is_minus = kind == "Pd" or character == "\N{MINUS SIGN}"
    return "-" if is_minus else "" if kind == "Cf" else character


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
