"""The rules of a time zone change between two closes: each row belongs to one of them.

tests/closes/almaty.py has the rules.
"""

from pathlib import Path

import pytest

from closebook.closes.boundaries import BoundaryMoved
from closebook.closes.day import close_day
from closebook.closes.day_range import close_days
from closebook.closes.month import close_month
from closebook.errors import Misconfigured, NotReady
from closebook.periods import HOUR, day_of, parse_month
from closebook.settings import Settings
from local.stack import Stack
from tests.books import Books
from tests.close_fixtures import RUN
from tests.closes.almaty import (
    ACCEPTED,
    ACCOUNT,
    ALMATY,
    FIRST_OF_MARCH,
    LEAP_DAY,
    MIDNIGHT_BY_UTC_PLUS_5,
    MIDNIGHT_BY_UTC_PLUS_6,
    SECOND_OF_MARCH,
    WITHOUT_REASON,
    change_register,
    entries_of,
    tzdata_from,
)

# ---- a gap and an overlap stop the close --------------------------------------------------


def test_new_rules_that_leave_an_hour_between_two_months_stop_the_second(
    almaty: Settings, books: Books, utc_plus_6: Path, utc_plus_5: Path
) -> None:
    with tzdata_from(utc_plus_6):
        close_month(almaty, parse_month("2024-02", ALMATY), RUN)
    size_before = books.size()

    with tzdata_from(utc_plus_5), pytest.raises(BoundaryMoved) as stopped:
        close_month(almaty, parse_month("2024-03", ALMATY), RUN)

    text = str(stopped.value)
    assert "begins at 2024-02-29T19:00:00+00:00" in text
    assert "month 2024-02 was closed so that it ended at 2024-02-29T18:00:00+00:00" in text
    assert "tzdata 2024b+" in text
    assert "tzdata 2024a+" in text
    assert "trigger monthly_statements by hand with the month 2024-03, accept_boundary" in text
    assert books.size() == size_before


def test_new_rules_that_put_an_hour_into_two_months_stop_the_second(
    almaty: Settings, utc_plus_6: Path, utc_plus_5: Path
) -> None:
    with tzdata_from(utc_plus_5):
        close_month(almaty, parse_month("2024-02", ALMATY), RUN)

    with tzdata_from(utc_plus_6), pytest.raises(BoundaryMoved, match="on no statement, or on two"):
        close_month(almaty, parse_month("2024-03", ALMATY), RUN)


def test_a_month_before_the_first_closed_one_has_to_meet_it_as_well(
    almaty: Settings, utc_plus_6: Path, utc_plus_5: Path
) -> None:
    with tzdata_from(utc_plus_6):
        close_month(almaty, parse_month("2024-03", ALMATY), RUN)

    with (
        tzdata_from(utc_plus_5),
        pytest.raises(BoundaryMoved, match="month 2024-03 was closed so that it beg"),
    ):
        close_month(almaty, parse_month("2024-02", ALMATY), RUN)


def test_new_rules_stop_the_day_after_the_last_closed_one_and_no_other_day(
    almaty: Settings, utc_plus_6: Path, utc_plus_5: Path
) -> None:
    with tzdata_from(utc_plus_6):
        close_day(almaty, day_of(LEAP_DAY, ALMATY), RUN)

    with tzdata_from(utc_plus_5):
        with pytest.raises(BoundaryMoved, match="daily_rollups by hand with the day 2024-03-01"):
            close_day(almaty, day_of(FIRST_OF_MARCH, ALMATY), RUN)
        assert close_day(almaty, day_of(SECOND_OF_MARCH, ALMATY), RUN).outcome == "new"


def test_a_month_and_its_days_have_to_agree_about_its_edges(
    almaty: Settings, utc_plus_6: Path, utc_plus_5: Path
) -> None:
    with tzdata_from(utc_plus_6):
        close_day(almaty, day_of(LEAP_DAY, ALMATY), RUN)

    with (
        tzdata_from(utc_plus_5),
        pytest.raises(BoundaryMoved, match="day 2024-02-29 was closed so that it en"),
    ):
        close_month(almaty, parse_month("2024-02", ALMATY), RUN)


def test_the_same_rules_stop_nothing(almaty: Settings, books: Books, utc_plus_5: Path) -> None:
    with tzdata_from(utc_plus_5):
        for day in (LEAP_DAY, FIRST_OF_MARCH):
            close_day(almaty, day_of(day, ALMATY), RUN)
        close_month(almaty, parse_month("2024-02", ALMATY), RUN)
        assert day_of(LEAP_DAY, ALMATY).end == MIDNIGHT_BY_UTC_PLUS_5

    assert books.failed_tie_outs() == []


# ---- how a person goes on ------------------------------------------------------------------


