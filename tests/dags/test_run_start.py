"""A reason counts for the start of a run that it was given for."""

import pytest

from closebook.orchestration.run_start import RunStart

TYPED = {"reason": "ticket 4711"}
EARLIER = {"reason": "demo"}


def start(clear_number: int, conf: dict[str, str], run_id: str = "manual__1") -> RunStart:
    return RunStart("monthly_statements", run_id, clear_number, conf)


def conf_sha256(conf: dict[str, str]) -> str:
    return start(0, conf).conf_sha256


@pytest.mark.parametrize("conf", [{}, TYPED])
def test_the_configuration_of_a_new_run_was_given_for_it(conf: dict[str, str]) -> None:
    assert start(0, conf).has_own_conf(None)


def test_a_reason_that_was_given_for_an_earlier_start_does_not_count() -> None:
    assert not start(1, TYPED).has_own_conf(conf_sha256(TYPED))


def test_a_configuration_that_a_backfill_overrode_was_given_for_this_start() -> None:
    assert start(1, TYPED).has_own_conf(conf_sha256(EARLIER))
    assert start(2, EARLIER).has_own_conf(conf_sha256(TYPED))


def test_of_a_start_that_nobody_recorded_nothing_is_known() -> None:
    assert not start(1, TYPED).has_own_conf(None)
    assert not start(2, TYPED, "scheduled__1").has_own_conf(None)


def test_the_schedule_gives_no_reason_so_that_the_first_one_was_typed() -> None:
    assert start(1, TYPED, "scheduled__1").has_own_conf(None)
    assert not start(1, {}, "scheduled__1").has_own_conf(None)


def test_the_order_of_the_fields_is_no_difference() -> None:
    assert conf_sha256({"a": "1", "b": "2"}) == conf_sha256({"b": "2", "a": "1"})
