"""Text that is shaped once stands on the page as WeasyPrint would have drawn it."""

from contextlib import nullcontext

import pytest
from weasyprint.text import line_break

from closebook.statements.model import Statement
from closebook.statements.render.document import render
from closebook.statements.weasyprint_adapter import layout
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
def test_it_makes_the_same_bytes(made: Statement, monkeypatch: pytest.MonkeyPatch) -> None:
    once = rendered(made)
    monkeypatch.setattr(layout, "shaped_once", nullcontext)
    assert render(made).pdf == once.pdf


def test_nobody_else_s_text_is_kept() -> None:
    before = line_break.Layout
    rendered(kinds()["one line"])
    assert line_break.Layout is before
