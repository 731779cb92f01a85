"""The language that Pango names to HarfBuzz for a text: fonts have other glyphs in some languages.

It is that of the text's element if the language is written in the text's script, and else one that
is. So a Cyrillic name on an English page is shaped as Russian.
"""

from functools import cache
from typing import Any

SAMPLES = {"Latn": "a", "Grek": "α", "Cyrl": "я", "Zyyy": "1"}
"""A text of each script that is asked for, by ISO 15924. Zyyy is that of figures."""

# As in pango-item.h. WeasyPrint reads only what is before the language, and declares it otherwise.
_ANALYSIS = """
typedef struct {
    void *shape_engine;
    void *lang_engine;
    void *font;
    uint8_t level;
    uint8_t gravity;
    uint8_t flags;
    uint8_t script;
    const char *language;
    void *extra_attrs;
} Analysis;
"""


def shaping_language(script: str, style: Any) -> str:
    """Return the language in which a text of a script and style is shaped."""
    from weasyprint.text.ffi import ffi
    from weasyprint.text.line_break import create_layout

    # The item belongs to the layout, which must live as long as it.
    layout = create_layout(SAMPLES[script], style, None, None, 0)
    line, _ = layout.get_first_line()
    address = ffi.cast("uintptr_t", ffi.addressof(line.runs[0].data.item, "analysis"))
    analysis = _ffi().cast("Analysis *", int(address))
    return bytes(_ffi().string(analysis.language)).decode()


@cache
def _ffi() -> Any:
    from cffi import FFI

    found = FFI()
    found.cdef(_ANALYSIS)
    return found
