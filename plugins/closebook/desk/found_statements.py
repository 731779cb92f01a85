"""The statements that a search finds, in its order.

A search has two steps. The first one finds the statements that fit what was typed, in any spelling,
by an index for each criterion. The second one selects those that the person may see. If the first
step finds too many, the second one reads the statements in their order until it has enough.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from psycopg.rows import DictRow

from closebook.desk.search import MOST_FOUND, Search
from closebook.desk.typed_amounts import plain_figures, typed_amounts
from closebook.keys import Key, KeyType
from closebook.periods import Period
from closebook.sql import query
from closebook.store.key_types import key_types_of
from closebook.store.session import Store

_SHORTEST_PART = 3
"""An index finds parts of three characters; shorter ones only at the start or end of a word."""
_WORDS_OF_THE_INDEX = 3
# From here on one character is a word or a syllable: those have no accents, and no spaces between.
_FIRST_OF_EAST_ASIA = "\u1100"
_REFERENCE_OF_A_UUID = "~u"

StatementKeys = Sequence[tuple[int, Key, str]]


@dataclass(frozen=True)
class Found:
    """The statements of a search in their order: all, or the newest ones if there are more.

    ``has_too_common_amount`` says that more statements have the amount than were looked at.
    """

    rows: Sequence[DictRow]
    is_all: bool
    has_too_common_amount: bool = False

    @property
    def is_complete(self) -> bool:
        """Whether these are all statements that fit, so that a ZIP of them lacks none."""
        # guard: desk.zip-lacks-no-statement
        return self.is_all and not self.has_too_common_amount


def find_statements(
    store: Store, search: Search, month: Period | None, *, may_review: bool
) -> Found:
    """Return the statements that a search finds, among those that the person may see."""
    patterns = _patterns(store, search)
    if patterns is None:
        return Found((), is_all=True)
    month_start = month.start if month else None
    keys = _named(store, patterns)
    is_common = False
    if search.quoted:
        keys, is_common = _quoting(
            store, search.quoted, month_start, keys, released_only=not may_review
        )
    asked = {
        "month_start": month_start,
        "currency": search.currency or None,
        "statement_state": search.state or None,
        "may_review": may_review,
    }
    if keys is None:
        among = {"account_patterns": patterns.account, "holder_patterns": patterns.holder}
        rows = store.execute(
            query("desk/found_statements"), {**asked, **among, "row_count": MOST_FOUND + 1}
        ).fetchall()
    else:
        chosen = {
            "close_ids": [key[0] for key in keys],
            "account_ids": [key[1] for key in keys],
            "currencies": [key[2] for key in keys],
        }
        rows = store.execute(query("desk/chosen_statements"), {**asked, **chosen}).fetchall()
    if len(rows) > MOST_FOUND:
        return Found(rows[:MOST_FOUND], is_all=False, has_too_common_amount=is_common)
    return Found(_sorted(rows, search.sort), is_all=True, has_too_common_amount=is_common)


@dataclass(frozen=True)
class _Patterns:
    """Patterns of LIKE, of which the account number must fit one and the name all. None is any."""

    account: list[str] | None
    holder: list[str] | None


def _patterns(store: Store, search: Search) -> _Patterns | None:
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
    return _Patterns(
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


def _named(store: Store, patterns: _Patterns) -> StatementKeys | None:
    """Return the statements with the typed number and name.

    None if neither was typed, or if there are more than MOST_FOUND."""
    if patterns.account is None and patterns.holder is None:
        return None
    words = patterns.holder or []
    first = [*words[:_WORDS_OF_THE_INDEX], None, None, None]
    with store.transaction():
        # PostgreSQL takes a rare name for a common one if it is in the sample of ANALYZE. It then
        # expects many matches, and reads all statements in place of an index.
        store.execute(query("session/whole_tables"), {"whole_tables": "off"})
        found = store.execute(
            query("desk/named_statements"),
            {
                "account_patterns": patterns.account,
                **{f"holder_{place + 1}": first[place] for place in range(_WORDS_OF_THE_INDEX)},
                "holder_patterns": words[_WORDS_OF_THE_INDEX:] or None,
                "row_count": MOST_FOUND + 1,
            },
        ).fetchall()
        store.execute(query("session/whole_tables"), {"whole_tables": "on"})
    return None if len(found) > MOST_FOUND else _keys(found)


def _quoting(
    store: Store,
    quoted: str,
    month_start: object,
    named: StatementKeys | None,
    *,
    released_only: bool,
) -> tuple[StatementKeys, bool]:
    """Return the statements with the typed amount or reference, and whether there are more of them.

    ``named`` are the statements among which to look, or None for all.
    """
    amounts = typed_amounts(quoted)
    found = store.execute(
        query("desk/quoting_statements"),
        {
            "amounts": [minor for minor, _ in amounts],
            "amount_currencies": [currency for _, currency in amounts],
            "entry_id": _typed_entry(quoted, key_types_of(store).entries),
            "month_start": month_start,
            "account_ids": None if named is None else sorted({key[1] for key in named}, key=str),
            "released_only": released_only,
            "row_count": MOST_FOUND + 1,
        },
    ).fetchall()
    is_common = len(found) > MOST_FOUND
    keys = _keys(found[:MOST_FOUND])
    if named is None:
        return keys, is_common
    among = set(named)
    return [key for key in keys if key in among], is_common


def _typed_entry(text: str, key_type: KeyType) -> Key | None:
    """Return the key of the entry whose reference a person typed; None if it is no such key."""
    if key_type is KeyType.TEXT:
        return key_type.parse(text)
    text = plain_figures(text).replace(" ", "")
    if key_type is KeyType.UUID:
        digits = text.lower().removeprefix(_REFERENCE_OF_A_UUID).replace("-", "")
        parts = (digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:])
        return key_type.parse("-".join(parts))
    return key_type.parse(text)


def _keys(rows: Sequence[DictRow]) -> StatementKeys:
    return [(row["close_id"], row["account_id"], row["currency"]) for row in rows]


_ORDERS: Mapping[str, Callable[[DictRow], Any]] = {
    "month": lambda row: row["first_date"],
    "account": lambda row: row["account_search"],
    "holder": lambda row: row["holder_search"],
    # Amounts of two currencies cannot be compared.
    "closing": lambda row: (row["currency"], row["closing_minor"]),
}


def _sorted(rows: Sequence[DictRow], sort: str) -> Sequence[DictRow]:
    """Return the rows in an order. Rows that are equal in it keep their order."""
    if not sort:
        return rows
    return sorted(rows, key=_ORDERS[sort.removeprefix("-")], reverse=sort.startswith("-"))
