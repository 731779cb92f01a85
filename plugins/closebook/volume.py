"""The hour: settled volume by currency and kind, from a replica into reporting.hourly_volume."""

from closebook import closes, replicas
from closebook.closes import Close, Content, Store
from closebook.periods import Period
from closebook.queries import query
from closebook.replicas import Source
from closebook.settings import Run, Settings


def close_hour(settings: Settings, hour: Period, run: Run) -> Close:
    """Close one UTC hour. Raises NotReady, Transient, or WrongData with the rows."""

    def work(source: Source) -> Close:
        bounds = {"period_start": hour.start, "period_end": hour.end}
        with closes.writing(settings, hour, run) as store:
            store.execute(query("reporting/stage_hourly_volume"))
            source.copy_into(store, "hourly_volume", "staged_hourly_volume", bounds)
            totals = source.rows("volume_control_totals", bounds)
            content = Content(
                insert=lambda close_id: insert_hour(store, hour, close_id),
                totals=[("volume", totals)],
                changes=["hourly_volume"],
                tie_outs=["hourly_volume_equals_source"],
            )
            return closes.write(store, source, hour, run, content)

    return replicas.read(settings, hour, work)


def close_staged_hours(store: Store, source: Source, day: Period, run: Run) -> list[Close]:
    """Close the hours of a day again from the day's own scan, staged in the store.

    Returns one close an hour; an hour whose numbers were stale comes out "changed".
    """
    reason = f"closed again with {day}"
    closed = []
    for hour in day.hours():

        def insert(close_id: int, hour: Period = hour) -> None:
            insert_hour(store, hour, close_id)

        content = Content(insert=insert, totals=[], changes=["hourly_volume"], tie_outs=[])
        closed.append(closes.write(store, source, hour, Run(run.run_id, reason), content))
    return closed


def insert_hour(store: Store, hour: Period, close_id: int) -> None:
    """Write the staged rows of one hour under a close."""
    store.execute(
        query("reporting/insert_hourly_volume"),
        {"close_id": close_id, "period_start": hour.start},
    )
