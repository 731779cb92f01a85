"""What a close leaves out because a view of the platform cannot compute one of its values."""

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
    """Return the UTC hours and currencies that an hour leaves out."""
    return frozenset(
        (hour_of(value.at).start, value.currency)
        for value in source.uncomputable
        if value.is_of_an_hour and value.at is not None
    )


def reasons_of_day(source: Source, day: Period) -> dict[str, str]:
    """Return the currencies that a day leaves out though its hours do not, each with the reason.

    A day reads more columns than its hours, such as the merchant.
    """
    return {
        value.currency: REASON
        for value in _of(source, "transactions")
        # guard: uncomputable.leaves-its-currency-out-of-the-day
        if not value.is_of_an_hour and value.at is not None and day.start <= value.at < day.end
    }


def reasons_of_accounts(source: Source) -> ReasonsOfAccounts:
    """Return why a close leaves out an account in a currency, by both.

    The currency is empty for all currencies of an account: if the account itself cannot be read, or
    the currency of its entry.
    """
    entries = {
        (_named(value.account_id), value.currency): REASON
        for value in _of(source, "ledger_entries")
    }
    return {**entries, **{(label(value.key), ""): REASON for value in _of(source, "accounts")}}


def with_reason(left_out: CloseException, reasons: ReasonsOfAccounts) -> CloseException:
    """Return the exception of an account, with the reason that these have for it, if any."""
    subject, currency = left_out.subject, left_out.currency
    reason = reasons.get((subject, currency)) or reasons.get((subject, ""))
    return left_out if reason is None else replace(left_out, reason=reason)


def of_merchants_and_promotions(source: Source, day: Period) -> list[CloseException]:
    """Return the exceptions of the day's merchants and promotions whose text cannot be computed.

    Their volume is complete, and counts under the text unknown.
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
