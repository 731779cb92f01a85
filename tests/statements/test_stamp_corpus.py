"""A sample of the corpus: both renderers make equal documents (stamp_corpus.py has the rest)."""

from dataclasses import replace
from itertools import islice
from pathlib import Path

from tests.statements.stamp_corpus import groups, outcomes

SAMPLE = 6


def test_a_sample_of_the_corpus_is_equal(tmp_path: Path) -> None:
    for group in islice(groups(tmp_path), 1):
        some = replace(group, statements=group.statements[:SAMPLE])
        found = list(outcomes(some))
        assert [one for one in found if one.differences] == []
        assert sum(one.outside is None for one in found) >= SAMPLE - 1, found
