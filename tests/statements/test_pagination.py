"""A long statement is laid out in parts that no reader can see, with the memory of one part."""

import os
import re
import subprocess
import sys

import pytest

from closebook.statements.model import Statement
from tests.statements.rendered_pdf import ROOT, content, pages
from tests.statements.samples import MOST_LINES_AT_ONCE, entry, many, statement

COUNT = MOST_LINES_AT_ONCE + 1


@pytest.fixture(scope="module")
def long() -> tuple[Statement, list[str]]:
    made = many(COUNT)
    return made, pages(made)


def test_every_line_is_printed_once_and_in_order(long: tuple[Statement, list[str]]) -> None:
    made, printed = long
    assert re.findall(r"T48\d{4}", "".join(printed)) == [line.reference for line in made.lines]


def test_each_page_has_its_number_and_that_of_all_pages(long: tuple[Statement, list[str]]) -> None:
    _, printed = long
    assert len(printed) > 5
    for number, page in enumerate(printed, start=1):
        assert re.findall(r"Page \d+ of \d+", page) == [f"Page {number} of {len(printed)}"]


def test_every_part_ends_with_a_full_page(long: tuple[Statement, list[str]]) -> None:
    _, printed = long
    lines = [len(re.findall(r"T48\d{4}", page)) for page in printed]
    assert len(set(lines[1:-2])) == 1, lines


def test_the_letterhead_is_on_the_first_page_and_the_notes_are_on_the_last(
    long: tuple[Statement, list[str]],
) -> None:
    _, printed = long
    assert ["Opening balance" in page for page in printed] == [True] + [False] * (len(printed) - 1)
    assert ["About this statement" in page for page in printed] == [False] * (len(printed) - 1) + [
        True
    ]
    assert all("Account statement, October 2026" in page for page in printed[1:])


def test_a_line_that_is_longer_than_a_part_is_complete() -> None:
    # Given a statement that is laid out in parts, and one line that fills several pages
    words = [f"word{number:05d}" for number in range(4000)]
    entries = [entry(-1) for _ in range(COUNT)]
    entries[5] = entry(-1, " ".join(words))
    # When it is printed
    text = content(statement(*entries))
    # Then no word of this line is lost or repeated, and no other line either
    assert re.findall(r"word\d{5}", text) == words
    assert len(re.findall(r"T48\d{4}", text)) == COUNT


PROGRAM = """
import sys
from closebook.statements.render.document import render
from local.processes import peak_memory_kb
from tests.statements.samples import many
render(many(30))
made = many(int(sys.argv[1]))
render(made)
print(peak_memory_kb())
"""


def test_three_times_as_many_lines_take_at_most_a_quarter_more_memory() -> None:
    def megabytes(count: int) -> float:
        ran = subprocess.run(
            [sys.executable, "-c", PROGRAM, str(count)],
            cwd=ROOT,
            env=os.environ | {"PYTHONPATH": f"{ROOT / 'plugins'}:{ROOT}"},
            capture_output=True,
            text=True,
            check=True,
        )
        return int(ran.stdout) / 1024

    small, large = megabytes(700), megabytes(2100)
    assert large < small * 1.25
    assert large < 200
