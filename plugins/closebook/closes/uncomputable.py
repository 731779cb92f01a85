"""What a close leaves out since the platform's views cannot compute a value of it."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime

from closebook.closes.exceptions import CloseException, of_text
from closebook.closes.refused_amounts import ReasonsOfAccounts
from closebook.keys import NO_ACCOUNT, label
from closebook.periods import Period, hour_of
from closebook.platform.source import Source
from closebook.platform.uncomputable_values import UncomputableValue

REASON = "not_computable"
_KINDS = ("merchant", "promotion")


def hours_and_currencies(source: Source) -> frozenset[tuple[datetime, str]]:
    """Return the UTC hours and currencies with a transaction that no hour can count."""
    return frozenset(
        (hour_of(value.at).start, value.currency)
        for value in source.uncomputable
        if value.is_of_an_hour and value.at is not None
    )


def reasons_of_day(source: Source, day: Period) -> dict[str, str]:
    """Return the currencies with a transaction of the day that only its hours can count."""
    return {
        value.currency: REASON
        for value in _of(source, "transactions")
        # guard: uncomputable.leaves-its-currency-out-of-the-day
        if not value.is_of_an_hour and value.at is not None and day.start <= value.at < day.end
    }


def reasons_of_accounts(source: Source) -> ReasonsOfAccounts:
    """Return the reason by account and currency of the entries with such a value.

    That of an account which cannot be listed, or of a currency that is not known, holds for all
    currencies of the account: "".
    """
    entries = {
        (_named(value.account_id), value.currency): REASON
        for value in _of(source, "ledger_entries")
    }
    return {**entries, **{(label(value.key), ""): REASON for value in _of(source, "accounts")}}


def with_reason(left_out: CloseException, reasons: ReasonsOfAccounts) -> CloseException:
    """Return the exception of an account, with this reason if it lacks a value for it."""
    subject, currency = left_out.subject, left_out.currency
    reason = reasons.get((subject, currency)) or reasons.get((subject, ""))
    return left_out if reason is None else replace(left_out, reason=reason)


def of_merchants_and_promotions(source: Source, day: Period) -> list[CloseException]:
    """Return the exceptions of the merchants and promotions of the day with such a value.

    Their volume is complete, under the text unknown.
    """
    keys = {f"{kind}s": sorted({str(v.key) for v in _of(source, f"{kind}s")}) for kind in _KINDS}
    if not any(keys.values()):
        return []
    rows = source.rows("daily_volume/read_named", {**day.bounds, **keys})
    return [of_text(row["subject_kind"], row["subject_id"], REASON) for row in rows]


def _of(source: Source, view: str) -> Iterable[UncomputableValue]:
    return (value for value in source.uncomputable if value.view == view)


def _named(account_id: int | str | None) -> str:
    return NO_ACCOUNT if account_id is None else label(account_id)
