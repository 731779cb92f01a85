"""The proof of `make soak-cluster` finds what differs between the platform and the store."""

import psycopg

from closebook.closes.day import close_day
from closebook.closes.month import close_month
from closebook.periods import HOUR
from closebook.settings import Settings
from local.soak_proof import compared, unequal_rows
from tests.close_fixtures import RUN
from tests.closes.october import LAST_DAY, OCTOBER
from tests.platform_rows import Platform


def differing(settings: Settings, platform: Platform) -> list[str]:
    with psycopg.connect(settings.store) as store:
        return [*unequal_rows(platform.connection, store, compared(OCTOBER, [LAST_DAY]))]


def test_what_is_closed_is_equal_and_each_late_row_differs_in_all_that_have_it(
    settings: Settings, platform: Platform
) -> None:
    platform.open_account(1)
    for number in (1, 2, 3):
        platform.post(1, LAST_DAY.start + number * HOUR, 10 * number)
        platform.settle(LAST_DAY.start + number * HOUR, 10 * number)
    close_day(settings, LAST_DAY, RUN)
    close_month(settings, OCTOBER, RUN)
    assert differing(settings, platform) == []

    platform.settle(LAST_DAY.start + HOUR, 1)
    platform.post(1, LAST_DAY.start + HOUR, 7)

    # The hour, the day and the statement are there with other values, the line is not there.
    assert [found.split(", such as")[0] for found in differing(settings, platform)] == [
        "hour: 1 rows are only in the platform",
        "hour: 1 rows are only in the store",
        "day: 1 rows are only in the platform",
        "day: 1 rows are only in the store",
        "line: 1 rows are only in the platform",
        "statement: 1 rows are only in the platform",
        "statement: 1 rows are only in the store",
    ]
    close_month(settings, OCTOBER, RUN)
    assert differing(settings, platform) == []
