"""Every instant belongs to one hour, one day and one month, whatever the zone's clocks do."""

from contextlib import suppress
from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo, available_timezones

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from closebook import periods
from closebook.errors import Misconfigured
from closebook.periods import DAY, HOUR, Grain, Period

MICROSECOND = timedelta(microseconds=1)
# Each is here for something that its clocks did: midnights that never were or came twice, a
# change of half an hour, half and three quarters of an hour from UTC, a whole date left out.
PECULIAR_ZONES = [
    "America/Havana",
    "America/New_York",
    "America/Sao_Paulo",
    "America/St_Johns",
    "Africa/Casablanca",
    "Asia/Kathmandu",
    "Asia/Tehran",
    "Atlantic/Azores",
    "Australia/Lord_Howe",
    "Pacific/Apia",
    "Pacific/Kiritimati",
]
ALL_ZONES = sorted(available_timezones())
WHOLE_HOUR_ZONES = ["UTC", "America/New_York", "Europe/Prague", "America/Sao_Paulo"]
EARLIEST, LATEST = datetime(1990, 1, 1), datetime(2037, 12, 31)  # noqa: DTZ001 (as UTC below)

instants = st.datetimes(EARLIEST, LATEST, timezones=st.just(UTC))
dates = st.dates(EARLIEST.date(), LATEST.date())
zones = st.one_of(st.sampled_from(PECULIAR_ZONES), st.sampled_from(ALL_ZONES))


@st.composite
def instants_by_midnight(draw: st.DrawFn) -> tuple[datetime, str]:
    """An instant and a zone, around midnight and around changes of the clocks."""
    zone = draw(zones)
    midnight = datetime.combine(draw(dates), time.min, ZoneInfo(zone)).astimezone(UTC)
    away = draw(
        st.sampled_from([timedelta(0), MICROSECOND, HOUR / 4, HOUR / 2, HOUR, 2 * HOUR, DAY])
    )
    return midnight + draw(st.sampled_from([-1, 1])) * away, zone


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)


def tiles(parts: list[Period], whole: Period) -> bool:
    """Whether the parts lie end to end from the start of the whole to its end."""
    ends = [whole.start, *(part.end for part in parts)]
    starts = [*(part.start for part in parts), whole.end]
    return ends == starts


# ---- one instant, one period ------------------------------------------------------------


@given(instants)
def test_an_instant_lies_in_its_utc_hour(instant: datetime) -> None:
    hour = periods.hour_of(instant)

    assert hour.start <= instant < hour.end
    assert hour.end - hour.start == HOUR
    assert (hour.start.minute, hour.start.second, hour.start.microsecond) == (0, 0, 0)
    assert hour.time_zone == "UTC"


