"""What a run says of a close that an earlier try of it has written."""

from dataclasses import replace

from closebook.closes.hour import close_hour
from closebook.closes.run_closes import as_of_run
from closebook.settings import Settings
from tests.close_fixtures import RUN
from tests.closes.register_of_histories import NINE
from tests.platform_rows import Platform

OTHER = replace(RUN, run_id="another")


def test_a_close_that_an_earlier_try_made_is_reported_as_new_and_not_as_confirmed(
    settings: Settings, platform: Platform
) -> None:
    # Given a try that was killed after its close was written,
    platform.settle(NINE.start, 100)
    close_hour(settings, NINE, RUN)

    # when the next one closes the hour,
    again = close_hour(settings, NINE, RUN)

    # then the event says what the run has made. Otherwise nobody would hear of it.
    assert again.outcome == "confirmed"
    assert [each.outcome for each in as_of_run(settings, RUN, [again])] == ["new"]


def test_a_close_that_an_earlier_try_changed_is_reported_as_changed(
    settings: Settings, platform: Platform
) -> None:
    close_hour(settings, NINE, OTHER)
    platform.settle(NINE.start, 100)
    changed = close_hour(settings, NINE, RUN)
    assert as_of_run(settings, RUN, [changed]) == [changed]

    again = close_hour(settings, NINE, RUN)

    [reported] = as_of_run(settings, RUN, [again])
    assert (reported.outcome, reported.version) == ("changed", 2)


def test_a_close_of_another_run_is_reported_as_confirmed(
    settings: Settings, platform: Platform
) -> None:
    platform.settle(NINE.start, 100)
    close_hour(settings, NINE, OTHER)

    confirmed = close_hour(settings, NINE, RUN)

    assert [each.outcome for each in as_of_run(settings, RUN, [confirmed])] == ["confirmed"]
