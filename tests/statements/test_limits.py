"""A document that takes too much memory or time fails alone, and says so."""

import os

import pytest

from closebook.errors import WrongData
from closebook.statements.limits import Limits, TooMuch, within
from closebook.statements.render import render
from tests.statements.reading import rendered
from tests.statements.samples import many

SMALL = Limits(cpu_seconds=1, memory_bytes=64 * 1024**2)


def burn() -> None:
    while True:
        pass


def test_what_is_made_within_the_limits_comes_back_whole() -> None:
    rendered(many(2))  # fonts are loaded, as after a shard's first document
    made = within(Limits(), "the statement of account 77", lambda: render(many(2)))
    assert made == rendered(many(2))


def test_it_is_made_in_another_process() -> None:
    assert within(Limits(), "it", os.getpid) != os.getpid()


def test_too_much_memory_ends_the_document_and_not_the_worker() -> None:
    with pytest.raises(TooMuch, match=r"account 77 was not made: .* more than 64 MB of memory"):
        within(SMALL, "the statement of account 77", lambda: bytearray(10**9))


def test_after_a_document_that_took_too_much_the_next_one_is_made() -> None:
    with pytest.raises(TooMuch, match="account 76 was not made"):
        within(SMALL, "the statement of account 76", lambda: (bytearray(10**9), render(many(2))))
    made = within(Limits(), "the statement of account 77", lambda: render(many(2)))
    assert made == rendered(many(2))


def test_too_much_time_ends_the_document_and_not_the_worker() -> None:
    with pytest.raises(TooMuch, match="account 77 was not made: it took more than 1 s of CPU"):
        within(SMALL, "the statement of account 77", burn)


def test_what_is_refused_in_the_copy_is_refused_here() -> None:
    def refuse() -> None:
        raise WrongData("account 5 does not tie out")

    with pytest.raises(WrongData, match="account 5 does not tie out"):
        within(Limits(), "it", refuse)


def test_a_bug_in_the_copy_is_not_taken_for_a_result(capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(TooMuch, match="ended with no result"):
        within(Limits(), "it", lambda: 1 // 0)
    assert "ZeroDivisionError" in capfd.readouterr().err
