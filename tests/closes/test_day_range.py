"""A range of days in one run: each day is closed by itself, and failed days are closed later."""

import logging
from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from datetime import date

import pytest

from closebook.closes.day import close_day
from closebook.closes.day_range import close_days
from closebook.closes.values import Close
from closebook.errors import Misconfigured, NotReady, Transient, WrongData
from closebook.periods import DAY, Period, day_of, days_between
from closebook.settings import Replica, Settings
from tests.books import Books
from tests.close_fixtures import RUN, hurried, transactions_with
from tests.platform_rows import Platform

NEW_YORK = "America/New_York"
DAYS = [*days_between(date(2026, 10, 30), date(2026, 11, 3), NEW_YORK)]
LABELS = [day.label for day in DAYS]
WRONG = DAYS[1]


def fill(platform: Platform) -> None:
    """Two payments and an entry on each day; the clocks go back on one of them."""
    platform.open_account(1)
    for number, day in enumerate(DAYS):
        platform.settle(day.start, 100 + number)
        platform.settle(day.end - DAY / 48, 1)
        platform.post(1, day.start, 10 + number)


def spoiled(platform: Platform, day: Period) -> AbstractContextManager[None]:
    """Let the view divide by zero for a row of the day, so that nobody knows its currency."""
    zero = "(transaction_id - transaction_id)"
    at = day.start.isoformat()
    wrong = f"case when settled_at = '{at}' then (1 / {zero})::text else currency end"
    return transactions_with(platform, currency=wrong)


def versions(books: Books) -> dict[str, tuple[int, int]]:
    """The current version of each closed day, and how often it was confirmed."""
    rows = books.rows(
        "select close_version, confirmation_count, period_start from reporting.closes"
        " where grain = 'day' and is_current order by period_start"
    )
    starts = {day.start: day.label for day in DAYS}
    return {
        starts[row["period_start"]]: (row["close_version"], row["confirmation_count"])
        for row in rows
    }


def closed(settings: Settings) -> list[Close]:
    """The closes of all days, by one task."""
    closes = close_days(settings, DAYS, RUN)
    assert closes is not None
    return closes


def outcomes(closes: Sequence[Close]) -> dict[str, str]:
    return {each.period.label: each.outcome for each in closes}


def numbers(books: Books) -> list[tuple[object, ...]]:
    """All current rows of days and hours, with the closes that they belong to."""
    rows = [
        *books.rows("select * from reporting.current_daily_volume order by 1, 2, 3"),
        *books.rows("select * from reporting.current_daily_account_movement order by 1, 2, 3"),
        *books.rows("select * from reporting.current_hourly_volume order by 1, 2, 3"),
    ]
    return [tuple(row.values()) for row in rows]


def test_each_day_of_a_range_is_closed_as_in_a_run_of_its_own(
    settings: Settings, platform: Platform, books: Books
) -> None:
    fill(platform)

    close_ids = [each.close_id for each in closed(settings)]

    rows = books.rows(
        "select * from reporting.closes where grain = 'day' order by period_start, close_version"
    )
    assert [row["close_id"] for row in rows] == close_ids
    assert [(r["period_start"], r["period_end"]) for r in rows] == [(d.start, d.end) for d in DAYS]
    assert [row["fenced_at"] for row in rows] == sorted({row["fenced_at"] for row in rows})
    assert {(row["run_id"], row["reason"]) for row in rows} == {(RUN.run_id, RUN.reason)}
    together = numbers(books)
    assert len(together) == 4 * len(DAYS)
    for day in DAYS:
        assert close_day(settings, day, replace(RUN, run_id="its own")).outcome == "confirmed"
    assert numbers(books) == together


