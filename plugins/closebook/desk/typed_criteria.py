"""What a person typed into the search, in the form that the store compares."""

from dataclasses import dataclass

from closebook.desk.search import Search
from closebook.desk.typed_amounts import plain_figures
from closebook.keys import Key, KeyType
from closebook.sql import query
from closebook.store.session import Store

_SHORTEST_PART = 3
"""An index finds parts of three characters; shorter ones only at the start or end of a word."""
# From here on one character is a word or a syllable: those have no accents, and no spaces between.
_FIRST_OF_EAST_ASIA = "\u1100"
_REFERENCE_OF_A_UUID = "~u"


@dataclass(frozen=True)
class Patterns:
    """Patterns of LIKE, of which the account number must fit one and the name all. None is any."""

    account: list[str] | None
    holder: list[str] | None

    @property
    def are_any(self) -> bool:
        """Whether every number and name fits."""
        return self.account is None and self.holder is None


def typed_patterns(store: Store, search: Search) -> Patterns | None:
    """Return the patterns of what was typed, or None if a field has no letter and no digit."""
    folded = store.execute(
        # Account numbers have figures of ASCII, whatever figures a person's keyboard has.
        query("desk/folded_text"),
        {"account": plain_figures(search.account), "holder": search.holder},
    ).fetchone()
    assert folded is not None  # noqa: S101 (the query has one row)
    account, words = folded["account"], folded["holder"].split()
    if (search.account and not account) or (search.holder and not words):
        return None
    return Patterns(
        account=_account_patterns(account) if account else None,
        # The longest ones find fewest.
        holder=[_word_pattern(each) for each in sorted(words, key=len, reverse=True)] or None,
    )


def _account_patterns(account: str) -> list[str]:
    if len(account) < _SHORTEST_PART:
        return [f"% {account}%", f"%{account} %"]
    return [f"%{account}%"]


def _word_pattern(word: str) -> str:
    is_short = len(word) < _SHORTEST_PART and word < _FIRST_OF_EAST_ASIA
    return f"% {word}%" if is_short else f"%{word}%"


def typed_entry(text: str, key_type: KeyType) -> Key | None:
    """Return the key of the entry whose reference a person typed; None if it is no such key."""
    if key_type is KeyType.TEXT:
        return key_type.parse(text)
    text = plain_figures(text).replace(" ", "")
    if key_type is KeyType.UUID:
        digits = text.lower().removeprefix(_REFERENCE_OF_A_UUID).replace("-", "")
        parts = (digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:])
        return key_type.parse("-".join(parts))
    return key_type.parse(text)
