"""Hours, days and months as half-open intervals [start, end): the only date arithmetic here.

Hours are UTC hours. Days and months are those of the business time zone: a day begins at the
first instant that the zone's clocks show its date, so it has 23 or 25 hours when they change.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta, timezone
from enum import StrEnum
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from closebook.errors import Misconfigured

HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
SECOND = timedelta(seconds=1)
MINUTE = timedelta(minutes=1)
MICROSECOND = timedelta(microseconds=1)
_LARGEST_OFFSET = timedelta(hours=14)


class Grain(StrEnum):
    """The three lengths of a period."""

    HOUR = "hour"
    DAY = "day"
    MONTH = "month"


@dataclass(frozen=True)
class Period:
    """A half-open interval [start, end) of instants, in UTC, of one grain.

    ``time_zone`` is the business time zone of days and months, and UTC for hours. ``dates`` are
    its first and last business date. A period of the register has the dates that it was closed
    with. Without ``dates`` they are computed by the zone's present rules.
    """

    grain: Grain
    start: datetime
    end: datetime
    time_zone: str
    dates: tuple[date, date] | None = field(default=None, compare=False, repr=False)

    def __post_init__(self) -> None:
        if self.start.tzinfo is not UTC or self.end.tzinfo is not UTC:
            raise Misconfigured(
                "CB-CONFIG-PERIOD-NOT-IN-UTC",
                f"a {self.grain} must be given in UTC, not {self.start.tzinfo}",
            )
        if self.start >= self.end:
            raise Misconfigured(
                "CB-CONFIG-PERIOD-EMPTY",
                f"the {self.grain} of {self.start.isoformat()} is empty: the zone skipped it",
            )

    @classmethod
    def from_register(cls, row: Mapping[str, Any]) -> "Period":
        """Return the period of a row of the register, with the dates that it was closed under."""
        start, end = row["period_start"].astimezone(UTC), row["period_end"].astimezone(UTC)
        first, last = row["first_date"], row["last_date"]
        dates = None if first is None else (first, last)  # guard: time.dates-as-closed
        return cls(Grain(row["grain"]), start, end, row["time_zone"], dates)

    @property
    def first_date(self) -> date:
        """The business date on which the period begins."""
        return self.dates[0] if self.dates else local_date(self.start, self.time_zone)

    @property
    def last_date(self) -> date:
        """The last business date inside the period."""
        return self.dates[1] if self.dates else local_date(self.end - MICROSECOND, self.time_zone)

    @property
    def bounds(self) -> dict[str, object]:
        """The parameters that every query of a period takes.

        Transactions are found by their UTC hour. ``has_whole_hours`` is false where the period
        begins or ends within one, and the query has to look at the instant too.
        """
        return {
            "period_start": self.start,
            "period_end": self.end,
            # guard: bounds.day-begins-within-an-hour, bounds.day-ends-within-an-hour
            "has_whole_hours": _begins_an_hour(self.start) and _begins_an_hour(self.end),
        }

    @property
    def label(self) -> str:
        """The short name: 2026-10-31T14Z, 2026-10-31 or 2026-10."""
        if self.grain is Grain.HOUR:
            return self.start.strftime("%Y-%m-%dT%HZ")
        if self.grain is Grain.DAY:
            return self.first_date.isoformat()
        return self.first_date.strftime("%Y-%m")

    def __str__(self) -> str:
        return f"{self.grain} {self.label} [{self.start.isoformat()}, {self.end.isoformat()})"

    def hours(self) -> Iterator["Period"]:
        """The whole UTC hours inside the period, in order.

        An hour that lies partly in another day is left out. There are such hours where the zone's
        offset from UTC is not a whole number of hours.
        """
        start = hour_of(self.start).start
        if start < self.start:
            start += HOUR
        while start + HOUR <= self.end:
            yield hour_of(start)
            start += HOUR

    def days(self) -> Iterator["Period"]:
        """The business days inside the period, in order."""
        return days_between(self.first_date, self.last_date, self.time_zone)


def zone(time_zone: str) -> ZoneInfo:
    """Return the zone by its IANA name. Raises Misconfigured for an unknown one."""
    try:
        return ZoneInfo(time_zone)
    except (ZoneInfoNotFoundError, ValueError) as error:
        raise Misconfigured(
            "CB-CONFIG-UNKNOWN-TIME-ZONE",
            f"unknown time zone {time_zone!r}: set CLOSEBOOK_TIME_ZONE to an IANA name, "
            "such as America/New_York",
        ) from error


def with_offset_of_midnight(
    instant: datetime, midnight: datetime, date_of_midnight: date
) -> datetime:
    """Return an instant with the offset from UTC that a midnight has.

    The register keeps a period's midnight and its date. So the offset is computed from them, by the
    rules of the time zone of then, and does not change with later rules.
    """
    offset = datetime.combine(date_of_midnight, time(), UTC) - midnight
    # The clocks of the nineteenth century had seconds in their offset, and no document has them.
    if offset % MINUTE or abs(offset) > _LARGEST_OFFSET:
        return instant.astimezone(UTC)
    return instant.astimezone(timezone(offset))


def local_date(instant: datetime, time_zone: str) -> date:
    """Return the date that the zone's clocks show at the instant."""
    return instant.astimezone(zone(time_zone)).date()


