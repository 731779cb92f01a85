"""Text is shaped once: WeasyPrint forgets what Pango made of it, and asks again to draw it."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import lru_cache
from typing import Any


@contextmanager
def shaped_once() -> Iterator[None]:
    """Let text that is laid out within be drawn as it was shaped then, and each style's font be
    described once: a tenth of a document's time.

    The bytes are the same. What is kept goes with the document's boxes, a part of a long account
    at a time.
    """
    from weasyprint.layout import inline
    from weasyprint.text import line_break

    before = line_break.Layout, line_break.get_font_description, inline.strut
    layout, described, strut = before
    line_break.Layout = _kept(layout)
    line_break.get_font_description = _once_a_style(described)
    inline.strut = _once_a_style(strut)
    try:
        yield
    finally:
        line_break.Layout, line_break.get_font_description, inline.strut = before


def _once_a_style(ask: Callable[[Any], Any]) -> Callable[[Any], Any]:
    # The style is kept with the answer, or another one might come to have its address.
    known: dict[int, tuple[Any, Any]] = {}

    def answer(style: Any) -> Any:
        found = known.get(id(style))
        if found is None:
            found = known[id(style)] = style, ask(style)
        return found[1]

    return answer


@lru_cache(maxsize=1)
def _kept(layout: Any) -> Any:
    from weasyprint.text.ffi import pango

    class Kept(layout):  # type: ignore[misc]
        def set_text(self, text: str, justify: bool = False) -> None:
            # As it will be for drawing: to change it then would have the text shaped again. Where
            # there is a newline, a line has yet to end there.
            pango.pango_layout_set_single_paragraph_mode(self.layout, "\n" not in text)
            super().set_text(text, justify)

        def deactivate(self) -> None:
            """Stay as it is."""

        def reactivate(self, style: Any) -> None:
            if self.justification_spacing:
                super().reactivate(style)  # which WeasyPrint knows only when all is laid out

    return Kept
