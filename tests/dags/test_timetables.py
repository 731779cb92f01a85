"""Every run closes the business day or month that it is for, in every zone, from 2020 to 2030."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from itertools import chain, pairwise
from typing import Any
from zoneinfo import ZoneInfo, available_timezones

import pendulum
import pytest
from airflow.sdk import DAG
from airflow.serialization.definitions.dag import SerializedDAG
from airflow.serialization.serialized_objects import DagSerialization
from airflow.timetables.base import DagRunInfo, DataInterval, TimeRestriction, Timetable
from airflow.timetables.interval import CronDataIntervalTimetable

from closebook import periods
from closebook.orchestration.dag_defaults import START_DATE
from closebook.orchestration.task_context import TaskContext
from closebook.orchestration.timetable import BusinessDayTimetable, BusinessMonthTimetable
from closebook.periods import DAY, HOUR, MICROSECOND, Period
from closebook.settings import Replica, Run, Settings
from closebook.time_rules import rules_version
from local import REPOSITORY

pytestmark = pytest.mark.slow

FIRST, LAST = date(2020, 1, 1), date(2030, 12, 31)
ALL_ZONES = sorted(available_timezones())
# Many names are of one file of rules.
DISTINCT_ZONES = sorted({rules_version(zone): zone for zone in ALL_ZONES}.values())
HALVES = [DISTINCT_ZONES[::2], DISTINCT_ZONES[1::2]]
PECULIAR_ZONES = [
    *("Africa/Cairo", "Africa/Casablanca", "America/Asuncion", "America/Havana"),
    *("America/Nuuk", "America/Santiago", "America/Scoresbysund", "Antarctica/Troll"),
    *("Asia/Beirut", "Asia/Gaza", "Atlantic/Azores", "Australia/Lord_Howe"),
]
# The clocks go back at one in the morning to midnight, or at midnight forward to one.
TWO_MIDNIGHTS = [("America/Havana", date(2026, 11, 1)), ("Atlantic/Azores", date(2026, 10, 25))]
NO_MIDNIGHT = [
    *(("Africa/Cairo", date(2023, 4, 28)), ("Asia/Beirut", date(2024, 3, 31))),
    *(("America/Santiago", date(2026, 9, 6)), ("America/Asuncion", date(2023, 10, 1))),
]
WITHIN_A_DAY = [timedelta(0), MICROSECOND, HOUR, timedelta(hours=1, microseconds=-1), HOUR * 12]


@pytest.fixture(autouse=True, scope="module")
def registered() -> None:
    """As Airflow finds the timetables: through the plugin, in the folder of plugins."""
    from airflow import plugins_manager

    assert {
        "closebook.orchestration.timetable.BusinessDayTimetable": BusinessDayTimetable,
        "closebook.orchestration.timetable.BusinessMonthTimetable": BusinessMonthTimetable,
    }.items() <= plugins_manager.get_timetables_plugins().items()


def kept(timetable: Timetable) -> Any:
    """The DAG with this timetable as Airflow keeps it and the scheduler reads it back."""
    dag = DAG("a_dag", schedule=timetable, start_date=START_DATE, catchup=False)
    return DagSerialization.from_dict(DagSerialization.to_dict(dag))


def task(zone: str, interval: DataInterval, **parameters: object) -> TaskContext:
    """What a worker makes of a run of that interval."""
    return TaskContext(
        settings_in(zone),
        Run("a test"),
        parameters,
        _standard(interval.start),
        interval_end=_standard(interval.end),
    )


def _standard(instant: datetime) -> datetime:
    return datetime.fromisoformat(instant.isoformat())


def settings_in(zone: str) -> Settings:
    replicas = (Replica("replica_a", ""),)
    return Settings(zone, primary="", replicas=replicas, store="", redis_url="", documents_url="")


def days_in(zone: str) -> list[list[Period]]:
    """The days around each change of the zone's clocks, in stretches, and those of a winter."""
    rules, noon = ZoneInfo(zone), datetime(FIRST.year, 1, 1, 12, tzinfo=UTC)
    noons = [noon + n * DAY for n in range((LAST - FIRST).days + 1)]
    changed = [
        later.date()
        for one, later in pairwise(noons)
        if one.astimezone(rules).utcoffset() != later.astimezone(rules).utcoffset()
    ]
    stretches = [(day - 3 * DAY, day + 3 * DAY) for day in changed]
    stretches.append((date(2025, 12, 28), date(2026, 3, 3)))
    return [list(periods.days_between(first, last, zone)) for first, last in stretches]


