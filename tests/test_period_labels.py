"""The names of periods, and what is refused as a period."""

from datetime import date
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from closebook import periods
from closebook.errors import Misconfigured
from closebook.periods import DAY, Grain, Period
from tests.platform_rows import utc


def test_labels_name_the_hour_in_utc_and_the_rest_in_the_business_zone() -> None:
    instant = utc("2026-11-01T03:30Z")

    assert periods.hour_of(instant).label == "2026-11-01T03Z"
    assert periods.day_containing(instant, "America/New_York").label == "2026-10-31"
    assert periods.month_containing(instant, "America/New_York").label == "2026-10"


def test_a_period_says_its_grain_its_label_and_its_bounds() -> None:
    text = str(periods.day_of(date(2026, 3, 8), "America/New_York"))

    assert text == "day 2026-03-08 [2026-03-08T05:00:00+00:00, 2026-03-09T04:00:00+00:00)"


@pytest.mark.parametrize("name", ["Mars/Olympus", "", "../../etc/passwd", "New York", "EST5\0"])
def test_an_unknown_zone_is_refused_with_the_setting_to_mend(name: str) -> None:
    with pytest.raises(Misconfigured, match="CLOSEBOOK_TIME_ZONE"):
        periods.zone(name)


@pytest.mark.parametrize(
    "text",
    ["", "2026", "2026-13", "2026-00", "2026-1", "202610", "2026-10-01", "October", "2026-W05"],
)
def test_what_is_no_month_is_refused_with_the_right_form(text: str) -> None:
    with pytest.raises(Misconfigured, match="YYYY-MM"):
        periods.parse_month(text, "UTC")


@given(st.text(max_size=10).filter(lambda text: not text.isascii() or not text[:4].isdigit()))
def test_any_other_text_is_no_month(text: str) -> None:
    with pytest.raises(Misconfigured):
        periods.parse_month(text, "UTC")


@pytest.mark.parametrize("text", ["9999-12", "0001-01"])
def test_a_month_at_the_edge_of_the_calendar_is_refused(text: str) -> None:
    with pytest.raises(Misconfigured):
        periods.parse_month(text, "Asia/Kolkata")


def test_a_date_that_the_zone_skipped_is_no_day() -> None:
    with pytest.raises(Misconfigured, match="skipped"):
        periods.day_of(date(2011, 12, 30), "Pacific/Apia")


def test_bounds_must_be_utc_and_in_order() -> None:
    start = utc("2026-10-31T00:00Z")
    with pytest.raises(Misconfigured, match="empty"):
        Period(Grain.DAY, start, start, "UTC")
    with pytest.raises(Misconfigured, match="in UTC"):
        Period(Grain.DAY, start.astimezone(ZoneInfo("Europe/Prague")), start + DAY, "UTC")
