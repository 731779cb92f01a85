"""Where closed days and months begin and end: as they were closed, whatever the rules say today.

The rules of a time zone change, and so does CLOSEBOOK_TIME_ZONE. What is closed keeps its bounds. A
day or a month that is closed for the first time has to meet those beside it, so that no instant
lies between two of them or in both. Only a person, with ``accept_boundary`` and a reason, lets it
begin or end elsewhere than today's rules say.
"""

import logging
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise

from psycopg.rows import DictRow

from closebook.errors import Misconfigured, NotReady, WrongData
from closebook.periods import Grain, Period, date_after, date_before, month_before
from closebook.settings import Run, Settings
from closebook.sql import query
from closebook.store.session import Store, on_store
from closebook.time_rules import rules_version

log = logging.getLogger(__name__)

DAG_OF = {Grain.DAY: "daily_rollups", Grain.MONTH: "monthly_statements"}


class BoundaryMoved(WrongData):
    """A day or a month does not begin where the one before it was closed to."""


def as_closed(store: Store, periods: Sequence[Period]) -> list[Period]:
    """Return the days, or the months: those that are closed with the bounds that they have."""
    if not periods:
        return []
    wanted = {"grain": periods[0].grain, "first_dates": [each.first_date for each in periods]}
    rows = store.execute(query("closes/as_closed"), wanted).fetchall()
    closed = {row["first_date"]: Period.from_register(row) for row in rows}
    return [closed.get(each.first_date, each) for each in periods]  # guard: time.bounds-as-closed


def refuse_removed_lines(store: Store, month: Period) -> None:
    """Raise WrongData if lines of the month have left the store: nothing can be compared."""
    removed = store.execute(
        query("line_archives/of_months"), {"first_date": month.first_date}
    ).fetchall()
    if removed:  # guard: retention.removed-month-is-not-closed
        raise WrongData(
            "CB-DATA-MONTH-LINES-REMOVED",
            f"{month}: its lines have left the reporting store by retention, so it is not closed "
            "again: closebook archived-lines prints them",
        )


def closed_from(settings: Settings, grain: Grain, start: datetime) -> Period | None:
    """Return the closed day or month that begins at an instant, or None."""
    with on_store(settings) as store:
        row = store.execute(
            query("closes/starting_at"), {"grain": grain, "period_start": start}
        ).fetchone()
    return None if row is None else Period.from_register(row)


def with_closing_bounds(store: Store, period: Period, run: Run) -> Period:
    """Return a day or a month with the bounds under which it is to be closed.

    A period that is closed already keeps its bounds; any other one has those of today's rules. A
    run that accepts the boundary takes those of the closed periods beside it instead; a period that
    is closed keeps its start even then. Raises BoundaryMoved when the period does not meet those
    beside it, or was closed in another time zone; Misconfigured without a reason for the boundary.
    """
    [found] = as_closed(store, [period])
    is_closed = found is not period
    # guard: time.zone-as-closed
    if found.time_zone != period.time_zone and not run.accept_boundary:
        raise BoundaryMoved(
            "CB-DATA-OTHER-ZONE-THAN-CLOSED",
            f"{found} was closed in the time zone {found.time_zone}, and CLOSEBOOK_TIME_ZONE is "
            f"{period.time_zone} now: set it back; or, if it was changed on purpose, trigger "
            f"{DAG_OF[found.grain]} by hand with the {found.grain} {found.label}, accept_boundary "
            "and a reason: it is then closed again as it was",
        )
    if run.accept_boundary:
        moved = _with_bounds_of_neighbours(store, found, is_closed=is_closed)
        if moved != found:
            if run.reason is None:  # guard: time.accepted-boundary-has-reason
                raise Misconfigured(
                    "CB-CONFIG-BOUNDARY-WITHOUT-REASON",
                    f"{found}: a boundary is accepted only with a reason, which the register "
                    "keeps: trigger it again with a reason",
                )
            log.warning("the boundary of %s is accepted: it is closed as %s", found, moved)
            found = moved
    refuse_boundary_mismatch(store, found, is_closed=is_closed)
    return found


def refuse_boundary_mismatch(store: Store, period: Period, *, is_closed: bool) -> None:
    """Raise BoundaryMoved unless a day or a month meets the closed periods beside it.

    ``is_closed`` says that it has a current version already.
    """
    for row in _adjacent(store, period, is_closed=is_closed):
        own = period.start if row["side"] == "start" else period.end
        if row["instant"] != own:  # guard: time.boundaries-meet
            text = _mismatch_text(period, row, own, is_closed=is_closed)
            raise BoundaryMoved("CB-DATA-BOUNDARY-MOVED", text)


