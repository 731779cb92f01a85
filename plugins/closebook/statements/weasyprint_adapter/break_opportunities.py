"""Where Pango allows a line of text to end."""

from functools import lru_cache

_KEPT_TEXTS = 10_000


@lru_cache(_KEPT_TEXTS)
def break_opportunities(text: str) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Return the places inside of a text where a line may end, and those between two letters."""
    from weasyprint.text.line_break import get_log_attrs

    attributes = get_log_attrs(text, None)
    places = range(1, len(text))
    return (
        tuple(at for at in places if attributes[at].is_line_break),
        tuple(at for at in places if attributes[at].is_char_break),
    )
