"""Close a day: its volume by all dimensions, its account movement, and its hours.

Day and hours come from one scan of the replica.
"""

import logging
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from psycopg import sql

from closebook.closes import boundaries, exceptions, execute, hour, missing_values, staging
from closebook.closes.hour import HourTotals
from closebook.closes.measures import ControlTotal
from closebook.closes.staging import LedgerTotals
from closebook.closes.values import Close, Content, Draft, Plan, Reading
from closebook.keys import KeyType
from closebook.periods import Period
from closebook.platform.source import Source
from closebook.settings import Run, Settings
from closebook.sql import query
from closebook.store.session import Store, on_store

log = logging.getLogger(__name__)


def close_day(settings: Settings, day: Period, run: Run) -> Close:
    """Close one business day and, from the same scan, its whole UTC hours.

    A day that is closed keeps its bounds, whatever the rules of its zone say by now. Returns the
    close of the day. Raises NotReady, Transient, or WrongData with the rows.
    """
    with on_store(settings) as store:
        day = boundaries.with_closing_bounds(store, day, run)

        def work(store: Store, reading: Reading) -> Plan:
            return Plan(staged_day(store, reading, day, run), locked=[day, *day.hours()])

        return execute.close(settings, store, day, run, [day, *day.hours()], work)[-1]


def stale_days(store: Store, reading: Reading, days: Sequence[Period]) -> list[Period]:
    """Return the closed days whose rows on the replica differ from what was closed.

    The control totals are compared: a late row changes the row count. A day with exceptions is
    always among them: what it left out may be mended, without another count or sum.
    """
    registered = _registered_totals(store, reading, days)
    close_ids = {day: reading.versions_before[day.grain, day.start] for day in registered}
    with_exceptions = exceptions.of_closes(store, [*close_ids.values()])
    return [
        day
        for day, was in registered.items()
        # guard: exceptions.day-is-tried-again
        if day in with_exceptions or was != _totals(reading.source, day)
    ]


def staged_day(store: Store, reading: Reading, day: Period, run: Run) -> list[Draft]:
    """Stage a day in the store; return a draft for each of its hours, then its own."""
    # The control totals are read at the same time, on a second connection with the same snapshot.
    with reading.source.second_reader() as second_reader, ThreadPoolExecutor() as scans:
        totals = scans.submit(_control_totals, second_reader, day)
        staging.stage(store, reading.source, "daily_volume", day)
        _warn_of_long_keys(store, day)
        staging.make_staged_table(store, "hourly_volume")
        store.execute(query("hourly_volume/stage_from_day"))
        hour_totals, ledger = totals.result()
    repeated = reading.source.rows("daily_volume/read_repeated", day.bounds)
    unnamed = missing_values.of_merchants_and_promotions(reading.source, day)
    volume = hour.sum_of_hours(hour_totals)
    reasons = {
        **_unwritable(store),
        **missing_values.reasons_of_day(reading.source, day),
        **hour.reasons_of_hours(hour_totals),
    }

    def insert(close_id: int) -> None:
        row = {
            "close_id": close_id,
            "business_day": day.first_date,
            "left_out_currencies": [*reasons],
            # The planner sees it as a constant.
            "has_text_merchants": reading.source.keys.merchants is KeyType.TEXT,
        }
        store.execute(query("daily_volume/insert"), row)
        # The largest table of a close: its rows go straight from the replica into it.
        key = [sql.SQL("{}::bigint").format(close_id), sql.Literal(day.first_date)]
        table = sql.Identifier("reporting", "daily_account_movement")
        entries = {**day.bounds, "left_out_currencies": [*ledger.left_out_currencies]}
        reading.source.copy_into(store, "daily_account_movement/read", table, entries, key)

    content = Content(
        insert=insert,
        totals=[*volume, *ledger.totals],
        changes=["daily_volume", "daily_account_movement"],
        tie_outs=["close_totals/check_rows_equal_source", "hourly_volume/check_hours_equal_day"],
        exceptions=[
            *exceptions.of_currencies(volume, reasons),
            *map(exceptions.of_repeated, repeated),
            *unnamed,
            *ledger.exceptions,
        ],
    )
    return [*hour.staged_hours(store, day, run, hour_totals), Draft(day, run, content)]


def _unwritable(store: Store) -> dict[str, str]:
    """Return the currencies of a staged day that its table cannot hold, with the reason."""
    return {
        row["currency"]: "row_incomplete" if row["has_no_merchant"] else "beyond_bigint"
        for row in store.execute(query("daily_volume/unwritable"))
    }


def _warn_of_long_keys(store: Store, day: Period) -> None:
    row = store.execute(query("daily_volume/too_long_keys")).fetchone()
    if row is not None and row["cell_count"]:
        log.warning(
            "%s: %d cells have a merchant category, user country or promotion funding of more than "
            "200 bytes; they are counted under its first 40 characters and its hash",
            day,
            row["cell_count"],
        )


def _totals(source: Source, day: Period) -> set[ControlTotal]:
    hour_totals, ledger = _control_totals(source, day)
    return {*hour.sum_of_hours(hour_totals), *ledger.totals}


def _control_totals(source: Source, day: Period) -> tuple[HourTotals, LedgerTotals]:
    return hour.control_totals(source, day), staging.ledger_totals(source, day)


def _registered_totals(
    store: Store, reading: Reading, days: Sequence[Period]
) -> dict[Period, set[ControlTotal]]:
    """Return the control totals that the store has for each of the days that is closed."""
    close_ids = {day: reading.versions_before.get((day.grain, day.start)) for day in days}
    rows = store.execute(
        query("close_totals/of_closes"), {"close_ids": [*close_ids.values()]}
    ).fetchall()
    return {
        day: {
            ControlTotal(
                row["measure"], row["currency"], row["row_count"], int(row["amount_minor"])
            )
            for row in rows
            if row["close_id"] == close_id
        }
        for day, close_id in close_ids.items()
        if close_id is not None
    }
