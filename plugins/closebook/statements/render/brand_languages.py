"""Which languages of the page the fonts of a brand have the letters of."""

import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import astuple

from closebook.statements.render.brand import Fonts
from closebook.statements.render.brand_fonts import characters_of_families
from closebook.statements.render.catalog import Language

_SHOWN_LETTERS = 5


def language_warnings(fonts: Fonts, languages: Sequence[Language]) -> Iterator[str]:
    """Yield a warning for each font of the brand that lacks letters of some languages.

    A language of another script, such as Japanese, is named apart from one in Latin of which some
    words are in another font.
    """
    letters = {language.tag: _letters(language) for language in languages}
    for family, characters in characters_of_families(fonts.faces).items():
        missing = {tag: sorted(some - characters) for tag, some in letters.items()}
        latin = {tag: list(filter(_is_latin, some)) for tag, some in missing.items()}
        others = [tag for tag, some in missing.items() if some and not latin[tag]]
        lacking = [
            f"{tag} ({' '.join(some[:_SHOWN_LETTERS])})" for tag, some in latin.items() if some
        ]
        told = []
        if lacking:
            told.append(
                f"lacks letters of {', '.join(lacking)}: words with these letters are printed in "
                "Noto; add a file of the font that has them"
            )
        if others:
            told.append(f"does not have the letters of {', '.join(others)}, which are in Noto")
        if told:
            yield f"[[fonts.faces]] {family!r}: it {'; it '.join(told)}"


def _is_latin(letter: str) -> bool:
    return unicodedata.name(letter, "").startswith("LATIN ")


def _letters(language: Language) -> frozenset[str]:
    texts = "".join(map(str, astuple(language.catalog)))
    return frozenset(each for each in texts if each.isalpha())
