"""The properties of a style that decide how a text is set."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

_PROPERTIES = (
    *("direction", "font_family", "font_feature_settings", "font_kerning"),
    *("font_language_override", "font_size", "font_stretch", "font_style"),
    *("font_variant_alternates", "font_variant_caps", "font_variant_east_asian"),
    *("font_variant_ligatures", "font_variant_numeric", "font_variant_position"),
    *("font_variation_settings", "font_weight", "hyphenate_character", "hyphenate_limit_chars"),
    *("hyphenate_limit_zone", "hyphens", "lang", "letter_spacing", "line_height", "overflow_wrap"),
    *("tab_size", "text_decoration_line", "white_space", "word_break", "word_spacing"),
)


@dataclass(frozen=True)
class TextSettings:
    """The values of _PROPERTIES in a style, by their names in WeasyPrint."""

    properties: tuple[tuple[str, Any], ...]

    @classmethod
    def of(cls, style: Any) -> "TextSettings":
        """Return the settings of a computed style."""
        return cls(tuple((name, style[name]) for name in _PROPERTIES))

    @cached_property
    def is_from_right(self) -> bool:
        """Whether the text's block is written from right to left."""
        return ("direction", "rtl") in self.properties

    def directed(self, direction: str | None) -> "TextSettings":
        """Return the settings of an element that has a direction of its own."""
        if direction is None:
            return self
        return TextSettings(tuple((dict(self.properties) | {"direction": direction}).items()))