def test_a_day_that_fails_is_named_and_the_others_are_closed(
    settings: Settings, platform: Platform, books: Books, caplog: pytest.LogCaptureFixture
) -> None:
    fill(platform)

    with (
        spoiled(platform, WRONG),
        pytest.raises(WrongData, match=rf"1 of 5 days failed \({WRONG.label}\), 0 were not tried"),
    ):
        close_days(settings, DAYS, RUN)

    assert versions(books) == {label: (1, 0) for label in LABELS if label != WRONG.label}
    told = [record.message for record in caplog.records if record.levelno == logging.ERROR]
    assert [line.partition(":")[0] for line in told] == [f"{WRONG.label} is not closed"]


def test_the_same_run_closes_only_the_days_that_failed(
    settings: Settings, platform: Platform, books: Books
) -> None:
    fill(platform)
    with spoiled(platform, WRONG), pytest.raises(WrongData):
        close_days(settings, DAYS, RUN)

    assert outcomes(closed(settings)) == dict.fromkeys(LABELS, "new")

    assert versions(books) == dict.fromkeys(LABELS, (1, 0))


def test_a_run_that_has_closed_every_day_closes_them_again_with_the_same_numbers(
    settings: Settings, platform: Platform, books: Books
) -> None:
    fill(platform)
    first = closed(settings)
    before = numbers(books)

    again = closed(settings)

    # What it says is what the run has made, however often it was done.
    assert again == first
    assert versions(books) == dict.fromkeys(LABELS, (1, 1))
    assert numbers(books) == before


def test_a_day_that_another_run_closed_is_closed_again(
    settings: Settings, platform: Platform, books: Books
) -> None:
    fill(platform)
    close_day(settings, DAYS[2], replace(RUN, run_id="another"))

    outcome = outcomes(closed(settings))

    assert outcome == dict.fromkeys(LABELS, "new") | {LABELS[2]: "confirmed"}
    assert versions(books) == dict.fromkeys(LABELS, (1, 0)) | {LABELS[2]: (1, 1)}


def test_a_cross_check_is_made_for_each_day(
    settings: Settings, platform: Platform, books: Books
) -> None:
    fill(platform)
    close_days(settings, DAYS, RUN)
    agreed = books.rows(
        "select period_start from reporting.tie_outs where check_name = 'replicas_agree'"
        " and grain = 'day' order by period_start"
    )
    assert [row["period_start"] for row in agreed] == [day.start for day in DAYS]


def test_a_second_pass_that_failed_continues_with_the_days_that_are_left(
    settings: Settings, platform: Platform, books: Books
) -> None:
    fill(platform)
    close_days(settings, DAYS, RUN)
    with spoiled(platform, WRONG), pytest.raises(WrongData):
        close_days(settings, DAYS, RUN)

    assert outcomes(closed(settings)) == dict.fromkeys(LABELS, "new")

    assert versions(books) == dict.fromkeys(LABELS, (1, 1))


def test_later_days_are_closed_although_two_days_are_not_ready(
    settings: Settings, platform: Platform, books: Books
) -> None:
    fill(platform)
    future = [day_of(date(2999, 1, number), NEW_YORK) for number in (1, 2)]

    failed = r"2 of 7 days failed \(2999-01-01, 2999-01-02\), 0 were not tried"
    with pytest.raises(NotReady, match=failed):
        close_days(settings, [*future, *DAYS], RUN)

    assert versions(books) == dict.fromkeys(LABELS, (1, 0))


def test_a_range_stops_at_the_third_day_that_has_not_ended_and_is_retried(
    settings: Settings, platform: Platform, books: Books
) -> None:
    fill(platform)
    future = [day_of(date(2999, 1, number), NEW_YORK) for number in range(1, 8)]

    named = f"{WRONG.label}, 2999-01-01, 2999-01-02, 2999-01-07"
    failed = rf"4 of 12 days failed \({named}\), 4 were not tried"
    with spoiled(platform, WRONG), pytest.raises(NotReady, match=failed):
        close_days(settings, [*DAYS, *future], RUN)

    assert versions(books) == {label: (1, 0) for label in LABELS if label != WRONG.label}


