"""Statements in parts that are a third of the real ones, and take a third of the time."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from closebook.statements.render import pagination
from closebook.statements.stamp import page_filler, stamped_renderer
from tests.statements.samples import LINES_OF_A_PART, MOST_LINES_AT_ONCE


@contextmanager
def short_parts() -> Iterator[None]:
    """Lay out statements in such parts within the block."""
    with pytest.MonkeyPatch.context() as patch:
        for module in (pagination, stamped_renderer):
            patch.setattr(module, "MAX_LINES_WITHOUT_PARTS", MOST_LINES_AT_ONCE)
        for module in (pagination, stamped_renderer, page_filler):
            patch.setattr(module, "LINES_PER_PART", LINES_OF_A_PART)
        yield
