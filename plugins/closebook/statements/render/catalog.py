"""The words of a page in the languages that the template has: one catalogue a language."""

import tomllib
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from babel import Locale

from closebook.money import locale_of

FOLDER = "words"
_OTHERWISE = Locale("en", "GB")


@dataclass(frozen=True, slots=True)
class Words:
    """One catalogue. Texts in braces are filled in by ``str.format``.

    No text counts anything in a sentence, so none needs a plural.
    """

    account_statement: str
    document_title: str
    account: str
    account_line: str
    period: str
    currency: str
    issued: str
    version: str
    corrected: str
    correction_reason: str
    daily_balance: str
    daily_balance_text: str
    from_to: str
    opening_balance: str
    closing_balance: str
    credits: str
    debits: str
    of_which_fees: str
    transactions: str
    date: str
    description: str
    counterparty: str
    reference: str
    debit: str
    credit: str
    balance: str
    no_movements: str
    fees: str
    fees_charged: str
    no_fees: str
    about: str
    about_amounts: str
    about_minus: str
    about_compare: str
    about_attachments: str
    replaced: str
    page_of: str


def language_of(folder: Path, locale_code: str) -> Locale:
    """The locale of a page's words and dates: the holder's if the template has its language."""
    found = locale_of(locale_code)
    return found if (folder / FOLDER / f"{found.language}.toml").is_file() else _OTHERWISE


@lru_cache(maxsize=64)
def words_in(folder: Path, language: str) -> Words:
    """The catalogue of a language. Raises TypeError when it lacks a text or has one too many."""
    with (folder / FOLDER / f"{language}.toml").open("rb") as file:
        return Words(**tomllib.load(file))
