"""Amounts in major units that are no number of minor units: they are refused with their rows.

A query gives such an amount as missing. Only if one is missing are the rows read again, to say why:
an amount that the platform does not have is another mistake than one with too many decimals.
"""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime

from closebook.closes.exceptions import NAMED_EXCEPTIONS, REASONS, CloseException
from closebook.keys import Key, label
from closebook.periods import Period
from closebook.platform.source import Source

log = logging.getLogger(__name__)

ReasonsOfHours = Mapping[tuple[datetime, str], str]
ReasonsOfAccounts = Mapping[tuple[str, str], str]

_SINCE_EVER = datetime.min.replace(tzinfo=UTC)


def of_transactions(source: Source, period: Period) -> ReasonsOfHours:
    """Return the reason by UTC hour and currency, and log the first transactions.

    Only a currency that is known has a factor, so no other text of the platform is logged.
    """
    rows = source.rows("close_totals/read_refused_amounts", period.bounds)
    refused = [
        f"{row['row_count']} transactions of {row['currency']}, the first is transaction "
        f"{_named(row['first_transaction_id'])} ({REASONS[row['reason']]})"
        for row in rows
    ]
    _log_first(refused, period)
    # Of several reasons the first of the alphabet counts.
    return {
        (row["hour_start"].astimezone(UTC), row["currency"]): row["reason"]
        for row in reversed(rows)
    }


def of_accounts(source: Source, period: Period) -> ReasonsOfAccounts:
    """Return the reason by account and currency, and log the first ledger entries."""
    return _of_accounts(source, period, period.start)


def of_balances(source: Source, month: Period) -> ReasonsOfAccounts:
    """Return the reason by account and currency, of all entries up to the end of the month."""
    return _of_accounts(source, month, _SINCE_EVER)


def _of_accounts(source: Source, period: Period, start: datetime) -> ReasonsOfAccounts:
    bounds = {"period_start": start, "period_end": period.end}
    rows = source.rows("daily_account_movement/read_refused_amounts", bounds)
    refused = [
        f"{row['row_count']} ledger entries of account {_named(row['account_id'])}, the first is "
        f"entry {_named(row['first_entry_id'])} ({REASONS[row['reason']]})"
        for row in rows
    ]
    _log_first(refused, period)
    return {(_named(row["account_id"]), row["currency"]): row["reason"] for row in rows}


def _named(key: Key | None) -> str:
    return str(key) if key is None else label(key)


def with_reason(left_out: CloseException, refused: ReasonsOfAccounts) -> CloseException:
    """Return the exception of an account, with the reason why its missing amount was refused."""
    reason = refused.get((left_out.subject, left_out.currency))
    if reason is None or left_out.reason != "row_incomplete":
        return left_out
    return replace(left_out, reason=reason)


def _log_first(refused: Sequence[str], period: Period) -> None:
    """Name the first rows: the exceptions name their account or currency only."""
    if refused:
        shown = "; ".join(refused[:NAMED_EXCEPTIONS])
        more = len(refused) - NAMED_EXCEPTIONS
        rest = f"; and {more} more" if more > 0 else ""
        log.error("%s: amounts are refused: %s%s", period, shown, rest)
