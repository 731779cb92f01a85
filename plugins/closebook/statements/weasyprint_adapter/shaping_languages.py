"""The language that Pango names to HarfBuzz for a text: fonts have other glyphs in some languages.

It is that of the text's element if the language is written in the text's script, and else one that
is. So a Cyrillic name on an English page is shaped as Russian.
"""

import ctypes
from typing import Any

SAMPLES = {"Latn": "a", "Grek": "α", "Cyrl": "я", "Zyyy": "1"}
"""A text of each script that is asked for, by ISO 15924. Zyyy is that of figures."""


class _Analysis(ctypes.Structure):
    """PangoAnalysis as in pango-item.h: WeasyPrint declares the language at another place."""

    _fields_ = (
        ("shape_engine", ctypes.c_void_p),
        ("lang_engine", ctypes.c_void_p),
        ("font", ctypes.c_void_p),
        ("level", ctypes.c_uint8),
        ("gravity", ctypes.c_uint8),
        ("flags", ctypes.c_uint8),
        ("script", ctypes.c_uint8),
        ("language", ctypes.c_char_p),
        ("extra_attrs", ctypes.c_void_p),
    )


def shaping_language(script: str, style: Any) -> str:
    """Return the language in which a text of a script and style is shaped."""
    from weasyprint.text.ffi import ffi
    from weasyprint.text.line_break import create_layout

    # The item belongs to the layout, which must live as long as it.
    layout = create_layout(SAMPLES[script], style, None, None, 0)
    line, _ = layout.get_first_line()
    address = ffi.cast("uintptr_t", ffi.addressof(line.runs[0].data.item, "analysis"))
    language: bytes = _Analysis.from_address(int(address)).language
    return language.decode()