def test_a_range_whose_store_cannot_be_reached_is_retried(
    settings: Settings, platform: Platform
) -> None:
    nowhere = replace(settings, store="host=127.0.0.1 port=1 connect_timeout=1")
    with pytest.raises(Transient):
        close_days(nowhere, DAYS, RUN)


def test_a_range_without_replicas_stops_at_the_third_day_and_continues_from_there(
    settings: Settings, platform: Platform, books: Books
) -> None:
    fill(platform)
    lost = tuple(Replica(r.name, f"{r.conninfo} port=1") for r in settings.replicas)
    alone = hurried(replace(settings, replicas=lost))
    close_days(settings, DAYS[:1], RUN)

    with pytest.raises(NotReady, match=r"3 of 5 days failed .*, 1 were not tried"):
        close_days(alone, DAYS, RUN)
    close_days(settings, DAYS, RUN)

    assert versions(books) == dict.fromkeys(LABELS, (1, 0))


def test_a_wrong_setting_stops_a_range_at_once(
    settings: Settings, platform: Platform, books: Books
) -> None:
    fill(platform)
    alone = replace(settings, replicas=settings.replicas[:1])
    with pytest.raises(Misconfigured, match="a cross-check needs two replicas"):
        close_days(alone, DAYS, RUN)
    assert versions(books) == {}


def test_a_range_that_takes_long_is_closed_by_several_tasks_in_order(
    settings: Settings, platform: Platform, books: Books
) -> None:
    fill(platform)
    at_once = replace(settings, range_task_seconds=0.0)

    # Each task closes the next day; the last one has the closes of all of them.
    for count in range(1, len(DAYS)):
        assert close_days(at_once, DAYS, RUN) is None
        assert [*versions(books)] == LABELS[:count]
    closes = close_days(at_once, DAYS, RUN)

    assert closes is not None
    assert [(each.period, each.version, each.outcome) for each in closes] == [
        (day, 1, "new") for day in DAYS
    ]
    assert versions(books) == dict.fromkeys(LABELS, (1, 0))


def test_a_day_that_failed_in_an_earlier_task_is_tried_again_after_all_others(
    settings: Settings, platform: Platform, books: Books, caplog: pytest.LogCaptureFixture
) -> None:
    fill(platform)
    at_once = replace(settings, range_task_seconds=0.0)

    with spoiled(platform, WRONG):
        for count in (1, 2, 3, 4):
            assert close_days(at_once, DAYS, RUN) is None
            assert len(versions(books)) == count
        # It is tried in its turn, and once more at the end.
        failed = [each.message for each in caplog.records if each.levelno == logging.ERROR]
        assert len(failed) == 1
        with pytest.raises(WrongData, match=rf"1 of 5 days failed \({WRONG.label}\), 0 were not"):
            close_days(at_once, DAYS, RUN)
    closes = close_days(at_once, DAYS, RUN)

    assert closes is not None
    assert outcomes(closes) == dict.fromkeys(LABELS, "new")
    assert versions(books) == dict.fromkeys(LABELS, (1, 0))


def test_a_task_goes_on_until_it_has_closed_a_day(
    settings: Settings, platform: Platform, books: Books
) -> None:
    fill(platform)
    at_once = replace(settings, range_task_seconds=0.0)

    with spoiled(platform, DAYS[0]):
        assert close_days(at_once, DAYS, RUN) is None

    assert [*versions(books)] == [DAYS[1].label]


def test_the_closes_of_a_range_say_what_the_run_has_changed(
    settings: Settings, platform: Platform
) -> None:
    fill(platform)
    closed(settings)
    platform.settle(WRONG.start + DAY / 4, 5)

    changed = closed(settings)

    assert outcomes(changed) == dict.fromkeys(LABELS, "new") | {WRONG.label: "changed"}
    assert {each.version for each in changed if each.period == WRONG} == {2}
