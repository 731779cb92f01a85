"""Hours with payments in three currencies, and their closes."""

from datetime import timedelta

from closebook.closes.hour import close_hour
from closebook.periods import Period, hour_of
from closebook.settings import Settings
from tests.close_fixtures import RUN
from tests.platform_rows import Platform, utc

NINE = hour_of(utc("2026-10-15T09:00Z"))
TEN = hour_of(NINE.end)
ELEVEN = hour_of(TEN.end)


def fill(platform: Platform) -> None:
    """Two hours in three currencies, with money going back in both."""
    platform.settle(NINE.start, 1000)
    platform.settle(NINE.end - timedelta(seconds=1), 2500)
    platform.settle(NINE.start, 300, kind="refund")
    platform.settle(NINE.start, 9_007_199_254_740_993, "JPY")
    platform.settle(TEN.start, 70)
    platform.settle(TEN.start, 10, kind="refund")
    platform.settle(TEN.start, 20, kind="chargeback")
    platform.settle(TEN.start, 55, "KWD")
    platform.settle(TEN.end, 999)


def close(settings: Settings, *hours: Period) -> None:
    for hour in hours:
        close_hour(settings, hour, RUN)