def test_with_the_boundary_accepted_a_month_begins_where_the_one_before_was_closed_to(
    almaty: Settings, books: Books, utc_plus_6: Path, utc_plus_5: Path
) -> None:
    with tzdata_from(utc_plus_6):
        february = close_month(almaty, parse_month("2024-02", ALMATY), RUN)
    with tzdata_from(utc_plus_5):
        for day in (FIRST_OF_MARCH, SECOND_OF_MARCH):
            close_day(almaty, day_of(day, ALMATY), ACCEPTED)
        days = [day for day in parse_month("2024-03", ALMATY).days() if day.first_date.day > 2]
        close_days(almaty, days, RUN)

        march = close_month(almaty, parse_month("2024-03", ALMATY), ACCEPTED)

    assert march.outcome == "new"
    assert (march.period.start, march.period.label) == (MIDNIGHT_BY_UTC_PLUS_6, "2024-03")
    assert books.statements(february.close_id) == {ACCOUNT: (0, 100, 1)}
    assert books.statements(march.close_id) == {ACCOUNT: (100, 882, 2)}
    # On the statement's own first day, though clocks showed another date by the new rules.
    assert entries_of(books, march.close_id) == [(777, FIRST_OF_MARCH), (5, FIRST_OF_MARCH)]
    assert books.failed_tie_outs() == []
    [first, second] = books.rows(
        "select tzdata_version from reporting.closes where grain = 'month' order by period_start"
    )
    assert first["tzdata_version"].startswith("2024a+")
    assert second["tzdata_version"].startswith("2024b+")


def test_a_day_with_the_boundary_accepted_is_as_long_as_it_takes(
    almaty: Settings, utc_plus_6: Path, utc_plus_5: Path
) -> None:
    with tzdata_from(utc_plus_5):
        close_day(almaty, day_of(LEAP_DAY, ALMATY), RUN)
    with tzdata_from(utc_plus_6):
        first = close_day(almaty, day_of(FIRST_OF_MARCH, ALMATY), ACCEPTED)
        second = close_day(almaty, day_of(SECOND_OF_MARCH, ALMATY), RUN)

    assert first.period.start == MIDNIGHT_BY_UTC_PLUS_5
    assert first.period.end - first.period.start == 23 * HOUR
    assert second.period.start == first.period.end


def test_a_boundary_is_accepted_with_a_reason_only(
    almaty: Settings, utc_plus_6: Path, utc_plus_5: Path
) -> None:
    with tzdata_from(utc_plus_6):
        close_month(almaty, parse_month("2024-02", ALMATY), RUN)

    with tzdata_from(utc_plus_5), pytest.raises(Misconfigured, match="accepted only with a reason"):
        close_month(almaty, parse_month("2024-03", ALMATY), WITHOUT_REASON)


def test_a_gap_that_the_register_has_already_is_corrected_by_closing_the_day_before_it_again(
    stack: Stack, almaty: Settings, books: Books, utc_plus_5: Path
) -> None:
    with tzdata_from(utc_plus_5):
        for day in list(parse_month("2024-03", ALMATY).days()):
            close_day(almaty, day, RUN)
        change_register(
            stack,
            almaty,
            "update reporting.closes set period_end = period_end - interval '1 hour'"
            " where first_date = '2024-03-01'",
        )
        march = parse_month("2024-03", ALMATY)
        with pytest.raises(
            BoundaryMoved, match="do not meet: a span of 1:00:00 is in neither of them"
        ):
            close_month(almaty, march, RUN)
        with pytest.raises(BoundaryMoved, match="the day 2024-03-01, accept_boundary"):
            close_day(almaty, day_of(SECOND_OF_MARCH, ALMATY), RUN)

        again = close_day(almaty, day_of(FIRST_OF_MARCH, ALMATY), ACCEPTED)

        assert (again.outcome, again.version) == ("changed", 2)
        assert again.period == day_of(FIRST_OF_MARCH, ALMATY)
        assert close_month(almaty, march, RUN).outcome == "new"


def test_another_business_time_zone_stops_a_new_day_and_one_that_is_closed(
    almaty: Settings, settings: Settings, utc_plus_5: Path
) -> None:
    with tzdata_from(utc_plus_5):
        close_day(almaty, day_of(LEAP_DAY, ALMATY), RUN)
    there = "America/New_York"

    with pytest.raises(BoundaryMoved, match="CLOSEBOOK_TIME_ZONE was changed by mistake, set it"):
        close_day(settings, day_of(FIRST_OF_MARCH, there), RUN)
    with pytest.raises(BoundaryMoved, match=f"closed in the time zone {ALMATY}"):
        close_day(settings, day_of(LEAP_DAY, there), RUN)
    moved = close_day(settings, day_of(FIRST_OF_MARCH, there), ACCEPTED)

    assert (moved.period.start, moved.period.time_zone) == (MIDNIGHT_BY_UTC_PLUS_5, there)
    assert moved.period.end == day_of(FIRST_OF_MARCH, there).end


# ---- months that are missing between --------------------------------------------------------


def test_a_month_waits_for_the_months_between_it_and_the_last_closed_one(
    almaty: Settings, utc_plus_5: Path
) -> None:
    with tzdata_from(utc_plus_5):
        close_month(almaty, parse_month("2024-01", ALMATY), RUN)
        with pytest.raises(
            NotReady, match=r"2 months before it are not closed \(2024-02 … 2024-03\)"
        ):
            close_month(almaty, parse_month("2024-04", ALMATY), RUN)

        for label in ("2024-02", "2024-03", "2024-04"):
            assert close_month(almaty, parse_month(label, ALMATY), RUN).outcome == "new"
