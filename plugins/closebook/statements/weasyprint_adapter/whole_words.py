"""Set each word in one font.

Pango takes each letter from the first font that has it. So of a Czech word in a brand's font with
the letters of English alone, some letters stood in that font and some in Noto, which looks like a
fault of the print. A word with a letter that the brand's font lacks is set in the fonts behind it.
"""

import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache

# A blank or a no-break space ends a word. A part of a word, such as a hyphenated one, is in one
# font with the other parts.
_WORD = re.compile(r"\S+")
_LETTERS_AND_MARKS = "LM"
_TO_THE_END = 2**32 - 1


def words_in_other_fonts(
    text: str, families: Sequence[str], characters: Mapping[str, frozenset[str]]
) -> Iterator[tuple[int, int, list[str]]]:
    """Yield the start and the end of each word that a family lacks a letter of, and the others.

    ``families`` are the fonts of the text, the first one first; ``characters`` has those of some.
    """
    known = {family: characters[family] for family in families if family in characters}
    if all(each.issuperset(text) for each in known.values()):
        return
    for word in _WORD.finditer(text):
        # A sign alone, such as that of a currency, does not move its digits to another font.
        letters = {each for each in word[0] if unicodedata.category(each)[0] in _LETTERS_AND_MARKS}
        others = [family for family in families if known.get(family, letters).issuperset(letters)]
        if len(others) < len(families):
            yield *word.span(), others


@lru_cache(maxsize=1)
def set_words_whole() -> None:
    """Set words whole in this process, for the fonts that a font configuration calls its own.

    These are its ``characters_of_families``. WeasyPrint makes each line by ``Layout.set_text``.
    """
    from weasyprint.text import line_break
    from weasyprint.text.ffi import ffi, pango

    # WeasyPrint declares the functions that it calls, and does not call this one.
    ffi.cdef("PangoAttribute * pango_attr_family_new (const char *family);")

    class LayoutOfWholeWords(line_break.Layout):  # type: ignore[misc]
        has_families = False

        def set_text(self, text: str, justify: bool = False) -> None:
            super().set_text(text, justify)
            families = self.style["font_family"]
            characters = getattr(self.style.font_config, "characters_of_families", {})
            # guard: brands.words-have-one-font
            words = list(words_in_other_fonts(self.text, families, characters))
            if words or self.has_families:
                # The attributes of the text before are still there: this one replaces them.
                self.change_families(families, 0, _TO_THE_END)
                self.has_families = True
            for start, end, others in words:
                begin = len(self.text[:start].encode())
                self.change_families(others, begin, begin + len(self.text[start:end].encode()))

        def change_families(self, names: Sequence[str], start: int, end: int) -> None:
            attributes = pango.pango_layout_get_attributes(self.layout)
            if attributes == ffi.NULL:
                attributes = ffi.gc(pango.pango_attr_list_new(), pango.pango_attr_list_unref)
            family = pango.pango_attr_family_new(",".join(names).encode())
            family.start_index, family.end_index = start, end
            pango.pango_attr_list_change(attributes, family)
            pango.pango_layout_set_attributes(self.layout, attributes)

    line_break.Layout = LayoutOfWholeWords
