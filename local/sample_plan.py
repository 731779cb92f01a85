"""The sample platform's calendar: which business days hold how many transactions."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import cached_property
from itertools import accumulate, pairwise
from random import Random

from closebook import periods
from closebook.errors import Misconfigured

MILLISECOND = timedelta(milliseconds=1)
HOUR_MS = 3_600_000
# The days of a clock change's month that lie before the window get 1/50 of the transactions.
THIN_MONTH_SHARE = 50

# Weights of the local hours, from midnight, and of the weekdays, from Monday.
HOUR_WEIGHTS = (
    *(5, 3, 2, 2, 2, 4, 9, 18, 30, 38, 42, 48),
    *(56, 52, 44, 42, 46, 56, 64, 66, 56, 40, 24, 12),
)
WEEKDAY_WEIGHTS = (90, 92, 96, 102, 124, 118, 78)


@dataclass(frozen=True)
class SampleSize:
    """How much the platform holds.

    ``days`` and ``months`` are the least numbers of whole business days and months.
    ``account_holders`` are the users who have a wallet; without it all have one. The others pay by
    card, and have no account.
    """

    transactions: int = 1_000_000
    users: int = 20_000
    merchants: int = 500
    promotions: int = 200
    days: int = 60
    months: int = 1
    account_holders: int | None = None

    def __post_init__(self) -> None:
        least = {"transactions": 500, "users": 100, "merchants": 50, "promotions": 6, "days": 1}
        for name, minimum in least.items():
            if getattr(self, name) < minimum:
                raise Misconfigured(
                    "CB-CONFIG-SAMPLE-TOO-SMALL",
                    f"a sample platform needs at least {minimum} {name}",
                )


@dataclass(frozen=True)
class PlannedDay:
    """One business day's part of the rows, with identifiers of its own."""

    period: periods.Period
    length_ms: int
    """Up to the day's end, or to the instant at which the data end."""
    transactions: int
    first_transaction_id: int
    first_entry_id: int

    def hours(self) -> Iterator[tuple[int, int, int]]:
        """Yield the hours since the day's start: (first ms, length in ms, weight)."""
        zone = periods.zone(self.period.time_zone)
        for first_ms in range(0, self.length_ms, HOUR_MS):
            length_ms = min(HOUR_MS, self.length_ms - first_ms)
            local = (self.period.start + first_ms * MILLISECOND).astimezone(zone)
            yield first_ms, length_ms, HOUR_WEIGHTS[local.hour] * length_ms


@dataclass(frozen=True)
class Plan:
    """The seed and the sizes from which the rows are made, and their calendar."""

    size: SampleSize
    seed: int
    until: datetime
    time_zone: str

    def random(self, part: str) -> Random:
        """Return the generator of one part of the data."""
        return Random(f"{self.seed}:{part}")  # noqa: S311 - sample data, not secrets

    @cached_property
    def last_full_month(self) -> periods.Period:
        """The last business month that ends at or before ``until``."""
        return periods.month_before(periods.month_containing(self.until, self.time_zone))

    @cached_property
    def window(self) -> tuple[periods.Period, ...]:
        """The business days up to ``until``, of which the last may not be whole."""
        today = periods.day_containing(self.until, self.time_zone).first_date
        month = self.last_full_month
        for _ in range(self.size.months - 1):
            month = periods.month_before(month)
        first = min(month.first_date, today - self.size.days * periods.DAY)
        days = [periods.day_of(first, self.time_zone)]
        while days[-1].end < self.until:
            days.append(periods.day_containing(days[-1].end, self.time_zone))
        return tuple(days)

    @cached_property
    def clock_change(self) -> periods.Period | None:
        """The last day of 23 or 25 hours (or so) up to ``until``; None without any in a year."""
        zone = periods.zone(self.time_zone)
        day = self.window[-1]
        while day.start > self.window[0].start - 400 * periods.DAY:
            if day.start.astimezone(zone).utcoffset() != day.end.astimezone(zone).utcoffset():
                return day
            day = periods.day_containing(day.start - MILLISECOND, self.time_zone)
        return None

    @cached_property
    def thin_days(self) -> tuple[periods.Period, ...]:
        """The days of the last clock change's month before the window, if the change is there."""
        if self.clock_change is None or self.clock_change.start >= self.window[0].start:
            return ()
        month = periods.month_containing(self.clock_change.start, self.time_zone)
        return tuple(day for day in month.days() if day.start < self.window[0].start)

    @cached_property
    def days(self) -> tuple[PlannedDay, ...]:
        """Every day with its share of the transactions, oldest first."""
        thin = self.thin_days
        in_thin = self.size.transactions // THIN_MONTH_SHARE if thin else 0
        counts = (
            *_shares(in_thin, [self._weight(day) for day in thin]),
            *_shares(self.size.transactions - in_thin, [self._weight(day) for day in self.window]),
        )
        planned: list[PlannedDay] = []
        transaction_id, entry_id = 1, 1 + self.size.users  # opening top-ups have the first ones
        for day, transactions in zip((*thin, *self.window), counts, strict=True):
            length_ms = (min(day.end, self.until) - day.start) // MILLISECOND
            planned.append(PlannedDay(day, length_ms, transactions, transaction_id, entry_id))
            transaction_id += transactions
            # Room for all that a day can post; gaps are what real sequences have too.
            entry_id += 2 * transactions + self.size.users + 15 * self.size.merchants
        return tuple(planned)

    @property
    def whole_days(self) -> tuple[date, ...]:
        """The business days that end at or before ``until``."""
        return tuple(day.period.first_date for day in self.days if day.period.end <= self.until)

    def _weight(self, day: periods.Period) -> int:
        length_ms = (min(day.end, self.until) - day.start) // MILLISECOND
        hours = PlannedDay(day, length_ms, 0, 0, 0).hours()
        return WEEKDAY_WEIGHTS[day.first_date.weekday()] * sum(weight for _, _, weight in hours)


def _shares(total: int, weights: Sequence[int]) -> list[int]:
    """Split a total by weights; the parts add up to it."""
    if not weights:
        return []
    marks = [total * reached // sum(weights) for reached in accumulate(weights, initial=0)]
    return [later - earlier for earlier, later in pairwise(marks)]
