"""`python -m local.letter_folding`: the SQL of reporting.folded, made from Unicode's own data.

A search compares letters by their base: the name of a character says what it is (LATIN SMALL LETTER
EZH WITH CURL is an EZH, and is typed as z), its combining class whether it is an accent, and its
category whether it separates words. So no letter of a script is forgotten, and none is chosen by
hand but the rows of the tables below.
"""

import sys
import unicodedata
from collections.abc import Callable, Iterable, Iterator

UNICODE_VERSION = "14.0.0"
"""That of the data from which the function in the store was made."""

_LAST = 0xFFFF
"""The planes above have old scripts, symbols and further Han."""

# Words of a Latin letter's name that say how it is drawn, and not which letter it is.
_SHAPES = (
    " SMALL CAPITAL LETTER LIGATURE DIGRAPH EPIGRAPHIC TURNED REVERSED INVERTED SIDEWAYS"
    " DIAERESIZED OPEN CLOSED BARRED BAR DOTLESS SCRIPT INSULAR BLACKLETTER STRETCHED BROKEN HALF"
    " DOUBLE STIRRUP SQUAT BASELINE LENIS TAILLESS VISIGOTHIC VOLAPUK GLOTTAL ANGLICANA SIGMOID"
    " ARCHAIC TOP BOTTOM IOTIFIED LONG LONGA ROTUNDA MIDDLE-WELSH MIDDLE SCOTS OLD POLISH "
)
# What people type for a Latin letter whose name is a word.
_TYPED = {
    "ALPHA": "a",
    "BETA": "b",
    "CHI": "x",
    "DELTA": "d",
    "DEZH": "dz",
    "ENG": "n",
    "ESH": "s",
    "ETH": "d",
    "EZH": "z",
    "FENG": "fn",
    "GAMMA": "g",
    "HENG": "h",
    "IOTA": "i",
    "KRA": "k",
    "LAMBDA": "l",
    "LEZH": "lz",
    "OMEGA": "o",
    "OPEN-O": "o",
    "PHI": "f",
    "RAMS": "",
    "HORN": "o",
    "REVERSED-SCHWA": "e",
    "SCHWA": "e",
    "SHARP": "s",
    "TESH": "ts",
    "THORN": "th",
    "UPSILON": "u",
    "WYNN": "w",
    "YOGH": "y",
}
# Letters that keyboards of several countries write in different ways, though no name says so.
_SAME = {
    "ARABIC LETTER ALEF MAKSURA": "ARABIC LETTER YEH",
    "ARABIC LETTER FARSI YEH": "ARABIC LETTER YEH",
    "ARABIC LETTER YEH BARREE": "ARABIC LETTER YEH",
    "ARABIC LETTER KEHEH": "ARABIC LETTER KAF",
    "ARABIC LETTER SWASH KAF": "ARABIC LETTER KAF",
    "ARABIC LETTER TEH MARBUTA": "ARABIC LETTER HEH",
    "ARABIC LETTER TEH MARBUTA GOAL": "ARABIC LETTER HEH",
    "ARABIC LETTER HEH GOAL": "ARABIC LETTER HEH",
    "ARABIC LETTER HEH DOACHASHMEE": "ARABIC LETTER HEH",
    "ARABIC LETTER AE": "ARABIC LETTER HEH",
    "ARABIC LETTER ALEF WASLA": "ARABIC LETTER ALEF",
    "ARABIC LETTER NOON GHUNNA": "ARABIC LETTER NOON",
}
# Combining classes of what is an accent, a vowel sign or a tone mark. The others are vowels that
# are letters (Thai 103, Tibetan 129 to 132 and so on), and the sign that joins consonants (9).
_ACCENTS = {1, 7, 8, *range(10, 37), 107, 122, *range(200, 241)}
# Apostrophes, the point of l·l, and signs that stand for a letter: left out.
_LEFT_OUT = (
    "'`\u00b4\u00b7\u02b9\u02ba\u02bb\u02bc\u02bd\u02be\u02bf\u055a\u05f3\u05f4\u2018\u2019\u201a"
    "\u201b\u2032\ua78b\ua78c\u0640\u0883\u0884\u0885\u034f"
)


