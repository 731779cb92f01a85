"""The texts of a page in the languages that the template has: a catalog file for each language."""

import tomllib
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from babel import Locale

from closebook.money import locale_of
from closebook.statements.holder_reasons import HOLDER_REASONS

TEMPLATE_VERSION = "v1"
FOLDER = "catalogs"
_DEFAULT = Locale("en", "GB")


@dataclass(frozen=True, slots=True)
class Catalog:
    """The texts of one language. Names in braces are filled in by ``str.format``.

    No text has a number in a sentence, so no text needs a plural form.
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
    entries_posted_late: str
    entries_corrected: str
    entries_missing: str
    fees_corrected: str
    opening_balance_corrected: str
    details_corrected: str
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

    def holder_texts(self, code: str | None, text: str | None) -> list[str]:
        """Return what a holder reads as the reason of a correction; nothing if there is none.

        ``code`` is one of HOLDER_REASONS, ``text`` the text of the run.
        """
        texts = [getattr(self, code)] if code is not None and code in HOLDER_REASONS else []
        texts += [text] if text else []
        return [self.correction_reason.format(reason=texts[0]), *texts[1:]] if texts else []


def page_locale(folder: Path, holder_locale: str) -> Locale:
    """Return the locale of a page's texts and dates.

    It is the holder's locale where the template has a catalog of its language, otherwise English.
    """
    found = locale_of(holder_locale)
    return found if (folder / FOLDER / f"{found.language}.toml").is_file() else _DEFAULT


@lru_cache(maxsize=64)
def load_catalog(folder: Path, language: str) -> Catalog:
    """Return the catalog of a language. Raises TypeError when a text is missing or unknown."""
    with (folder / FOLDER / f"{language}.toml").open("rb") as file:
        return Catalog(**tomllib.load(file))
