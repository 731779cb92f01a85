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
# Other values change glyphs, their places or the ends of lines.
_PLAIN = {
    **dict.fromkeys(
        (
            *("font_feature_settings", "font_language_override", "font_variant_alternates"),
            *("font_variant_caps", "font_variant_east_asian", "font_variant_ligatures"),
            *("font_variant_numeric", "font_variant_position", "font_variation_settings"),
            *("letter_spacing", "word_break"),
        ),
        ("normal",),
    ),
    "font_kerning": ("auto",),
    "hyphens": ("manual", "none"),
    "text_decoration_line": ("none",),
    "white_space": ("normal", "pre-line"),
    "word_spacing": (0,),
}
_ANYWHERE = ("anywhere", "break-word")


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

    @cached_property
    def is_plain(self) -> bool:
        """Whether a text has the glyphs of its fonts, at their usual places."""
        return all(value in _PLAIN.get(name, (value,)) for name, value in self.properties)

    @cached_property
    def breaks_words(self) -> bool:
        """Whether a word that is longer than its line is broken."""
        return dict(self.properties)["overflow_wrap"] in _ANYWHERE

    @cached_property
    def language(self) -> str | None:
        """The language of the text's element."""
        found: str | None = dict(self.properties)["lang"]
        return found

    def directed(self, direction: str | None) -> "TextSettings":
        """Return the settings of an element that has a direction of its own."""
        if direction is None:
            return self
        return TextSettings(tuple((dict(self.properties) | {"direction": direction}).items()))
