"""Staging tables: temporary tables of the store that receive the rows of a replica."""

from dataclasses import dataclass

from psycopg import sql

from closebook.closes import exceptions, missing_values, refused_amounts
from closebook.closes.exceptions import LARGEST_BIGINT, CloseException
from closebook.closes.measures import ControlTotal
from closebook.periods import Period
from closebook.platform.source import Source
from closebook.sql import query
from closebook.store.session import Store


def stage(store: Store, source: Source, name: str, period: Period) -> None:
    """Copy the rows of sql/<name>/read.sql to the store, into the table staged_<name>."""
    make_staged_table(store, name)
    source.copy_into(
        store, f"{name}/read", sql.Identifier("pg_temp", f"staged_{name}"), period.bounds
    )


def make_staged_table(store: Store, name: str) -> None:
    """Create the empty table staged_<name>; drop an earlier one of this transaction first."""
    earlier = sql.Identifier("pg_temp", f"staged_{name}")
    store.execute(sql.SQL("drop table if exists {}").format(earlier))
    store.execute(query(f"{name}/stage"))


@dataclass(frozen=True)
class LedgerTotals:
    """The control totals of a period's ledger entries, and what a day leaves out of them.

    ``left_out_currencies`` are the currencies of which all entries are left out.
    """

    totals: tuple[ControlTotal, ...]
    exceptions: tuple[CloseException, ...]
    left_out_currencies: tuple[str, ...]


def ledger_totals(source: Source, period: Period) -> LedgerTotals:
    """Add up a period's ledger entries by currency, without any join.

    The entries are read again by account only if one of them may have to be left out.
    """
    rows = source.rows("close_totals/read_ledger", period.bounds)
    totals = [
        ControlTotal("ledger", row["currency"] or "", row["row_count"], int(row["amount_minor"]))
        for row in rows
    ]
    unknown = [total for total in totals if not exceptions.is_known(total.currency)]
    left_out_currencies = tuple(total.currency for total in unknown)
    not_computable = missing_values.reasons_of_accounts(source)
    has_unknown_currency = "" in {currency for _, currency in not_computable}
    left_out = [
        exceptions.of_currency(
            total,
            missing_values.REASON
            if has_unknown_currency and not total.currency
            else "unknown_currency",
        )
        for total in unknown
    ]
    # If the credits of all accounts fit a bigint, so do those of each of them.
    if any(
        row["incomplete_count"] or max(row["credit_minor"], row["debit_minor"]) > LARGEST_BIGINT
        for row in rows
    ):
        parameters = {**period.bounds, "left_out_currencies": [*left_out_currencies]}
        accounts = source.rows("daily_account_movement/read_exceptions", parameters)
        refused = refused_amounts.of_accounts(source, period)
        left_out.extend(
            missing_values.with_reason(refused_amounts.with_reason(found, refused), not_computable)
            for found in map(exceptions.of_account, accounts)
        )
    return LedgerTotals(tuple(totals), tuple(left_out), left_out_currencies)