def all_days_in(zone: str) -> list[list[Period]]:
    """All days from 2020 to 2030, in one stretch."""
    return [list(periods.days_between(FIRST, LAST, zone))]


def months_in(zone: str) -> list[list[Period]]:
    """All months from 2020 to 2030, in one stretch."""
    numbers = range(FIRST.year * 12, (LAST.year + 1) * 12)
    return [[periods.month_of(number // 12, number % 12 + 1, zone) for number in numbers]]


def scheduled(timetable: Any, first: datetime, last: datetime) -> Iterator[DagRunInfo]:
    """The runs that the scheduler makes, one after the other."""
    restriction = TimeRestriction(pendulum.instance(first), pendulum.instance(last), catchup=True)
    info = timetable.next_dagrun_info_v2(last_dagrun_info=None, restriction=restriction)
    while info is not None:
        yield info
        info = timetable.next_dagrun_info_v2(last_dagrun_info=info, restriction=restriction)


def backfilled(dag: SerializedDAG, first: datetime, last: datetime) -> list[DagRunInfo]:
    """The runs that a backfill makes."""
    return list(dag.iter_dagrun_infos_between(first, last))


def bounds(info: DagRunInfo) -> tuple[datetime, datetime]:
    assert info.data_interval is not None
    return info.data_interval.start, info.data_interval.end


def closed_day(zone: str, interval: DataInterval) -> Period:
    return task(zone, interval).day()


def closed_month(zone: str, interval: DataInterval) -> Period:
    return task(zone, interval).month()


GRAINS: dict[str, tuple[Any, Callable[[str], list[list[Period]]], Callable[..., Period]]] = {
    "day": (BusinessDayTimetable, days_in, closed_day),
    "month": (BusinessMonthTimetable, months_in, closed_month),
}
by_grain = pytest.mark.parametrize("grain", GRAINS)


# ---- every zone -------------------------------------------------------------------------


def wrong_schedules(grain: str, zone: str, stretches: list[list[Period]]) -> set[str]:
    """The periods that a scheduled run leaves out, makes twice or cuts, or a worker mistakes."""
    timetable, _, closed = GRAINS[grain]
    wrong = set()
    for expected in stretches:
        infos = list(scheduled(timetable(zone), expected[0].start, expected[-1].start))
        if not (
            [bounds(info) for info in infos] == [(p.start, p.end) for p in expected]
            and [info.run_after for info in infos] == [p.end for p in expected]
            and [closed(zone, info.data_interval) for info in infos] == expected
        ):
            wrong.add(f"{zone} {expected[0].label}")
    return wrong


@by_grain
@pytest.mark.parametrize("zones", HALVES, ids=["one half", "the other half"])
def test_every_scheduled_run_of_every_zone_closes_its_period_and_none_is_left_out(
    grain: str, zones: list[str]
) -> None:
    _, periods_in, _ = GRAINS[grain]

    assert len(ALL_ZONES) > 400
    assert set().union(*(wrong_schedules(grain, zone, periods_in(zone)) for zone in zones)) == set()


@pytest.mark.parametrize("zone", PECULIAR_ZONES)
def test_no_day_of_eleven_years_is_left_out_where_clocks_are_peculiar(zone: str) -> None:
    assert wrong_schedules("day", zone, all_days_in(zone)) == set()


@by_grain
@pytest.mark.parametrize("zones", HALVES, ids=["one half", "the other half"])
def test_every_run_by_hand_closes_the_last_period_that_had_ended(
    grain: str, zones: list[str]
) -> None:
    timetable, periods_in, closed = GRAINS[grain]
    wrong = set()
    for zone in zones:
        asked = timetable(zone)
        for before, period in chain.from_iterable(map(pairwise, periods_in(zone))):
            is_odd = (period.end - period.start) % DAY or (before.end - before.start) % DAY
            away = WITHIN_A_DAY if is_odd else [period.end - period.start - MICROSECOND]
            for each in away:
                at = pendulum.instance(period.start + each)
                if closed(zone, asked.infer_manual_data_interval(run_after=at)) != before:
                    wrong.add((zone, period.label))

    assert wrong == set()


@by_grain
@pytest.mark.parametrize("zones", HALVES, ids=["one half", "the other half"])
def test_a_backfill_makes_one_run_for_each_period_that_begins_in_its_range(
    grain: str, zones: list[str]
) -> None:
    timetable, periods_in, closed = GRAINS[grain]
    wrong = set()
    for zone in zones:
        dag = kept(timetable(zone))
        for stretch in periods_in(zone)[:8]:
            around = stretch[1:6]
            for first, last, meant in (
                (around[0].start, around[-1].start, around),
                (around[0].start + HOUR * 5, around[-1].start, around[1:]),
                (around[0].start, around[-1].start - MICROSECOND, around[:-1]),
                (around[2].start, around[2].start, around[2:3]),
                (around[1].end - HOUR * 5, around[2].start + HOUR * 5, around[2:3]),
            ):
                infos = backfilled(dag, first, last)
                if [closed(zone, info.data_interval) for info in infos] != meant:
                    wrong.add((zone, around[2].label))

    assert wrong == set()


# ---- midnights that come twice, or never -------------------------------------------------


@pytest.mark.parametrize(("zone", "day"), TWO_MIDNIGHTS)
def test_a_day_of_two_midnights_begins_at_the_first(zone: str, day: date) -> None:
    expected = periods.day_of(day, zone)
    second_midnight = expected.start + HOUR
    dag = kept(BusinessDayTimetable(zone))

    [info] = backfilled(dag, expected.start, expected.start)
    [from_the_second] = backfilled(dag, second_midnight, second_midnight)

    assert bounds(info) == bounds(from_the_second) == (expected.start, expected.end)
    assert closed_day(zone, info.data_interval) == expected  # type: ignore[arg-type]  # it has one


@pytest.mark.parametrize(("zone", "day"), NO_MIDNIGHT)
def test_a_run_by_hand_on_the_day_after_a_missing_midnight_closes_yesterday(
    zone: str, day: date
) -> None:
    today = periods.day_of(day, zone)
    dag = kept(BusinessDayTimetable(zone))

    for away in (timedelta(0), MICROSECOND, HOUR * 9, today.end - today.start - MICROSECOND):
        interval = dag.timetable.infer_manual_data_interval(
            run_after=pendulum.instance(today.start + away)
        )
        assert interval.end == today.start
        assert closed_day(zone, interval).last_date == day - DAY


def test_a_run_by_hand_that_names_its_period_closes_that_one_whatever_its_interval() -> None:
    interval = DataInterval(*map(pendulum.instance, [datetime(2026, 11, 1, 5, tzinfo=UTC)] * 2))
    named = task("America/Havana", interval, day="2026-10-30", month="2026-09")

    assert (named.day().label, named.month().label) == ("2026-10-30", "2026-09")


# ---- runs that Airflow's cron timetable made ---------------------------------------------

CRON = {"day": "0 0 * * *", "month": "0 0 1 * *"}


@by_grain
@pytest.mark.parametrize("zones", HALVES, ids=["one half", "the other half"])
def test_a_run_that_the_cron_timetable_scheduled_closes_the_same_period_when_it_is_cleared(
    grain: str, zones: list[str]
) -> None:
    _, periods_in, closed = GRAINS[grain]
    wrong = set()
    for zone in zones:
        cron = CronDataIntervalTimetable(CRON[grain], timezone=zone)
        for expected in [stretch[:40] for stretch in periods_in(zone)]:
            infos = list(scheduled(cron, expected[0].start, expected[-1].start + HOUR))
            if [closed(zone, info.data_interval) for info in infos] != expected:
                wrong.add((zone, expected[0].label))

    assert wrong == set()


@pytest.mark.parametrize(("zone", "day"), NO_MIDNIGHT)
def test_a_run_by_hand_of_the_cron_timetable_without_length_is_understood_as_of_yesterday(
    zone: str, day: date
) -> None:
    at = pendulum.instance(periods.day_of(day, zone).start + HOUR * 9)
    interval = CronDataIntervalTimetable(CRON["day"], timezone=zone).infer_manual_data_interval(
        run_after=at
    )
    assert interval.start == interval.end

    assert closed_day(zone, interval).last_date == day - DAY


@pytest.mark.parametrize(("zone", "day"), [*TWO_MIDNIGHTS, *NO_MIDNIGHT])
def test_the_first_run_after_the_upgrade_is_for_the_day_after_the_last_run(
    zone: str, day: date
) -> None:
    around = [periods.day_of(day + n * DAY, zone) for n in range(-2, 4)]
    cron = CronDataIntervalTimetable(CRON["day"], timezone=zone)
    restriction = TimeRestriction(pendulum.instance(START_DATE), None, catchup=True)

    for last in scheduled(cron, around[0].start, around[-2].start):
        was = closed_day(zone, last.data_interval)  # type: ignore[arg-type]  # it has one
        following = BusinessDayTimetable(zone).next_dagrun_info(
            last_automated_data_interval=last.data_interval, restriction=restriction
        )
        assert following is not None
        assert following.logical_date == was.end


# ---- what Airflow asks besides ------------------------------------------------------------


@by_grain
def test_without_catch_up_the_first_run_is_for_the_last_period_that_has_ended(grain: str) -> None:
    timetable, _, _ = GRAINS[grain]
    restriction = TimeRestriction(pendulum.instance(START_DATE), None, catchup=False)

    first = timetable("America/New_York").next_dagrun_info(
        last_automated_data_interval=None, restriction=restriction
    )
    following = timetable("America/New_York").next_dagrun_info(
        last_automated_data_interval=first.data_interval, restriction=restriction
    )

    now = datetime.now(UTC)
    assert first.run_after <= now < following.run_after
    assert following.logical_date == first.run_after


@by_grain
def test_a_timetable_survives_being_kept_by_airflow_and_says_what_it_is(grain: str) -> None:
    timetable = kept(GRAINS[grain][0]("Pacific/Auckland")).timetable

    assert isinstance(timetable, GRAINS[grain][0])
    assert timetable.summary == f"business {grain}, Pacific/Auckland"
    assert timetable.description == (
        f"Each business {grain} of Pacific/Auckland, once it has ended"
    )


@by_grain
@pytest.mark.parametrize("at", ["0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z"])
def test_a_run_by_hand_beyond_the_calendar_is_refused_as_airflow_expects(
    grain: str, at: str
) -> None:
    timetable = GRAINS[grain][0]("Asia/Tokyo")
    with pytest.raises(ValueError, match="no business"):
        timetable.infer_manual_data_interval(run_after=pendulum.parse(at))


# ---- a zone that is not set, or that there is not -----------------------------------------

SHOW_IMPORT_ERRORS = """
import sys
from airflow.dag_processing.dagbag import DagBag

bag = DagBag(sys.argv[1])
for path, text in bag.import_errors.items():
    print("ERROR", path.rpartition("/")[2], text.strip().splitlines()[-1])
print("DAGS", *sorted(bag.dags))
"""


@pytest.mark.parametrize(
    ("time_zone", "words"),
    [
        (None, "CLOSEBOOK_TIME_ZONE is not set"),
        (" ", "CLOSEBOOK_TIME_ZONE is not set"),
        ("America/New_Yrok", "unknown time zone 'America/New_Yrok': set CLOSEBOOK_TIME_ZONE to"),
    ],
)
def test_a_zone_that_is_missing_or_misspelt_is_the_import_error_of_those_with_days(
    time_zone: str | None, words: str
) -> None:
    bare = {key: value for key, value in os.environ.items() if not key.startswith("CLOSEBOOK_")}
    if time_zone is not None:
        bare["CLOSEBOOK_TIME_ZONE"] = time_zone

    shown = subprocess.run(
        [sys.executable, "-c", SHOW_IMPORT_ERRORS, str(REPOSITORY / "dags")],
        env={**bare, "PYTHONPATH": str(REPOSITORY / "plugins")},
        capture_output=True,
        text=True,
        check=True,
    ).stdout

    errors = [line for line in shown.splitlines() if line.startswith("ERROR")]
    assert [line.split()[1] for line in sorted(errors)] == [
        "daily_rollups.py",
        "monthly_statements.py",
        "register_audit.py",
    ]
    assert all(words in line for line in errors)
    assert "DAGS acknowledge_failover database_health doctor hourly_platform_volume" in shown