def base_of(letter: str) -> str:
    """Return the letters by which a letter is found: itself, if its name has no other base."""
    seen = letter
    for _ in range(4):
        found = _stripped(_base(seen)) if len(seen) == 1 else seen
        if found == seen:
            break
        seen = found
    return seen


def _base(letter: str) -> str:
    kind = unicodedata.category(letter)
    if kind == "Nd":
        return str(unicodedata.decimal(letter))
    name = unicodedata.name(letter, "")
    if kind[0] != "L" or letter.isascii():
        return letter
    if name.startswith("LATIN "):
        return _latin_base(name) or letter
    other = _SAME.get(name, name.split(" WITH ")[0])
    other = other.replace("HIRAGANA LETTER", "KATAKANA LETTER").replace(
        " LETTER FINAL ", " LETTER "
    )
    if other.startswith("KATAKANA"):
        other = other.replace(" LETTER SMALL ", " LETTER ")
    try:
        found = unicodedata.lookup(other)
    except KeyError:
        return letter
    return found if unicodedata.category(found)[0] == "L" else letter


def _latin_base(name: str) -> str:
    of_one = name.removeprefix("LATIN ").split(" WITH")[0].split(" PRECEDED ")[0]
    typed = ""
    for word in of_one.split():
        if word in _TYPED:
            typed += _TYPED[word]
        elif len(word) <= 2:  # noqa: PLR2004 (a letter, or two of a digraph)
            typed += word.lower()
        elif f" {word} " not in _SHAPES:
            return ""
    return typed


def _stripped(text: str) -> str:
    decomposed = unicodedata.normalize("NFKD", text).lower()
    return "".join(each for each in decomposed if not is_left_out(each))


def is_left_out(character: str) -> bool:
    """Return whether a search leaves a character out: an accent, an apostrophe, a sign unseen."""
    if character in _LEFT_OUT or unicodedata.combining(character) in _ACCENTS:
        return True
    is_variation = "\ufe00" <= character <= "\ufe0f" or "\U000e0100" <= character <= "\U000e01ef"
    # Soft hyphens, joiners, marks of the direction.
    return is_variation or unicodedata.category(character) == "Cf"


def is_blank(character: str) -> bool:
    """Return whether a character separates words: all punctuation, symbols and blanks."""
    return not is_left_out(character) and unicodedata.category(character)[0] in "PSZC"


def folded(text: str) -> str:
    """Return what reporting.folded returns for a text, by the rules and not by the tables."""
    plain = (base_of(each) for each in _stripped(text))
    return " ".join("".join(" " if is_blank(each) else each for each in "".join(plain)).split())


def _characters() -> Iterator[str]:
    for number in range(1, _LAST + 1):
        each = chr(number)
        # Code points that are nothing, or whose meaning is private, are in no text.
        if unicodedata.category(each) not in {"Cn", "Co", "Cs"}:
            yield each


def _tables() -> tuple[dict[str, str], dict[str, str]]:
    """Return what becomes one letter or figure, and what becomes several or none."""
    one: dict[str, str] = {}
    several: dict[str, str] = {}
    for each in _characters():
        # The others are decomposed before.
        if _stripped(each) == each:
            base = base_of(each)
            if base != each:
                (one if len(base) == 1 else several)[each] = base
    return one, several


def _ranges(is_wanted: Callable[[str], bool]) -> Iterator[tuple[int, int]]:
    """Yield the ranges of the wanted characters. Code points that are nothing join them."""
    first = last = 0
    for each in _characters():
        if is_wanted(each):
            first, last = first or ord(each), ord(each)
        elif first:
            yield first, last
            first = 0
    if first:
        yield first, last


