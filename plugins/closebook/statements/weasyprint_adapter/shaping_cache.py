"""Shape each text once: WeasyPrint alone shapes it for the layout, and again to draw it.

To shape a text is to choose and place its glyphs, which Pango does.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import lru_cache
from typing import Any


@contextmanager
def cached_shaping() -> Iterator[None]:
    """Keep shaped text and font descriptions of what is laid out inside this block.

    It saves a tenth of a document's time, and the document's bytes are the same. The shaped text
    lives as long as the boxes of the laid-out pages.
    """
    from weasyprint.layout import inline
    from weasyprint.text import line_break

    before = line_break.Layout, line_break.get_font_description, inline.strut
    layout, get_font_description, strut = before
    line_break.Layout = _layout_that_keeps_its_text(layout)
    line_break.get_font_description = _cached_by_style(get_font_description)
    inline.strut = _cached_by_style(strut)
    try:
        yield
    finally:
        line_break.Layout, line_break.get_font_description, inline.strut = before


def _cached_by_style(function: Callable[[Any], Any]) -> Callable[[Any], Any]:
    # The cache holds the style too: without that another style could get the same id.
    known: dict[int, tuple[Any, Any]] = {}

    def cached(style: Any) -> Any:
        found = known.get(id(style))
        if found is None:
            found = known[id(style)] = style, function(style)
        return found[1]

    return cached


@lru_cache(maxsize=1)
def _layout_that_keeps_its_text(layout: Any) -> Any:
    from weasyprint.text.ffi import pango

    class KeptLayout(layout):  # type: ignore[misc]
        def set_text(self, text: str, justify: bool = False) -> None:
            # WeasyPrint sets single-paragraph mode before it draws, which would make Pango shape
            # the text again. A text with a newline needs the other mode to find its line end.
            pango.pango_layout_set_single_paragraph_mode(self.layout, "\n" not in text)
            super().set_text(text, justify)

        def deactivate(self) -> None:
            """Keep the Pango layout, which WeasyPrint would drop here."""

        def reactivate(self, style: Any) -> None:
            # The spacing of justified text is known only after the layout.
            if self.justification_spacing:
                super().reactivate(style)

    return KeptLayout