def refuse_gaps(days: Sequence[Period], closed_starts: set[datetime]) -> None:
    """Raise BoundaryMoved for a gap or an overlap between a closed day and the closed one after."""
    for one, following in pairwise(days):
        if {one.start, following.start} <= closed_starts and one.end != following.start:
            raise BoundaryMoved(
                "CB-DATA-DAYS-DO-NOT-MEET",
                f"{one} and {following} are closed and do not meet: "
                f"{_between(one.end, following)}; trigger {DAG_OF[Grain.DAY]} with the day "
                f"{one.label}, accept_boundary and a reason: it then ends where {following.label} "
                "begins",
            )


def refuse_missing_months(store: Store, month: Period) -> None:
    """Raise NotReady when a month was closed before and those in between are not.

    The openings of a month are compared with the closings of the last closed month before it.
    """
    row = store.execute(query("closes/month_before"), {"first_date": month.first_date}).fetchone()
    if row is None:
        return
    awaited, missing = month_before(month), []
    while awaited.first_date > row["first_date"]:
        missing.append(awaited.label)
        awaited = month_before(awaited)
    if missing:  # guard: time.months-follow-each-other
        first, last = missing[-1], missing[0]
        shown = first if first == last else f"{first} … {last}"
        raise NotReady(
            "CB-WAIT-MONTHS-NOT-CLOSED",
            f"{month}: {len(missing)} months before it are not closed ({shown}), but an earlier "
            f"one is: {DAG_OF[Grain.MONTH]} has to close them first, by its run or a backfill",
        )


def days_of(store: Store, month: Period) -> list[Period]:
    """Return the business days of a month, those that are closed with the bounds that they have."""
    return as_closed(store, list(month.days()))


def previous_month(store: Store, month: Period) -> Period:
    """Return the month before this one, with the bounds that it has if it is closed."""
    [before] = as_closed(store, [month_before(month)])
    return before


def _with_bounds_of_neighbours(store: Store, period: Period, *, is_closed: bool) -> Period:
    """Return the period with the bounds of the closed ones beside it.

    If it is closed itself, it keeps its start.
    """
    instants: dict[str, datetime] = {}
    for row in _adjacent(store, period, is_closed=is_closed):
        instants.setdefault(row["side"], row["instant"].astimezone(UTC))
    start = period.start if is_closed else instants.get("start", period.start)
    dates = (period.first_date, period.last_date)
    return replace(period, start=start, end=instants.get("end", period.end), dates=dates)


def _adjacent(store: Store, period: Period, *, is_closed: bool) -> list[DictRow]:
    rows = store.execute(
        query("closes/adjacent_boundaries"),
        {
            "grain": period.grain,
            "first_date": period.first_date,
            "last_date": period.last_date,
            "date_before": date_before(period.first_date, period.time_zone),
            "date_after": date_after(period.last_date, period.time_zone),
        },
    ).fetchall()
    # A closed period is compared here with those of its own grain only. The checks of a month
    # compare it with its days.
    return [row for row in rows if not is_closed or row["grain"] == period.grain]


def _mismatch_text(period: Period, row: DictRow, own: datetime, *, is_closed: bool) -> str:
    other = Period.from_register(row)
    is_start = row["side"] == "start"
    does = "begins" if is_start else "ends"
    did = "began" if is_start == row["is_same_date"] else "ended"
    text = (
        f"{period} ({period.time_zone}, tzdata {rules_version(period.time_zone)}) {does} at "
        f"{own.isoformat()}, and {other.grain} {other.label} was closed so that it {did} at "
        f"{row['instant'].astimezone(UTC).isoformat()} ({other.time_zone}, tzdata "
        f"{row['tzdata_version'] or 'not recorded'}): entries between the two instants would be on "
        "no statement, or on two. The rules of the zone changed, or CLOSEBOOK_TIME_ZONE did. "
    )
    again, ours = (other, period) if is_closed and is_start else (period, other)
    return text + (
        "If CLOSEBOOK_TIME_ZONE was changed by mistake, set it back. Otherwise trigger "
        f"{DAG_OF[again.grain]} by hand with the {again.grain} {again.label}, accept_boundary and "
        f"a reason: it then meets {ours.grain} {ours.label}. See docs/time.md"
    )


def _between(end: datetime, following: Period) -> str:
    apart: timedelta = following.start - end
    return f"a span of {abs(apart)} is in {'neither' if apart > timedelta(0) else 'both'} of them"
