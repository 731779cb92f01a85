"""A document that takes too much memory or time fails alone, and says so."""

import os
import time
from collections.abc import Callable
from typing import Any

import pytest

from closebook.errors import WrongData
from closebook.statements.bounded_process import Job, Limits, TooMuch, each_within
from closebook.statements.render.document import Rendered, render
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


def made(limits: Limits, *makes: Callable[[], Any]) -> list[Any]:
    jobs = [Job(f"the statement of account {n}", make) for n, make in enumerate(makes, start=77)]
    return [*each_within(limits, jobs)]


def two_lines() -> Rendered:
    return render(many(2))


def test_what_is_made_within_the_limits_comes_back_whole_and_in_order() -> None:
    rendered(many(2))  # fonts are loaded, as after a shard's first document

    assert made(Limits(), two_lines, lambda: "second", two_lines) == [
        rendered(many(2)),
        "second",
        rendered(many(2)),
    ]


def test_all_of_them_are_made_in_one_other_process() -> None:
    first, second = made(Limits(), os.getpid, os.getpid)

    assert first == second != os.getpid()


@pytest.mark.parametrize("place", [0, 1, 2])
def test_too_much_memory_ends_the_document_alone(place: int) -> None:
    makes: list[Callable[[], Any]] = [two_lines, two_lines]
    makes.insert(place, lambda: bytearray(10**9))

    outcomes = made(SMALL, *makes)

    failed = outcomes.pop(place)
    assert isinstance(failed, TooMuch)
    assert f"account {77 + place} was not made: " in str(failed)
    assert "more than 64 MB of memory" in str(failed)
    assert outcomes == [rendered(many(2))] * 2


def test_too_much_time_ends_the_document_alone() -> None:
    failed, after = made(SMALL, burn, lambda: "made")

    assert isinstance(failed, TooMuch)
    assert "account 77 was not made: it took more than 1 s of CPU" in str(failed)
    assert after == "made"


def test_each_document_has_the_whole_time_for_itself() -> None:
    assert made(SMALL, *[burn_most_of_a_second] * 4) == ["made"] * 4


def test_what_is_refused_in_the_copy_is_refused_here() -> None:
    def refuse() -> None:
        raise WrongData("CB-DATA-CHECK-FAILED", "account 5 does not tie out")

    with pytest.raises(WrongData, match="account 5 does not tie out"):
        made(Limits(), lambda: "before", refuse, lambda: "after")


def test_a_bug_in_the_copy_is_not_taken_for_a_result(capfd: pytest.CaptureFixture[str]) -> None:
    failed, after = made(Limits(), lambda: 1 // 0, lambda: "made")

    assert isinstance(failed, TooMuch)
    assert "ended with no result" in str(failed)
    assert "ZeroDivisionError" in capfd.readouterr().err
    assert after == "made"


def test_the_copy_ends_when_nobody_wants_the_rest() -> None:
    jobs: list[Job[Any]] = [Job("one", os.getpid), Job("another", burn)]
    outcomes = each_within(Limits(), jobs)
    copy = next(outcomes)
    assert isinstance(copy, int)

    del outcomes  # as when what is done with the first one fails

    with pytest.raises(ProcessLookupError):
        os.kill(copy, 0)
