"""A task that exceeds its limits of memory or CPU time fails alone, and its error says so."""

import os
import time
from collections.abc import Callable
from typing import Any

import pytest

from closebook.errors import Misconfigured, WrongData
from closebook.statements.bounded_process import BoundedTask, LimitExceeded, Limits, run_within
from closebook.statements.render.document import RenderedStatement, render
from tests.statements.rendered_pdf import rendered
from tests.statements.samples import many

SMALL = Limits(cpu_seconds=1, memory_bytes=64 * 1024**2)


def burn() -> None:
    while True:
        pass


def burn_most_of_a_second() -> str:
    until = time.process_time() + 0.7
    while time.process_time() < until:
        pass
    return "made"


def results_of(limits: Limits, *makes: Callable[[], Any]) -> list[Any]:
    tasks = [
        BoundedTask(f"the statement of account {n}", make) for n, make in enumerate(makes, start=77)
    ]
    return [*run_within(limits, tasks)]


def two_lines() -> RenderedStatement:
    return render(many(2))


def test_the_results_within_the_limits_come_back_in_order() -> None:
    rendered(many(2))  # fonts are loaded, as after a shard's first document

    assert results_of(Limits(), two_lines, lambda: "second", two_lines) == [
        rendered(many(2)),
        "second",
        rendered(many(2)),
    ]


def test_all_tasks_run_in_one_child_process() -> None:
    first, second = results_of(Limits(), os.getpid, os.getpid)

    assert first == second != os.getpid()


@pytest.mark.parametrize("place", [0, 1, 2])
def test_a_task_that_needs_too_much_memory_fails_alone(place: int) -> None:
    makes: list[Callable[[], Any]] = [two_lines, two_lines]
    makes.insert(place, lambda: bytearray(10**9))

    outcomes = results_of(SMALL, *makes)

    failed = outcomes.pop(place)
    assert isinstance(failed, LimitExceeded)
    assert f"account {77 + place} was not made: " in str(failed)
    assert "more than 64 MB of memory" in str(failed)
    assert outcomes == [rendered(many(2))] * 2


def test_a_task_that_needs_too_much_time_fails_alone() -> None:
    failed, after = results_of(SMALL, burn, lambda: "made")

    assert isinstance(failed, LimitExceeded)
    assert "account 77 was not made: it took more than 1 s of CPU" in str(failed)
    assert after == "made"


def test_each_task_has_the_full_limit_of_time() -> None:
    assert results_of(SMALL, *[burn_most_of_a_second] * 4) == ["made"] * 4


def test_wrong_data_of_a_task_is_its_result_and_stops_no_other_task() -> None:
    def refuse() -> None:
        raise WrongData("CB-DATA-CHECK-FAILED", "account 5 does not tie out")

    before, refused, after = results_of(Limits(), lambda: "before", refuse, lambda: "after")

    assert (before, after) == ("before", "after")
    assert isinstance(refused, WrongData)
    assert str(refused) == "CB-DATA-CHECK-FAILED: account 5 does not tie out"


def test_any_other_error_of_closebook_in_a_task_is_raised_in_the_parent() -> None:
    def refuse() -> None:
        raise Misconfigured("CB-CONFIG-NO-FONTS", "the fonts are missing")

    with pytest.raises(Misconfigured, match="the fonts are missing"):
        results_of(Limits(), lambda: "before", refuse, lambda: "after")


def test_a_bug_in_a_task_is_not_taken_for_a_result(capfd: pytest.CaptureFixture[str]) -> None:
    failed, after = results_of(Limits(), lambda: 1 // 0, lambda: "made")

    assert isinstance(failed, LimitExceeded)
    assert "ended with no result" in str(failed)
    assert "ZeroDivisionError" in capfd.readouterr().err
    assert after == "made"


def test_the_child_ends_when_the_caller_stops_early() -> None:
    tasks: list[BoundedTask[Any]] = [BoundedTask("one", os.getpid), BoundedTask("another", burn)]
    outcomes = run_within(Limits(), tasks)
    child = next(outcomes)
    assert isinstance(child, int)

    del outcomes  # as when the caller fails with the first result

    with pytest.raises(ProcessLookupError):
        os.kill(child, 0)
