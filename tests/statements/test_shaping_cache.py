"""The cache of shaped text changes no byte of a document."""

from contextlib import nullcontext

import pytest
from weasyprint.text import line_break

from closebook.statements.model import Statement
from closebook.statements.render.document import render
from closebook.statements.weasyprint_adapter import page_layout
from tests.statements.rendered_pdf import rendered
from tests.statements.samples import entry, kinds, of, statement

WRAPPED = "one line\nand another " + "שלום 123 مرحبا soft\u00adhyphen नमस्ते " * 8


@pytest.mark.parametrize(
    "made",
    [
        *(kinds()[name] for name in ("one line", "long amounts", "corrected, right to left")),
        kinds()["emoji and a lack"],
        statement(entry(-1, WRAPPED, counterparty=WRAPPED)),
        statement(entry(-1, WRAPPED, counterparty=WRAPPED), holder=of("he_IL")),
    ],
)
def test_a_document_has_the_same_bytes_with_and_without_the_cache(
    made: Statement, monkeypatch: pytest.MonkeyPatch
) -> None:
    cached = rendered(made)
    monkeypatch.setattr(page_layout, "cached_shaping", nullcontext)
    assert render(made).pdf == cached.pdf


def test_weasyprint_is_unchanged_after_a_document() -> None:
    before = line_break.Layout
    rendered(kinds()["one line"])
    assert line_break.Layout is before
