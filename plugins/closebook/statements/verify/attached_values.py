"""Read the values of an attachment: amounts, rates, days, and texts as they are compared."""

import re
from datetime import date
from decimal import Decimal
from typing import NoReturn

from closebook.errors import WrongData
from closebook.money import exponent
from closebook.statements.formats.statement_csv import original_text_of_older_csv
from closebook.statements.verify.untrusted_pdf import CheckFailed

_AMOUNT = re.compile(r"(-?)(\d{1,18})(?:\.(\d{1,5}))?", re.ASCII)
_WITH_POWER_OF_TEN = re.compile(r"(-?\d{1,18})E-(\d)", re.ASCII)
_MINOR_UNITS = re.compile(r"-?\d{1,18}", re.ASCII)
PERCENT = re.compile(r"-?\d{1,11}(?:\.\d{1,10}|E-?\d{1,2})?", re.ASCII)
_RATE = re.compile(r"\d{1,11}(?:\.\d{1,10}|E-?\d{1,2})?", re.ASCII)
_COUNT = re.compile(r"\d{1,9}")


def comparable(text: str, length: int | None = None) -> str:
    """Return a text in the form in which XML and CSV are compared.

    It is on one line, at most as long as the XML allows, and without an apostrophe that an older
    CSV may have put in front.
    """
    cut = " ".join(text.split())[:length]
    return " ".join(original_text_of_older_csv(cut).split())


def decimals_of(currency: str) -> int:
    """Return the number of decimals of a currency. Raises CheckFailed for an unknown currency."""
    try:
        return exponent(currency)
    except WrongData as error:
        raise CheckFailed(f"{currency[:10]!r} is no currency with a minor unit") from error


def minor_of(text: str, decimals: int, what: str) -> int:
    """Return an amount of the XML in minor units. Raises CheckFailed if the text is no amount."""
    found = _AMOUNT.fullmatch(text)
    if found is None or len(found[3] or "") != decimals:
        _refuse_value(text, what, f"an amount with {decimals} decimals")
    return int(f"{found[1]}{found[2]}{found[3] or ''}")


def minor_of_csv(text: str, decimals: int, what: str) -> int:
    """Return an amount of the CSV in minor units. Raises CheckFailed if the text is no amount."""
    with_power = _WITH_POWER_OF_TEN.fullmatch(text)
    if with_power is not None and int(with_power[2]) == decimals:
        return int(with_power[1])
    return minor_of(text, decimals, what)


def refuse_other_minor_units(minor: int, stated: str, what: str) -> None:
    """Raise CheckFailed if the CSV states other minor units."""
    if not _MINOR_UNITS.fullmatch(stated) or int(stated) != minor:
        raise CheckFailed(f"{what} is {minor}, and {stated[:40]!r} in minor units")


def rate_of(
    text: str, what: str, name: str = "the exchange rate", form: re.Pattern[str] = _RATE
) -> Decimal:
    """Return a rate. Raises CheckFailed if the text is no rate."""
    if not form.fullmatch(text):
        _refuse_value(text, f"{name} of {what}", "a rate")
    return Decimal(text)


def number_of(text: str) -> int:
    """Return a whole number. Raises CheckFailed if the text is none."""
    if not _COUNT.fullmatch(text) or not text.isascii():
        _refuse_value(text, "the number of a line or a count", "a whole number")
    return int(text)


def day_of(text: str, what: str) -> date:
    """Return a day. Raises CheckFailed if the text is no day."""
    try:
        return date.fromisoformat(text)
    except ValueError:
        _refuse_value(text, f"the day of {what}", "a day")


def _refuse_value(text: str, what: str, wanted: str) -> NoReturn:
    raise CheckFailed(f"{what} is {text[:40]!r}, and not {wanted}")
