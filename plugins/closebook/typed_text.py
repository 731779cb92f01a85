"""What a person typed into a form or a run's configuration."""

import unicodedata

# Letters and symbols by their category, and blank on every screen.
_BLANK = frozenset("\u115f\u1160\u2800\u3164\uffa0")


def typed_text(text: str | None) -> str:
    """Return a text as it was typed, without blanks at its ends and without NUL.

    Empty if no character of it is visible: blanks, characters without width and fillers only.
    """
    typed = (text or "").replace("\0", "").strip()
    if not any(_is_seen(character) for character in typed):  # guard: desk.typed-text-is-seen
        return ""
    return typed


def _is_seen(character: str) -> bool:
    # Letters, numbers, punctuation and symbols.
    return unicodedata.category(character)[0] in "LNPS" and character not in _BLANK
