"""When the close of an hour, a day or a month is late, and which periods have a late close."""

from collections.abc import Iterator, Sequence
from datetime import datetime, time

from closebook import periods
from closebook.periods import DAY, HOUR, MINUTE, Grain, Period
from closebook.sql import query
from closebook.store.session import Store

_HOUR_IS_LATE_AFTER = 15 * MINUTE
_DAY_IS_LATE_AT = time(6)
# More than the longest month, and the day after which it is late.
_LONGEST_MONTH = 33 * DAY


def late_at(period: Period) -> datetime:
    """Return the instant from which the period's close is late.

    An hour 15 minutes after its end, a day at 06:00 of the next one, a month when the second day of
    the next one begins; the times of day are those of the business time zone.
    """
    if period.grain is Grain.HOUR:
        return period.end + _HOUR_IS_LATE_AFTER
    next_date = periods.date_after(period.last_date, period.time_zone)
    if period.grain is Grain.DAY:
        return periods.instant_of(next_date, _DAY_IS_LATE_AT, period.time_zone)
    second = periods.date_after(next_date, period.time_zone)
    return periods.day_of(second, period.time_zone).start


def late_periods(
    store: Store, grain: Grain, time_zone: str, since: datetime, now: datetime
) -> list[Period]:
    """Return the periods that became late between two instants and are not closed, oldest first."""
    due = [each for each in _periods(grain, time_zone, since, now) if since <= late_at(each) <= now]
    rows = store.execute(
        query("closes/unclosed"),
        {"grain": grain, "period_starts": [each.start for each in due]},
    )
    unclosed = {row["period_start"] for row in rows}
    return [each for each in due if each.start in unclosed]


def _periods(grain: Grain, time_zone: str, since: datetime, now: datetime) -> Sequence[Period]:
    """Return the periods from the one before the first that can be late, to the present one."""
    if grain is Grain.HOUR:
        return [*_hours(since - 2 * HOUR, now)]
    if grain is Grain.DAY:
        first = periods.local_date(since - 3 * DAY, time_zone)
        return [*periods.days_between(first, periods.local_date(now, time_zone), time_zone)]
    return [*_months(time_zone, since - _LONGEST_MONTH, now)]


def _hours(since: datetime, now: datetime) -> Iterator[Period]:
    hour = periods.hour_of(since)
    while hour.start <= now:
        yield hour
        hour = periods.hour_of(hour.end)


def _months(time_zone: str, since: datetime, now: datetime) -> Iterator[Period]:
    month = periods.month_containing(since, time_zone)
    while month.start <= now:
        yield month
        month = periods.month_containing(month.end, time_zone)
