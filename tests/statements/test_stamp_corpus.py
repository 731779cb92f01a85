"""A sample of the corpus: both renderers make equal documents (stamp_corpus.py has the rest)."""

from dataclasses import replace
from itertools import islice
from pathlib import Path

import pytest

from tests.statements.stamp_corpus import outcomes
from tests.statements.stamp_corpus_groups import BRAND_COUNT, DESIGNS, groups

SOME = slice(1, 4)
"""A statement of a few lines, and two that end near the end of a page."""


@pytest.mark.parametrize(
    "number",
    [BRAND_COUNT, *range(BRAND_COUNT - len(DESIGNS), BRAND_COUNT)],
    ids=["ours", "another width and size", "another letterhead", "higher rows"],
)
def test_a_sample_of_the_corpus_is_equal_and_a_change_of_the_design_needs_no_other_change(
    number: int, tmp_path: Path
) -> None:
    [group] = islice(groups(tmp_path), number, number + 1)
    found = list(outcomes(replace(group, statements=group.statements[SOME])))
    assert [(one.outside, one.differences) for one in found] == [(None, ())] * 3