def _class(is_wanted: Callable[[str], bool], more: str) -> str:
    """Return a bracket expression of these characters, as SQL on some lines."""
    parts = (
        f"\\u{first:04x}" + (f"-\\u{last:04x}" if last > first else "")
        for first, last in _ranges(is_wanted)
    )
    return _joined(["[", *parts, more])


def _joined(parts: Iterable[str]) -> str:
    lines = [""]
    for each in parts:
        if len(lines[-1]) + len(each) > _LINE_LETTERS:
            lines.append("")
        lines[-1] += each
    return "\n            || ".join(f"'{line}'" for line in lines)


def function_sql() -> str:
    """Return the body of the function reporting.folded, from Unicode's data in this Python."""
    one, several = _tables()
    longer: dict[str, list[str]] = {}
    for letter, base in several.items():
        longer.setdefault(base, []).append(letter)
    # Of letters that become the same two, each becomes the first one, which becomes both.
    one |= {each: letters[0] for letters in longer.values() for each in letters[1:]}
    first = {letters[0]: base for base, letters in longer.items()}
    groups: dict[str, dict[str, str]] = {}
    for letter, base in one.items():
        groups.setdefault(_group(letter), {})[letter] = base
    translated = []
    for name in ("DIGITS", "OTHERS", "ARABIC", "KANA", "LATIN", "EUROPEAN"):
        group = groups[name]
        pairs = {each: base for each, base in first.items() if _group(each) == name}
        translated.append(
            _TRANSLATED.format(
                wanted=_class({*group, *pairs}.__contains__, "]"),
                letters=_joined(group),
                bases=_joined(group.values()),
                replaced="".join(
                    f"\n            plain := replace(plain, '{letter}', '{base}');"
                    for letter, base in pairs.items()
                ),
            )
        )
    return _BODY.format(
        left_out=_class(is_left_out, "\\U000e0100-\\U000e01ef]"),
        translated="\n".join(translated),
        blank=_class(is_blank, "\\U0001f000-\\U0001faff]+"),
    )


def _group(letter: str) -> str:
    """Return the script of a letter. Texts of each script look through its own list only."""
    if unicodedata.category(letter) == "Nd":
        return "DIGITS"
    script = unicodedata.name(letter).split()[0]
    if script == "LATIN":
        return script if letter > _LAST_EUROPEAN else "EUROPEAN"
    return {"ARABIC": "ARABIC", "HIRAGANA": "KANA", "KATAKANA": "KANA"}.get(script, "OTHERS")


_LINE_LETTERS = 78
_LAST_EUROPEAN = "\u017f"
"""The Latin letters above are phonetic, or of few languages."""
_BODY = """\
declare
    plain text;
begin
    if octet_length(written) = char_length(written) then
        return btrim(
            regexp_replace(
                translate(lower(written), '''`', ''), '[^a-z0-9]+', ' ', 'g'
            )
        );
    end if;
    -- NFKD: full-width and other forms become plain ones, and accents stand apart from letters.
    plain := lower(normalize(written, nfkd) collate "und-x-icu"); -- noqa: RF05
    -- Accents, points and tone marks, apostrophes, and signs that nobody sees.
    plain := regexp_replace(
        plain,
        {left_out},
        '',
        'g'
    );
    if octet_length(plain) <> char_length(plain) then
        -- Letters and figures that NFKD leaves as they are. A long list of letters is looked
        -- through only for a text that has one of them.
{translated}
    end if;
    -- Punctuation, symbols and blanks.
    return btrim(
        regexp_replace(
            plain,
            {blank},
            ' ',
            'g'
        )
    );
end;
"""
_TRANSLATED = """\
        if plain ~ ({wanted}) then
            plain := translate(
                plain,
                {letters},
                {bases}
            );{replaced}
        end if;"""


if __name__ == "__main__":
    sys.stdout.write(function_sql())
