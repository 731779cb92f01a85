"""When a close is late: by the business zone's clocks, also on the days on which they change."""

from datetime import UTC, date, datetime

import pytest

from closebook.notifications.late_closes import late_at, late_periods
from closebook.periods import DAY, Grain, Period, day_of, hour_of, month_of
from closebook.settings import Settings
from closebook.store.session import on_store
from local.stack import Stack
from tests.notifications.events_of_the_store import StoreEvents

NEW_YORK = "America/New_York"


@pytest.mark.parametrize(
    ("period", "instant"),
    [
        pytest.param(
            hour_of(datetime(2026, 11, 1, 5, 30, tzinfo=UTC)),
            datetime(2026, 11, 1, 6, 15, tzinfo=UTC),
            id="an hour 15 minutes after its end",
        ),
        pytest.param(
            day_of(date(2026, 11, 28), NEW_YORK),
            datetime(2026, 11, 29, 11, tzinfo=UTC),
            id="a day at 06:00 of the next one",
        ),
        pytest.param(
            day_of(date(2026, 10, 31), NEW_YORK),
            datetime(2026, 11, 1, 11, tzinfo=UTC),
            id="by the clocks as they are at six, on the day on which they go back",
        ),
        pytest.param(
            day_of(date(2026, 3, 7), NEW_YORK),
            datetime(2026, 3, 8, 10, tzinfo=UTC),
            id="and forward",
        ),
        pytest.param(
            day_of(date(2011, 12, 29), "Pacific/Apia"),
            datetime(2011, 12, 30, 16, tzinfo=UTC),
            id="the next day is the next one that there was",
        ),
        pytest.param(
            month_of(2026, 10, NEW_YORK),
            datetime(2026, 11, 2, 5, tzinfo=UTC),
            id="a month on the second",
        ),
        pytest.param(
            month_of(2026, 12, "Asia/Kolkata"),
            datetime(2027, 1, 1, 18, 30, tzinfo=UTC),
            id="of the next year",
        ),
    ],
)
def test_a_close_is_late(period: Period, instant: datetime) -> None:
    assert late_at(period) == instant


NOW = datetime(2026, 11, 2, 12, tzinfo=UTC)
FIRST = datetime(2020, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("grain", "late"),
    [
        (Grain.HOUR, ["2026-11-02T09Z", "2026-11-02T10Z"]),
        (Grain.DAY, ["2026-11-01"]),
        (Grain.MONTH, ["2026-10"]),
    ],
)
def test_what_became_late_between_two_instants_is_late_until_it_is_closed(
    stack: Stack, settings: Settings, module_store_database: str, grain: Grain, late: list[str]
) -> None:
    events = StoreEvents(stack, settings, module_store_database)
    since = NOW.replace(hour=10, minute=5) if grain is Grain.HOUR else NOW - DAY

    def labels() -> list[str]:
        with on_store(settings) as store:
            return [each.label for each in late_periods(store, grain, NEW_YORK, since, NOW)]

    assert labels() == []
    events.close(1, grain, FIRST, FIRST.replace(hour=1))
    assert labels() == late
    with on_store(settings) as store:
        [first, *_] = late_periods(store, grain, NEW_YORK, since, NOW)
    events.close(2, grain, first.start, first.end)
    assert labels() == late[1:]
