"""Which period a run closes: its own interval, or the one that its form names."""

from datetime import UTC, datetime

import pytest
from airflow.sdk.exceptions import ParamValidationError

from closebook import periods
from closebook.errors import Misconfigured
from closebook.orchestration.dag_defaults import CLOSE_PARAMETERS
from closebook.orchestration.task_context import TaskContext
from closebook.periods import DAY, HOUR
from closebook.settings import Replica, Run, Settings

ZONE = "America/New_York"
SETTINGS = Settings(
    time_zone=ZONE,
    primary="",
    replicas=(Replica("replica_a", ""),),
    store="",
    redis_url="",
    documents_url="file:///nowhere",
)
NOVEMBER_FIRST = datetime(2026, 11, 1, 4, tzinfo=UTC)


def task(interval_start: datetime | None, **parameters: object) -> TaskContext:
    return TaskContext(SETTINGS, Run("a test"), parameters, interval_start)


def test_a_run_closes_the_period_of_its_interval() -> None:
    assert task(NOVEMBER_FIRST).hour() == periods.hour_of(NOVEMBER_FIRST)
    assert task(NOVEMBER_FIRST).day().label == "2026-11-01"
    assert task(NOVEMBER_FIRST).month().label == "2026-11"


def test_a_period_named_in_the_form_replaces_that_of_the_interval() -> None:
    assert task(NOVEMBER_FIRST, hour="2026-10-31T14:30:00+02:00").hour().label == "2026-10-31T12Z"
    assert task(None, day="2026-10-30").day().label == "2026-10-30"
    assert task(None, month="2026-09").month().label == "2026-09"


@pytest.mark.parametrize(
    ("parameter", "value"),
    [("hour", "2026-10-31T14:00Z"), ("day", "2026-10-30"), ("month", "2026-09")],
)
def test_a_backfill_must_not_name_one_period_for_all_of_its_runs(
    parameter: str, value: str
) -> None:
    backfill = TaskContext(
        SETTINGS, Run("a test"), {parameter: value}, NOVEMBER_FIRST, is_backfill=True
    )
    with pytest.raises(Misconfigured, match=f"empty {parameter}"):
        getattr(backfill, parameter)()


def test_a_form_that_names_two_days_is_for_all_days_from_one_to_the_other() -> None:
    days = task(NOVEMBER_FIRST, first_day="2026-10-31", last_day="2026-11-02").days()
    assert [day.label for day in days] == ["2026-10-31", "2026-11-01", "2026-11-02"]
    assert [day.end - day.start for day in days] == [DAY, DAY + HOUR, DAY]
    assert len(task(None, first_day="2026-11-01", last_day="2026-11-01").days()) == 1


def test_a_run_that_names_no_range_has_none() -> None:
    assert task(NOVEMBER_FIRST).days() == []
    assert task(None, day="2026-10-30", first_day=None, last_day="").days() == []


@pytest.mark.parametrize(
    "named",
    [
        {"first_day": "2026-10-30"},
        {"last_day": "2026-10-30"},
        {"first_day": "2026-10-30", "last_day": "2026-10-31", "day": "2026-10-30"},
    ],
)
def test_half_a_range_and_a_range_beside_a_day_are_refused(named: dict[str, str]) -> None:
    with pytest.raises(Misconfigured, match="needs both first_day and last_day, and an empty day"):
        task(None, **named).days()


def test_a_range_without_a_day_is_refused() -> None:
    with pytest.raises(Misconfigured, match="no day from 2026-10-31 to 2026-10-30"):
        task(None, first_day="2026-10-31", last_day="2026-10-30").days()


@pytest.mark.parametrize(
    ("first_day", "last_day"),
    [("0206-10-01", "2026-10-31"), ("2016-01-01", "2026-10-31"), ("9999-12-30", "9999-12-31")],
)
def test_a_range_with_a_mistyped_year_is_refused(first_day: str, last_day: str) -> None:
    with pytest.raises(Misconfigured, match="with the years that are meant"):
        task(None, first_day=first_day, last_day=last_day).days()


def test_a_backfill_must_not_close_a_range_in_each_of_its_runs() -> None:
    named = {"first_day": "2026-10-30", "last_day": "2026-10-31"}
    with pytest.raises(Misconfigured, match="empty first_day"):
        TaskContext(SETTINGS, Run("a test"), named, NOVEMBER_FIRST, is_backfill=True).days()


@pytest.mark.parametrize("parameter", ["hour", "day", "month"])
def test_a_run_without_an_interval_asks_for_the_parameter(parameter: str) -> None:
    with pytest.raises(Misconfigured, match=f"parameter {parameter}"):
        getattr(task(None), parameter)()


@pytest.mark.parametrize("parameter", ["day", "month"])
def test_an_interval_of_another_time_zone_is_refused(parameter: str) -> None:
    utc_midnight = datetime(2026, 11, 1, tzinfo=UTC)
    with pytest.raises(Misconfigured, match="CLOSEBOOK_TIME_ZONE differs"):
        getattr(task(utc_midnight), parameter)()


@pytest.mark.parametrize(
    ("parameter", "value"), [("hour", "soon"), ("day", "2026-02-30"), ("month", "2026-13")]
)
def test_what_is_no_period_is_refused_with_the_form_it_should_have(
    parameter: str, value: str
) -> None:
    with pytest.raises(Misconfigured, match="write it as"):
        getattr(TaskContext(SETTINGS, Run("a test"), {parameter: value}, None), parameter)()


def test_accounts_are_all_unless_some_are_named() -> None:
    assert task(None).account_ids() is None
    assert task(None, account_ids=[]).account_ids() is None
    assert task(None, account_ids=[7, "users:9"]).account_ids() == ["7", "users:9"]


@pytest.mark.parametrize("reason", [None, "", "ticket 4711", " late"])
def test_a_reason_may_be_left_out_or_given(reason: str | None) -> None:
    assert CLOSE_PARAMETERS["reason"].resolve(reason) == reason


@pytest.mark.parametrize("reason", [" ", "\t\n"])
def test_blanks_are_no_reason(reason: str) -> None:
    with pytest.raises(ParamValidationError):
        CLOSE_PARAMETERS["reason"].resolve(reason)