@settings(max_examples=500)
@given(st.one_of(st.tuples(instants, zones), instants_by_midnight()))
@example((utc("2011-12-30T10:00Z"), "Pacific/Apia"))
@example((utc("2011-12-30T09:59:59.999999Z"), "Pacific/Apia"))
@example((utc("2026-10-03T15:30Z"), "Australia/Lord_Howe"))
@example((utc("2026-04-04T14:59Z"), "Australia/Lord_Howe"))
@example((utc("2026-01-01T05:00Z"), "America/New_York"))
@example((utc("2024-03-01T04:59:59.999999Z"), "America/New_York"))
@example((utc("2009-11-01T02:45Z"), "America/St_Johns"))
def test_every_instant_belongs_to_exactly_one_hour_day_and_month_of_every_zone(
    given_: tuple[datetime, str],
) -> None:
    instant, time_zone = given_
    shown = instant.astimezone(ZoneInfo(time_zone))
    hours = [periods.hour_of(instant + n * HOUR) for n in (-1, 0, 1)]
    days = existing_days([shown.date() + n * DAY for n in (-2, -1, 0, 1, 2)], time_zone)
    this_month = shown.year * 12 + shown.month - 1
    months = [
        periods.month_of(n // 12, n % 12 + 1, time_zone)
        for n in range(this_month - 1, this_month + 2)
    ]

    assert [h for h in hours if h.start <= instant < h.end] == [periods.hour_of(instant)]
    assert [d for d in days if d.start <= instant < d.end] == [
        periods.day_containing(instant, time_zone)
    ]
    assert [m for m in months if m.start <= instant < m.end] == [
        periods.month_containing(instant, time_zone)
    ]


def existing_days(candidates: list[date], time_zone: str) -> list[Period]:
    """The days of these dates, without one that the zone skipped."""
    days = []
    for candidate in candidates:
        with suppress(Misconfigured):
            days.append(periods.day_of(candidate, time_zone))
    return days


def test_in_every_zone_days_tile_their_months_and_months_follow_each_other() -> None:
    broken = set()
    for time_zone in ALL_ZONES:
        months = [
            periods.month_of(n // 12, n % 12 + 1, time_zone) for n in range(2026 * 12, 2027 * 12)
        ]
        if not all(one.end == following.start for one, following in pairwise(months)):
            broken.add(time_zone)
        if not all(tiles(list(month.days()), month) for month in months):
            broken.add(time_zone)

    assert len(ALL_ZONES) > 400
    assert broken == set()


@given(instants, zones)
@example(utc("2011-12-30T10:00Z"), "Pacific/Apia")
@example(utc("2012-11-04T05:30Z"), "America/Havana")
@example(utc("2009-11-01T02:45Z"), "America/St_Johns")
@example(utc("2018-11-04T03:00Z"), "America/Sao_Paulo")
def test_an_instant_lies_in_its_day_and_its_month(instant: datetime, time_zone: str) -> None:
    day = periods.day_containing(instant, time_zone)
    month = periods.month_containing(instant, time_zone)

    assert day.start <= instant < day.end
    assert month.start <= instant < month.end
    assert month.start <= day.start
    assert day.end <= month.end


@given(dates, zones)
@example(date(2011, 12, 29), "Pacific/Apia")
@example(date(1994, 12, 30), "Pacific/Kiritimati")
@example(date(2026, 12, 31), "Asia/Kathmandu")
def test_the_instant_at_a_boundary_belongs_to_the_later_period(day: date, time_zone: str) -> None:
    period = periods.day_containing(
        datetime(day.year, day.month, day.day, 12, tzinfo=ZoneInfo(time_zone)), time_zone
    )

    later = periods.day_containing(period.end, time_zone)

    assert later.start == period.end
    assert periods.day_containing(period.end - MICROSECOND, time_zone) == period
    assert periods.day_containing(period.start, time_zone) == period


@given(st.integers(1990, 2037), st.integers(1, 12), zones)
def test_months_follow_each_other_without_gap_or_overlap(
    year: int, number: int, time_zone: str
) -> None:
    month = periods.month_of(year, number, time_zone)

    following = periods.month_containing(month.end, time_zone)

    assert following.start == month.end
    assert periods.month_before(following) == month
    assert (month.first_date, following.first_date.day) == (date(year, number, 1), 1)


@given(dates, zones)
def test_the_same_day_is_found_from_each_of_its_instants(day: date, time_zone: str) -> None:
    noon = datetime(day.year, day.month, day.day, 12, tzinfo=ZoneInfo(time_zone))
    period = periods.day_containing(noon, time_zone)

    instant = period.start
    while instant < period.end:
        assert periods.day_containing(instant, time_zone) == period
        instant += timedelta(minutes=17)


# ---- how long they are ------------------------------------------------------------------


@pytest.mark.parametrize(
    ("day", "time_zone", "hours"),
    [
        ("2026-03-08", "America/New_York", 23),
        ("2026-11-01", "America/New_York", 25),
        ("2019-03-10", "America/New_York", 23),
        ("2026-11-02", "America/New_York", 24),
        ("1994-03-27", "Europe/Prague", 23),
        ("1993-09-26", "Europe/Prague", 25),
        ("2018-11-04", "America/Sao_Paulo", 23),
        ("2019-02-16", "America/Sao_Paulo", 25),
        ("2026-11-01", "America/Havana", 25),
        ("2026-03-08", "America/Havana", 23),
        ("2026-04-05", "Australia/Lord_Howe", 24.5),
        ("2026-10-04", "Australia/Lord_Howe", 23.5),
        ("2026-10-04", "Asia/Kolkata", 24),
        ("2011-12-29", "Pacific/Apia", 24),
        ("2011-12-31", "Pacific/Apia", 24),
    ],
)
def test_a_day_is_as_long_as_the_clocks_make_it(day: str, time_zone: str, hours: float) -> None:
    period = periods.day_of(date.fromisoformat(day), time_zone)

    assert period.end - period.start == hours * HOUR


@pytest.mark.parametrize(
    ("month", "days"),
    [
        *(("2026-02", 28), ("2024-02", 29), ("1900-02", 28), ("2000-02", 29)),
        *(("2026-04", 30), ("2026-10", 31), ("2026-12", 31)),
    ],
)
def test_a_month_has_as_many_days_as_the_calendar_gives_it(month: str, days: int) -> None:
    assert len(list(periods.parse_month(month, "Europe/Prague").days())) == days


def test_december_ends_where_january_begins() -> None:
    december = periods.parse_month("2025-12", "America/New_York")

    assert december.end == utc("2026-01-01T05:00Z")
    assert periods.month_containing(december.end, "America/New_York").label == "2026-01"


def test_the_leap_day_is_a_day_of_february() -> None:
    leap_day = periods.day_of(date(2024, 2, 29), "Europe/Prague")

    assert leap_day in list(periods.parse_month("2024-02", "Europe/Prague").days())
    assert periods.day_containing(leap_day.end, "Europe/Prague").first_date == date(2024, 3, 1)


@pytest.mark.parametrize(
    ("instant", "time_zone", "label"),
    [
        ("2026-10-31T23:30Z", "Pacific/Kiritimati", "2026-11-01"),
        ("2026-11-01T09:30Z", "Pacific/Kiritimati", "2026-11-01"),
        ("2026-11-01T10:30Z", "Pacific/Pago_Pago", "2026-10-31"),
        ("2026-11-01T03:59:59.999999Z", "America/New_York", "2026-10-31"),
        ("2026-11-01T04:00Z", "America/New_York", "2026-11-01"),
        ("2025-12-31T18:30Z", "Asia/Kolkata", "2026-01-01"),
    ],
)
def test_the_business_day_and_month_are_not_those_of_utc(
    instant: str, time_zone: str, label: str
) -> None:
    assert periods.day_containing(utc(instant), time_zone).label == label
    assert periods.month_containing(utc(instant), time_zone).label == label[:7]


def test_a_day_whose_midnight_is_skipped_begins_when_the_clocks_change() -> None:
    day = periods.day_of(date(2018, 11, 4), "America/Sao_Paulo")

    assert day.start == utc("2018-11-04T03:00Z")
    assert day.first_date == date(2018, 11, 4)


def test_a_day_with_two_midnights_begins_at_the_first() -> None:
    assert periods.day_of(date(2026, 11, 1), "America/Havana").start == utc("2026-11-01T04:00Z")


def test_an_hour_shown_again_after_midnight_stays_in_the_later_day() -> None:
    # St. John's turned its clocks at 00:01 back to 23:01 of the day before, which had ended.
    shown_again = utc("2009-11-01T02:45Z")

    assert periods.local_date(shown_again, "America/St_Johns") == date(2009, 10, 31)
    assert periods.day_containing(shown_again, "America/St_Johns").label == "2009-11-01"
    assert periods.month_containing(shown_again, "America/St_Johns").label == "2009-11"


# ---- parts and wholes -------------------------------------------------------------------


@given(dates, st.sampled_from(WHOLE_HOUR_ZONES))
def test_the_hours_of_a_day_tile_it_where_the_zone_has_whole_hours(
    day: date, time_zone: str
) -> None:
    period = periods.day_of(day, time_zone)

    assert tiles(list(period.hours()), period)


@given(dates, st.sampled_from(["Asia/Kolkata", "Asia/Kathmandu", "Australia/Lord_Howe"]))
def test_in_other_zones_a_day_has_the_hours_that_lie_completely_in_it(
    day: date, time_zone: str
) -> None:
    period = periods.day_of(day, time_zone)

    hours = list(period.hours())

    assert tiles(hours, Period(Grain.DAY, hours[0].start, hours[-1].end, time_zone))
    assert period.start <= hours[0].start < period.start + HOUR
    assert period.end - HOUR < hours[-1].end <= period.end


@given(st.integers(1990, 2037), st.integers(1, 12), zones)
@example(2011, 12, "Pacific/Apia")
@example(1994, 12, "Pacific/Kiritimati")
@example(2009, 11, "America/St_Johns")
def test_the_days_of_a_month_tile_it(year: int, number: int, time_zone: str) -> None:
    month = periods.month_of(year, number, time_zone)

    assert tiles(list(month.days()), month)


def test_a_month_leaves_out_the_date_that_its_zone_skipped() -> None:
    days = [day.label for day in periods.parse_month("2011-12", "Pacific/Apia").days()]

    assert len(days) == 30
    assert days[-2:] == ["2011-12-29", "2011-12-31"]


# ---- what people call them --------------------------------------------------------------


@given(st.integers(1990, 2037), st.integers(1, 12), zones)
def test_a_month_is_found_again_by_its_label(year: int, number: int, time_zone: str) -> None:
    month = periods.month_of(year, number, time_zone)

    assert periods.parse_month(month.label, time_zone) == month


@pytest.mark.parametrize(
    ("period", "has_whole_hours"),
    [
        (periods.hour_of(utc("2026-10-15T09:30Z")), True),
        (periods.day_of(date(2026, 3, 8), "America/New_York"), True),
        (periods.day_of(date(2026, 10, 15), "Asia/Kolkata"), False),
        (periods.day_of(date(2026, 10, 15), "Asia/Kathmandu"), False),
        # Lord Howe is 10:30 from UTC in winter and 11:00 in summer.
        (periods.day_of(date(2026, 7, 1), "Australia/Lord_Howe"), False),
        (periods.day_of(date(2026, 10, 4), "Australia/Lord_Howe"), False),
        (periods.day_of(date(2026, 4, 5), "Australia/Lord_Howe"), False),
        (periods.day_of(date(2026, 12, 24), "Australia/Lord_Howe"), True),
    ],
    ids=str,
)
def test_a_period_has_whole_hours_where_it_neither_begins_nor_ends_within_one(
    period: Period, has_whole_hours: bool
) -> None:
    assert period.bounds["has_whole_hours"] is has_whole_hours
