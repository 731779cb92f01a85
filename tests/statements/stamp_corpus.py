"""Compares both renderers by a corpus of generated statements (stamp_corpus_groups.py).

    .venv/bin/python -m tests.statements.stamp_corpus 2000 --processes 2

The same number gives the same statements again. The corpus says how many are equal, how many the
second renderer has left to the first and why, and what differs. ``--only`` makes the groups whose
names have one of some texts, such as `harbour` or `ar_EG`.
"""

import argparse
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import dataclass
from itertools import islice
from multiprocessing import Pool
from pathlib import Path

import local  # noqa: F401  # puts plugins/ on the path
from closebook.statements.render.document import render
from closebook.statements.stamp.outside_layout import OutsideLayout
from closebook.statements.stamp.stamped_renderer import StampedRenderer
from tests.statements.brands import in_brand
from tests.statements.equal_documents import differences
from tests.statements.stamp_corpus_groups import Group, groups

STATEMENTS_OF_A_GROUP = 7


@dataclass(frozen=True)
class Outcome:
    """What came of a statement: nothing differs, the first renderer made it, or what differs."""

    group: str
    number: int
    outside: str | None
    differences: tuple[str, ...]


def outcomes(group: Group) -> Iterator[Outcome]:
    """Make each statement of a group by both renderers, and compare the documents."""
    with nullcontext() if group.brand is None else in_brand(group.brand):
        renderer = StampedRenderer.of_settings()
        renderer.prepare([], again=group.statements)
        for number, made in enumerate(group.statements):
            try:
                stamped = renderer.stamp(made).pdf
            except OutsideLayout as outside:
                yield Outcome(group.name, number, str(outside), ())
                continue
            found = differences(render(made).pdf, stamped)
            yield Outcome(group.name, number, None, tuple(found))


def _all_outcomes(group: Group) -> list[Outcome]:
    try:
        return list(outcomes(group))
    except Exception as error:  # the other groups are compared all the same
        return [Outcome(group.name, 0, None, (f"the group fails: {error!r}",))]


def main(count: int, processes: int, only: list[str], first: int = 0) -> int:
    """Compare so many statements, and print what came of them; return how many differ."""
    outside: Counter[str] = Counter()
    equal = different = done = 0
    # The memory of a group, such as that of its fonts, ends with its process.
    with tempfile.TemporaryDirectory() as folder, Pool(processes, maxtasksperchild=1) as pool:
        every = islice(groups(Path(folder)), first, first + -(-count // STATEMENTS_OF_A_GROUP))
        wanted = (each for each in every if not only or any(text in each.name for text in only))
        for found in pool.imap_unordered(_all_outcomes, wanted):
            for one in found:
                done += 1
                if one.outside is not None:
                    outside[one.outside.partition(":")[0]] += 1
                elif one.differences:
                    different += 1
                else:
                    equal += 1
                if one.differences or one.outside:
                    _say(f"{one.group}, {one.number}: {one.outside or one.differences}")
            shares = ", ".join(f"{n} {why} ({n / done:.1%})" for why, n in outside.most_common())
            _say(f"{done} statements: {equal} equal, {different} different; not stamped: {shares}")
    return different


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("count", type=int, help="how many statements, in groups of seven")
    parser.add_argument("--processes", type=int, default=1)
    parser.add_argument("--first", type=int, default=0, help="the number of the first group")
    parser.add_argument("--only", action="append", default=[], metavar="TEXT")
    wanted = parser.parse_args()
    sys.exit(main(wanted.count, wanted.processes, wanted.only, wanted.first) > 0)
