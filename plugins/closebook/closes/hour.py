"""Close an hour: its settled volume by currency and kind goes to reporting.hourly_volume."""

import logging
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import chain

from psycopg.rows import DictRow

from closebook.closes import exceptions, execute, missing_values, refused_amounts, staging
from closebook.closes.measures import ControlTotal
from closebook.closes.values import Close, Content, Draft, Plan, Reading
from closebook.periods import Period
from closebook.platform.source import Source
from closebook.settings import Run, Settings
from closebook.sql import query
from closebook.store.session import Store, on_store

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class CurrencyTotal:
    """The control total of an hour's volume in one currency, and why it is left out, if it is."""

    total: ControlTotal
    reason: str | None


HourTotals = dict[datetime, list[CurrencyTotal]]


def close_hour(settings: Settings, hour: Period, run: Run) -> Close:
    """Close one UTC hour, without the currencies that have a row that cannot be counted.

    Raises NotReady, Transient, or WrongData with the rows.
    """

    def work(store: Store, reading: Reading) -> Plan:
        staging.stage(store, reading.source, "hourly_volume", hour)
        totals = control_totals(reading.source, hour)
        return Plan(_staged_hours(store, [hour], run, totals))

    with on_store(settings) as store:
        [close] = execute.close(settings, store, hour, run, [hour], work)
    return close


def staged_hours(store: Store, day: Period, run: Run, totals: HourTotals) -> list[Draft]:
    """Return a draft for each whole hour of a day whose rows are staged in the store."""
    again = replace(run, reason=f"closed again with {day}")
    return _staged_hours(store, day.hours(), again, totals)


def control_totals(source: Source, period: Period) -> HourTotals:
    """Return the control totals of the source's settled transactions, by UTC hour and currency."""
    totals: HourTotals = {}
    rows = source.rows("close_totals/read_volume", period.bounds)
    _log_other_status(source, period, sum(row["other_status_count"] for row in rows))
    is_amount_missing = any(row["impossible_count"] for row in rows)
    refused = refused_amounts.of_transactions(source, period) if is_amount_missing else {}
    not_computable = missing_values.hours_and_currencies(source)
    for row in rows:
        hour_start, currency = row["hour_start"].astimezone(UTC), row["currency"] or ""
        total = ControlTotal("volume", currency, row["row_count"], int(row["amount_minor"]))
        reason = _reason(row, refused.get((hour_start, currency)))
        if (hour_start, currency) in not_computable:  # guard: uncomputable.leaves-its-currency-out
            reason = missing_values.REASON
        found = CurrencyTotal(total, reason)
        totals.setdefault(hour_start, []).append(found)
    return totals


def _reason(row: DictRow, of_refused_amount: str | None) -> str | None:
    if not exceptions.is_known(row["currency"] or ""):
        return "unknown_currency"  # guard: exceptions.unknown-currency
    if row["other_status_count"]:
        return "unsettled_status"  # guard: exceptions.unsettled-status
    if row["impossible_count"]:
        return of_refused_amount or "row_impossible"  # guard: exceptions.impossible-row
    return None


def sum_of_hours(totals: HourTotals) -> list[ControlTotal]:
    """Return the sum of the totals of several hours, by currency."""
    counts: Counter[str] = Counter()
    amounts: Counter[str] = Counter()
    for found in chain.from_iterable(totals.values()):
        counts[found.total.currency] += found.total.row_count
        amounts[found.total.currency] += found.total.amount_minor
    return [ControlTotal("volume", c, count, amounts[c]) for c, count in counts.items()]


def reasons_of_hours(totals: HourTotals) -> dict[str, str]:
    """Return the currencies that an hour leaves out, with a reason of one of the hours."""
    return {
        found.total.currency: found.reason
        for found in chain.from_iterable(totals.values())
        if found.reason is not None
    }


def _log_other_status(source: Source, period: Period, count: int) -> None:
    """Name the transactions: the exceptions name their currency only."""
    if count:
        rows = source.rows("close_totals/read_other_status", period.bounds)
        shown = ", ".join(f"{row['transaction_id']} ({row['status']})" for row in rows)
        log.error(
            "%s: %d transactions have settled_at and a status that is not settled: %s; correct "
            "them, or the view reporting_source.transactions",
            period,
            count,
            shown,
        )


def _staged_hours(
    store: Store, hours: Iterable[Period], run: Run, totals: HourTotals
) -> list[Draft]:
    """Return a draft for each of these hours, whose rows are staged in the store."""
    beyond_bigint = {
        (row["hour_start"].astimezone(UTC), row["currency"])
        for row in store.execute(query("hourly_volume/beyond_bigint"))
    }

    def draft(hour: Period) -> Draft:
        found = totals.get(hour.start, [])
        reasons = {each.total.currency: each.reason for each in found if each.reason is not None}
        for start, currency in beyond_bigint:
            if start == hour.start:
                reasons.setdefault(currency, "beyond_bigint")

        def insert(close_id: int) -> None:
            row = {
                "close_id": close_id,
                "period_start": hour.start,
                "left_out_currencies": [*reasons],
            }
            store.execute(query("hourly_volume/insert"), row)

        content = Content(
            insert=insert,
            totals=[each.total for each in found],
            changes=["hourly_volume"],
            tie_outs=["hourly_volume/check_rows_equal_source"],
            exceptions=exceptions.of_currencies([each.total for each in found], reasons),
        )
        return Draft(hour, run, content)

    return [draft(hour) for hour in hours]
