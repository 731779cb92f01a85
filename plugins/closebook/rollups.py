"""The day: volume by every dimension, account movement, and the day's hours from the same scan."""

from dataclasses import dataclass

from closebook import closes, volume
from closebook.closes import Close, Content, Reading
from closebook.periods import Grain, Period
from closebook.queries import query
from closebook.settings import Run, Settings


@dataclass(frozen=True)
class ClosedDay:
    """A day's close, and those of its hours whose stored numbers were stale and are repaired."""

    close: Close
    repaired_hours: tuple[Close, ...]


def close_day(settings: Settings, day: Period, run: Run) -> ClosedDay:
    """Close one business day and, from the same scan, its whole UTC hours.

    Raises NotReady, Transient, or WrongData with the rows.
    """

    def work(reading: Reading) -> ClosedDay:
        source = reading.source
        with closes.writing(settings, day, run) as store:
            store.execute(query("reporting/stage_daily_volume"))
            store.execute(query("reporting/stage_hourly_volume"))
            store.execute(query("reporting/stage_daily_account_movement"))
            source.copy_into(store, "daily_volume", "staged_daily_volume", day.bounds)
            source.copy_into(
                store, "daily_account_movement", "staged_daily_account_movement", day.bounds
            )
            store.execute(query("reporting/stage_hours_of_day"))
            hour_totals = volume.control_totals(source, day)
            ledger_totals = closes.ledger_totals(source, day)

            def insert(close_id: int) -> None:
                row = {"close_id": close_id, "business_day": day.first_date}
                store.execute(query("reporting/insert_daily_volume"), row)
                store.execute(query("reporting/insert_daily_account_movement"), row)

            hours = volume.close_staged_hours(store, reading, day, run, hour_totals)
            close = closes.write(
                store,
                reading,
                day,
                run,
                Content(
                    insert=insert,
                    totals=[*volume.sum_of_hours(hour_totals), *ledger_totals],
                    changes=["daily_volume", "daily_account_movement"],
                    tie_outs=[
                        "daily_volume_equals_source",
                        "hours_equal_day",
                        "movement_equals_source",
                    ],
                ),
            )
            return ClosedDay(close, tuple(h for h in hours if h.outcome == "changed"))

    return closes.close(settings, day, [Grain.DAY, Grain.HOUR], work)
