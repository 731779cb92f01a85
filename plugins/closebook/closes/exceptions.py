"""Exceptions: what a close leaves out of its source, by account or currency, with the reason.

A row that cannot be counted stops its account or its currency, and no other. What is left out is
written with the close, so that rows and exceptions together are what the source held. A merchant or
promotion that is listed more than once, or whose text cannot be computed, is an exception without
rows: its volume is complete, and only its category or funding may be missing.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from closebook.closes.measures import ControlTotal, Measure
from closebook.errors import WrongData
from closebook.keys import NO_ACCOUNT, label
from closebook.money import exponent
from closebook.periods import Period
from closebook.settings import Settings
from closebook.sql import query
from closebook.store.session import Store, on_store

LARGEST_BIGINT = 2**63 - 1
NAMED_EXCEPTIONS = 20
_NONE = NO_ACCOUNT

REASONS: Mapping[str, str] = {
    "account_incomplete": "the account has no number, holder, address, locale or currency",
    "account_not_listed": "reporting_source.accounts does not list the account",
    "account_repeated": "reporting_source.accounts lists the account more than once",
    "amount_inexact": "an amount is no whole number of minor units of its currency",
    "beyond_bigint": "an amount, a sum or a balance is beyond the largest bigint",
    "currency_differs": "its entries are in another currency than the account",
    "detail_unusable": (
        "an entry's value date, rate of interest, or original amount with currency and exchange "
        "rate, or the account's overdraft limit, is not complete or cannot be used"
    ),
    "entry_repeated": "an entry_id is there more than once",
    "key_unusable": (
        "a key is empty, longer than 200 bytes, or a text that names exceptions, such as none"
    ),
    "merchant_repeated": "reporting_source.merchants lists the merchant more than once; its volume "
    "is complete, under the category unknown if these rows differ",
    "not_computable": "the platform's view raises an error for a value, such as a cast that fails; "
    "the volume of a merchant or promotion is complete, under the category or funding unknown",
    "promotion_repeated": "reporting_source.promotions lists the promotion more than once; its "
    "volume is complete, under the funding unknown if these rows differ",
    "row_impossible": "a row has an amount below zero, no amount, or an unknown kind",
    "row_incomplete": "a row lacks a value that it must have",
    "unknown_currency": (
        "it is no ISO 4217 currency with a minor unit, and CLOSEBOOK_CURRENCIES does not name it"
    ),
    "unsettled_status": "a row has settled_at and a status that is not settled",
}
"""What each reason of reporting.close_exceptions means, in the words that a person reads."""


SubjectKind = Literal["account", "currency", "merchant", "promotion"]
_TEXTS: Mapping[SubjectKind, str] = {"merchant": "category", "promotion": "funding"}


@dataclass(frozen=True)
class CloseException:
    """The rows of one account or currency that a close leaves out: how many, and their sum.

    ``subject`` is the key of an account, merchant or promotion, or the currency, as the platform
    has it; a long key is shortened. ``amount_minor`` is in minor units of ``currency``. Of a
    merchant or promotion only the text is left out, and no row.
    """

    measure: Measure
    subject_kind: SubjectKind
    subject: str
    currency: str
    reason: str
    row_count: int
    amount_minor: int

    def __str__(self) -> str:
        text = REASONS.get(self.reason, self.reason)
        subject = f"{self.subject_kind} {self.subject}"
        if self.subject_kind in _TEXTS:
            return f"the {_TEXTS[self.subject_kind]} of {subject} ({self.reason}: {text})"
        return f"{self.measure} of {subject}, {self.row_count} rows ({self.reason}: {text})"


def is_known(currency: str) -> bool:
    """Whether the code is a currency with a minor unit, written as ISO 4217 does."""
    try:
        exponent(currency)
    except WrongData:
        return False
    return len(currency) == len("EUR") and currency.isascii() and currency.isupper()


def of_currency(total: ControlTotal, reason: str) -> CloseException:
    """Return the exception that leaves a currency out: all rows that its control total counts."""
    return CloseException(
        total.measure,
        "currency",
        total.currency or _NONE,
        total.currency,
        reason,
        total.row_count,
        total.amount_minor,
    )


def of_currencies(
    totals: Sequence[ControlTotal], reasons: Mapping[str, str]
) -> list[CloseException]:
    """Return the exceptions of the currencies that have a reason, in the order of the totals."""
    return [
        of_currency(total, reasons[total.currency]) for total in totals if total.currency in reasons
    ]


def of_account(row: Mapping[str, Any]) -> CloseException:
    """Return the exception of an account's rows in one currency, from a row of a query."""
    account_id = row["account_id"]
    return CloseException(
        "ledger",
        "account",
        _NONE if account_id is None else label(account_id),
        row["currency"] or "",
        row["reason"],
        row["row_count"],
        int(row["amount_minor"]),
    )


def of_repeated(row: Mapping[str, Any]) -> CloseException:
    """Return the exception of a merchant or promotion that is listed more than once."""
    kind: SubjectKind = row["subject_kind"]
    return of_text(kind, row["subject_id"], f"{kind}_repeated")


def of_text(kind: SubjectKind, subject: str, reason: str) -> CloseException:
    """Return the exception of a merchant or promotion whose text is left out, and no row."""
    return CloseException("volume", kind, subject, _NONE, reason, 0, 0)


def write(store: Store, close_id: int, exceptions: Sequence[CloseException]) -> None:
    """Write what a close leaves out to reporting.close_exceptions. Most leave out nothing."""
    if not exceptions:
        return
    store.execute(
        query("close_exceptions/insert"),
        {
            "close_id": close_id,
            "measures": [each.measure for each in exceptions],
            "subject_kinds": [each.subject_kind for each in exceptions],
            "subjects": [each.subject for each in exceptions],
            "currencies": [each.currency for each in exceptions],
            "reasons": [each.reason for each in exceptions],
            "row_counts": [each.row_count for each in exceptions],
            "amounts_minor": [each.amount_minor for each in exceptions],
        },
    )


def of_closes(store: Store, close_ids: Sequence[int]) -> dict[Period, list[CloseException]]:
    """Return what closes have left out, by period. A close that left out nothing is not there."""
    found: dict[Period, list[CloseException]] = {}
    asked = {"close_ids": [*close_ids]}
    for row in store.execute(query("close_exceptions/of_closes"), asked):
        exception = CloseException(
            row["measure"],
            row["subject_kind"],
            row["subject"],
            row["currency"],
            row["reason"],
            row["row_count"],
            int(row["amount_minor"]),
        )
        found.setdefault(Period.from_register(row), []).append(exception)
    return found


def named(period: Period, exceptions: Sequence[CloseException]) -> str:
    """Return the sentence that names what a close left out, the first 20 of them."""
    shown = "; ".join(map(str, exceptions[:NAMED_EXCEPTIONS]))
    more = len(exceptions) - NAMED_EXCEPTIONS
    rest = f"; and {more} more" if more > 0 else ""
    return f"{period} is closed without {shown}{rest}"


def refuse_exceptions(settings: Settings, close_ids: Sequence[int]) -> None:
    """Raise WrongData, naming them, if closes have exceptions. All else of the closes is done."""
    with on_store(settings) as store:
        found = of_closes(store, close_ids)
    if found:
        raise WrongData(
            "CB-DATA-CLOSED-WITH-EXCEPTIONS",
            f"{'; '.join(named(period, some) for period, some in found.items())}; the rest is "
            "closed: correct these rows, or the view that selects them, and close the period again",
        )
