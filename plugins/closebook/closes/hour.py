"""Close an hour: its settled volume by currency and kind goes to reporting.hourly_volume."""

from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime
from itertools import chain

from closebook.closes import execute, staging
from closebook.closes.model import Close, Content, ControlTotal, Draft, Plan, Reading
from closebook.errors import WrongData
from closebook.periods import Period
from closebook.platform.source import Source
from closebook.settings import Run, Settings
from closebook.sql import query
from closebook.store.session import Store

HourTotals = dict[datetime, list[ControlTotal]]


def close_hour(settings: Settings, hour: Period, run: Run) -> Close:
    """Close one UTC hour. Raises NotReady, Transient, or WrongData with the rows."""

    def work(store: Store, reading: Reading) -> Plan:
        staging.stage(store, reading.source, "hourly_volume", hour)
        totals = control_totals(reading.source, hour)
        return Plan([_staged_hour(store, hour, run, totals)])

    [close] = execute.close(settings, hour, run, [hour], work)
    return close


def staged_hours(store: Store, day: Period, run: Run, totals: HourTotals) -> list[Draft]:
    """Return a draft for each whole hour of a day whose rows are staged in the store."""
    again = replace(run, reason=f"closed again with {day}")
    return [_staged_hour(store, hour, again, totals) for hour in day.hours()]


def control_totals(source: Source, period: Period) -> HourTotals:
    """Add up the source's settled transactions by UTC hour and currency, in a bare scan.

    Raises WrongData when a status contradicts settled_at.
    """
    totals: HourTotals = {}
    rows = source.rows("close_totals/read_volume", period.bounds)
    _refuse_other_status(source, period, sum(row["other_status_count"] for row in rows))
    for row in rows:
        total = ControlTotal("volume", row["currency"], row["row_count"], row["amount_minor"])
        totals.setdefault(row["hour_start"].astimezone(UTC), []).append(total)
    return totals


def sum_of_hours(totals: HourTotals) -> list[ControlTotal]:
    """Return the sum of the totals of several hours, by currency."""
    counts: Counter[str] = Counter()
    amounts: Counter[str] = Counter()
    for total in chain.from_iterable(totals.values()):
        counts[total.currency] += total.row_count
        amounts[total.currency] += total.amount_minor
    return [ControlTotal("volume", c, count, amounts[c]) for c, count in counts.items()]


def _refuse_other_status(source: Source, period: Period, count: int) -> None:
    if count:
        rows = source.rows("close_totals/read_other_status", period.bounds)
        shown = ", ".join(f"{row['transaction_id']} ({row['status']})" for row in rows)
        raise WrongData(
            "CB-DATA-UNSETTLED-STATUS",
            f"{period}: {count} transactions have settled_at and a status that is not settled: "
            f"{shown}; correct them, or the view reporting_source.transactions",
        )


def _staged_hour(store: Store, hour: Period, run: Run, totals: HourTotals) -> Draft:
    def insert(close_id: int) -> None:
        row = {"close_id": close_id, "period_start": hour.start}
        store.execute(query("hourly_volume/insert"), row)

    content = Content(
        insert=insert,
        totals=totals.get(hour.start, []),
        changes=["hourly_volume"],
        tie_outs=["close_totals/check_rows_equal_source"],
    )
    return Draft(hour, run, content)