def hour_of(instant: datetime) -> Period:
    """Return the UTC hour that holds the instant."""
    start = instant.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
    return Period(Grain.HOUR, start, start + HOUR, "UTC")


def day_of(day: date, time_zone: str) -> Period:
    """Return a business day. Raises Misconfigured for a date that the zone skipped."""
    start, end = _midnight(day, time_zone), _midnight(day + DAY, time_zone)
    return Period(Grain.DAY, start, end, time_zone, (day, day))


def days_between(first: date, last: date, time_zone: str) -> Iterator[Period]:
    """The business days from one date to another, both included, without those that were skipped.

    A zone that crosses the date line skips one.
    """
    day = first
    while day <= last:
        if is_day(day, time_zone):
            yield day_of(day, time_zone)
        day += DAY


def is_day(day: date, time_zone: str) -> bool:
    """Whether the zone's clocks ever show the date."""
    return _midnight(day, time_zone) < _midnight(day + DAY, time_zone)


def date_before(day: date, time_zone: str) -> date:
    """Return the last business date before another one."""
    before = day - DAY
    return before if is_day(before, time_zone) else date_before(before, time_zone)


def date_after(day: date, time_zone: str) -> date:
    """Return the first business date after another one."""
    after = day + DAY
    return after if is_day(after, time_zone) else date_after(after, time_zone)


def instant_of(day: date, clock: time, time_zone: str) -> datetime:
    """Return the instant, in UTC, at which the zone's clocks show a time of a date.

    The first one if they show it twice; the offset before the change counts if they never do.
    """
    return datetime.combine(day, clock, zone(time_zone)).astimezone(UTC)


def day_containing(instant: datetime, time_zone: str) -> Period:
    """Return the business day that holds the instant."""
    day = local_date(instant, time_zone)
    if instant >= _midnight(day + DAY, time_zone):
        day += DAY
    elif instant < _midnight(day, time_zone):
        day -= DAY
    return day_of(day, time_zone)


def month_of(year: int, month: int, time_zone: str) -> Period:
    """Return a business month."""
    try:
        first = date(year, month, 1)
        start, end = _midnight(first, time_zone), _midnight(_next_month(first), time_zone)
    except (ValueError, OverflowError) as error:
        raise Misconfigured(
            "CB-CONFIG-NO-SUCH-MONTH", f"there is no month {year:04}-{month:02} to close"
        ) from error
    return Period(Grain.MONTH, start, end, time_zone, (first, _next_month(first) - DAY))


def month_containing(instant: datetime, time_zone: str) -> Period:
    """Return the business month that holds the instant."""
    day = day_containing(instant, time_zone).first_date
    return month_of(day.year, day.month, time_zone)


def month_before(month: Period) -> Period:
    """Return the business month before this one, by the calendar."""
    last = month.first_date - DAY
    return month_of(last.year, last.month, month.time_zone)


def begins_at(period: Period, instant: datetime) -> bool:
    """Return whether the period begins at the instant.

    Where the clocks show the midnight of its first date twice, the second one counts as well.
    """
    if instant == period.start:
        return True
    local = instant.astimezone(zone(period.time_zone))
    is_second = local.fold == 1 and local.time() == time.min
    return is_second and local.date() == period.first_date  # guard: schedule.second-midnight


def parse_month(text: str, time_zone: str) -> Period:
    """Return the business month written as YYYY-MM. Raises Misconfigured for anything else."""
    try:
        first = date.fromisoformat(f"{text}-01")
    except ValueError as error:
        raise Misconfigured(
            "CB-CONFIG-NOT-A-MONTH", f"{text!r} is not a month: write it as YYYY-MM"
        ) from error
    return month_of(first.year, first.month, time_zone)


def parsed_instant(text: str) -> datetime:
    """Return the instant that a text such as 2026-10-31T14:00Z names; without a zone it is UTC.

    Raises Misconfigured for a text that names no instant.
    """
    try:
        instant = datetime.fromisoformat(text)
    except ValueError as error:
        raise Misconfigured(
            "CB-CONFIG-NOT-AN-INSTANT", f"{text!r} is not an instant: write it as 2026-10-31T14:00Z"
        ) from error
    return instant if instant.tzinfo else instant.replace(tzinfo=UTC)


def _begins_an_hour(instant: datetime) -> bool:
    return hour_of(instant).start == instant


def _next_month(first: date) -> date:
    return (first.replace(day=28) + timedelta(days=4)).replace(day=1)


def _midnight(day: date, time_zone: str) -> datetime:
    """The first instant of the date, in UTC.

    fold=0 gives the earlier of two midnights, and for a midnight that does not exist the offset
    before the change, which is the instant of a change at midnight itself (PEP 495). Where clocks
    are put forward from before midnight to after it, the date begins at the change, which the loop
    searches.
    """
    rules = zone(time_zone)
    instant = datetime(day.year, day.month, day.day, tzinfo=rules, fold=0).astimezone(UTC)
    if (instant - MICROSECOND).astimezone(rules).date() < day:
        return instant
    shown, not_shown = instant, instant - DAY
    while shown - not_shown > MICROSECOND:
        middle = not_shown + (shown - not_shown) / 2
        if middle.astimezone(rules).date() < day:
            not_shown = middle
        else:
            shown = middle
    return shown
