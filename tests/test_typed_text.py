"""A reason that nobody can see is no reason."""

import pytest

from closebook.typed_text import typed_text


@pytest.mark.parametrize(
    "unseen",
    [
        None,
        "",
        " \t\n\u00a0\u2003\u3000",
        "\0",
        "\u200b\u200c\u200d\ufeff\u2060",  # no width
        "\u00ad",  # soft hyphen
        "\u202a\u202c\u2066\u2069",  # directions
        "\u034f\u0301",  # marks without a letter
        "\u3164\uffa0\u115f\u2800",  # fillers, and Braille without a dot
        "\ufe0f\U000e0100\U000e0020",  # selectors and tags
        "\x1b\x07",
    ],
    ids=ascii,
)
def test_a_text_without_a_visible_character_is_empty(unseen: str | None) -> None:
    assert typed_text(unseen) == ""


@pytest.mark.parametrize(
    ("typed", "text"),
    [
        (" a ticket \n", "a ticket"),
        ("4712\0", "4712"),
        ("गलत राशि", "गलत राशि"),
        ("\u200bthe fee was wrong", "\u200bthe fee was wrong"),
        ("?", "?"),
        ("👍\ufe0f", "👍\ufe0f"),
    ],
)
def test_a_visible_text_stays_as_it_was_typed(typed: str, text: str) -> None:
    assert typed_text(typed) == text
