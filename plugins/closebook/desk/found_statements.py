"""The statements that a search finds: their number, and a page of them in an order.

A search first counts what it finds, up to MOST_COUNTED. If it is not more, the store sorts all of
it. If it is more, the store reads an index in the order that is wanted, from the place of a
statement on, until it has a page. Each statement of a page is then looked up: whether the person
may see it does not depend on how it was found.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

from psycopg.rows import DictRow

from closebook.desk.search import MOST_COUNTED, MOST_IN_ZIP, PAGE_ROWS, Search, StatementKey
from closebook.desk.typed_amounts import typed_amounts
from closebook.desk.typed_criteria import Patterns, typed_entry, typed_patterns
from closebook.keys import Key
from closebook.periods import Period
from closebook.sql import query
from closebook.store.key_types import key_types_of
from closebook.store.session import Store

MOST_QUOTING = 1_000
"""As many statements with a typed amount are looked at, the newest ones."""
MOST_SORTED = 100_000
"""As many statements are found by their names and sorted, if they are too many to count."""
_WORDS_OF_THE_INDEX = 3
_UNUSUAL_STATES = ("superseded", "issued", "missing")

StatementKeys = Sequence[tuple[int, Key, str]]


@dataclass(frozen=True)
class Position:
    """Where a page begins: with its number, or if there are too many to count at a statement.

    ``is_last`` is the last page of all.
    """

    page: int = 1
    after: StatementKey | None = None
    before: StatementKey | None = None
    is_last: bool = False

    @property
    def goes_back(self) -> bool:
        """Whether the page is the one that ends at a place."""
        return self.before is not None or self.is_last


@dataclass(frozen=True)
class Found:
    """A page of what a search finds. ``match_count`` is None if it is more than MOST_COUNTED.

    ``has_too_common_amount`` says that more statements have the amount than were looked at.
    """

    rows: Sequence[DictRow] = ()
    match_count: int | None = 0
    page: int = 1
    has_previous: bool = False
    has_next: bool = False
    has_too_common_amount: bool = False

    @property
    def is_counted(self) -> bool:
        """Whether the number of all statements that fit is known."""
        return self.match_count is not None

    @property
    def page_count(self) -> int | None:
        """How many pages there are; None if that is not known."""
        return None if self.match_count is None else max(1, -(-self.match_count // PAGE_ROWS))

    @property
    def fits_in_zip(self) -> bool:
        """Whether one ZIP has all statements that fit, so that it lacks none."""
        is_all = self.match_count is not None and self.match_count <= MOST_IN_ZIP
        # guard: desk.zip-lacks-no-statement
        return is_all and not self.has_too_common_amount


def find_statements(
    store: Store,
    search: Search,
    month: Period | None,
    position: Position | None = None,
    *,
    may_review: bool,
    row_count: int = PAGE_ROWS,
) -> Found:
    """Return a page of what a search finds, among the statements that the person may see."""
    position = position or Position()
    criteria = _criteria(store, search, month, may_review=may_review)
    if criteria is None:
        return Found()
    counted = _counted(store, criteria, position.page, row_count)
    if counted.match_count is not None:
        return counted
    return _read_in_order(store, criteria, position, row_count)


@dataclass(frozen=True)
class _Criteria:
    """The criteria of a search as its queries take them.

    ``whole_close_ids`` are the closes that have to be looked through, ``chosen`` the statements
    beside them.
    """

    parameters: Mapping[str, Any]
    close_ids: Sequence[int]
    whole_close_ids: Sequence[int]
    chosen: StatementKeys
    patterns: Patterns
    sort_column: str
    is_descending: bool
    has_too_common_amount: bool = False


def _criteria(
    store: Store, search: Search, month: Period | None, *, may_review: bool
) -> _Criteria | None:
    """Return the criteria, or None if no statement can fit them."""
    patterns = typed_patterns(store, search)
    if patterns is None:
        return None
    month_start = month.start if month else None
    asked = {"statement_state": search.state or None, "may_review": may_review}
    closes = store.execute(
        query("desk/searched_closes"), {**asked, "month_start": month_start}
    ).fetchall()
    if not closes:
        return None
    sort = search.sort or "-month"
    if sort == "month":
        closes.reverse()
    close_ids = [row["close_id"] for row in closes]
    account_keys = key_types_of(store).accounts
    left_out = [
        (row["close_id"], account_id)
        for row in closes
        for account_id in map(account_keys.parse, row["left_out"])
        if account_id is not None
    ]
    criteria = _Criteria(
        {
            **asked,
            "currency": search.currency or None,
            "correction_ids": [row["close_id"] for row in closes if row["is_correction"]],
            "unreleased_ids": [row["close_id"] for row in closes if not row["is_released"]],
            # Where a close was released, a statement that was issued again is shown all the same.
            "superseded_ids": [
                row["close_id"] for row in closes if search.state or not row["is_itself_released"]
            ],
            "exception_close_ids": [close_id for close_id, _ in left_out],
            "exception_account_ids": [account_id for _, account_id in left_out],
            "account_patterns": patterns.account,
            "holder_patterns": patterns.holder,
        },
        close_ids,
        close_ids,
        (),
        patterns,
        sort.removeprefix("-"),
        # The closes are in the order of months that is wanted.
        is_descending=sort.startswith("-") and sort != "-month",
    )
    if search.quoted:
        keys, is_common = _quoting(store, search.quoted, month_start, criteria)
        return replace(criteria, whole_close_ids=[], chosen=keys, has_too_common_amount=is_common)
    if search.state in _UNUSUAL_STATES:
        unreleased = criteria.parameters["unreleased_ids"]
        return replace(criteria, whole_close_ids=unreleased, chosen=_unusual(store, criteria))
    return criteria


def _counted(store: Store, criteria: _Criteria, page: int, row_count: int) -> Found:
    """Return a page by its number. ``match_count`` is None, without a page, if there are more."""
    parameters = {
        **criteria.parameters,
        "close_ids": criteria.close_ids,
        "whole_close_ids": criteria.whole_close_ids,
        **_arrays(criteria.chosen, "chosen_{}"),
        "sort_column": criteria.sort_column,
        "is_descending": criteria.is_descending,
        "most_counted": MOST_COUNTED,
        "row_count": row_count,
        "skipped": (max(page, 1) - 1) * row_count,
    }
    with _without_whole_tables(store):
        found = store.execute(query("desk/counted_statements"), parameters).fetchall()
    match_count = found[0]["match_count"]
    is_common = criteria.has_too_common_amount
    if match_count > MOST_COUNTED:
        return Found(match_count=None, has_too_common_amount=is_common)
    keys = _keys([row for row in found if row["close_id"] is not None])
    last_page = max(1, -(-match_count // row_count))
    if match_count and not keys:
        return _counted(store, criteria, last_page, row_count)
    page = min(max(page, 1), last_page)
    return Found(
        _rows(store, criteria, keys), match_count, page, page > 1, page < last_page, is_common
    )


def _read_in_order(store: Store, criteria: _Criteria, position: Position, row_count: int) -> Found:
    """Return the page after or before a statement, of more statements than are counted."""
    place = _place(store, criteria, position.before or position.after)
    goes_back = position.goes_back
    parameters = {
        **criteria.parameters,
        **place,
        "close_ids": criteria.close_ids,
        "sort_column": criteria.sort_column,
        "is_backward": criteria.is_descending != goes_back,
        "row_count": row_count + 1,
    }
    if _are_few_of_all(store, criteria.patterns):
        with _without_whole_tables(store):
            found = store.execute(query("desk/sorted_statements"), parameters).fetchall()
    else:
        if criteria.sort_column == "month":
            close_ids = criteria.close_ids[:: -1 if goes_back else 1]
            if place["place_close_id"] is not None:
                close_ids = close_ids[close_ids.index(place["place_close_id"]) :]
            parameters["close_ids"] = close_ids
        ordered = query(f"desk/statements_by_{criteria.sort_column}")
        with store.transaction():
            store.execute(query("session/in_order"), {"find_first": "off"})
            found = store.execute(ordered, parameters).fetchall()
            store.execute(query("session/in_order"), {"find_first": "on"})
    has_more, is_inside = len(found) > row_count, place["place_close_id"] is not None
    keys = _keys(found[:row_count])
    return Found(
        _rows(store, criteria, keys[::-1] if goes_back else keys),
        None,
        has_previous=has_more if goes_back else is_inside,
        has_next=is_inside if goes_back else has_more,
        has_too_common_amount=criteria.has_too_common_amount,
    )


def _place(store: Store, criteria: _Criteria, place: StatementKey | None) -> dict[str, Any]:
    """Return where a statement stands in the order, as parameters; null if there is none."""
    values = None
    if place is not None and place.close_id in criteria.close_ids:
        values = store.execute(query("desk/statement_place"), vars(place)).fetchone()
    if place is None or values is None:
        names = ("close_id", "account_id", "currency", "account", "holder", "closing_minor")
        return dict.fromkeys(f"place_{name}" for name in (*names, "text", "number"))
    texts = {
        "account": values["account_order"],
        "holder": values["holder_order"],
        "closing": place.currency,
    }
    numbers = {
        "closing": values["closing_minor"],
        "month": list(criteria.close_ids).index(place.close_id) + 1,
    }
    return {
        "place_close_id": place.close_id,
        "place_account_id": place.account_id,
        "place_currency": place.currency,
        "place_account": values["account_order"],
        "place_holder": values["holder_order"],
        "place_closing_minor": values["closing_minor"],
        "place_text": texts.get(criteria.sort_column, ""),
        "place_number": numbers.get(criteria.sort_column, 0),
    }


def _are_few_of_all(store: Store, patterns: Patterns) -> bool:
    """Whether it is faster to find the names and sort them than to read all in their order."""
    if patterns.are_any:
        return False
    parameters = {"account_patterns": patterns.account, "holder_patterns": patterns.holder}
    plan = store.execute(query("desk/expected_matches"), parameters).fetchone()
    assert plan is not None  # noqa: S101 (a plan is one row)
    expected: float = plan["QUERY PLAN"][0]["Plan"]["Plan Rows"]
    return expected < MOST_SORTED


def _rows(store: Store, criteria: _Criteria, keys: StatementKeys) -> Sequence[DictRow]:
    """Return the statements with these keys that the person may see, in the order of the keys."""
    if not keys:
        return ()
    found = store.execute(
        query("desk/chosen_statements"),
        {
            **_arrays(keys, "{}"),
            "may_review": criteria.parameters["may_review"],
            "statement_state": criteria.parameters["statement_state"],
        },
    ).fetchall()
    by_key = {(row["close_id"], row["account_id"], row["currency"]): row for row in found}
    return [by_key[key] for key in keys if key in by_key]


def _unusual(store: Store, criteria: _Criteria) -> StatementKeys:
    """Return statements that are not simply released, though their month is."""
    parameters = {
        "close_ids": criteria.close_ids,
        "exception_close_ids": criteria.parameters["exception_close_ids"],
        "exception_account_ids": criteria.parameters["exception_account_ids"],
        "row_count": MOST_COUNTED + 1,
    }
    return _keys(store.execute(query("desk/unusual_statements"), parameters).fetchall())


def _quoting(
    store: Store, quoted: str, month_start: object, criteria: _Criteria
) -> tuple[StatementKeys, bool]:
    """Return statements with the typed amount or reference, and whether there are more of them."""
    amounts = typed_amounts(quoted)
    found = store.execute(
        query("desk/quoting_statements"),
        {
            "amounts": [minor for minor, _ in amounts],
            "amount_currencies": [currency for _, currency in amounts],
            "entry_id": typed_entry(quoted, key_types_of(store).entries),
            "month_start": month_start,
            "account_ids": _named_accounts(store, criteria.patterns),
            "released_only": not criteria.parameters["may_review"],
            "row_count": MOST_QUOTING + 1,
        },
    ).fetchall()
    return _keys(found[:MOST_QUOTING]), len(found) > MOST_QUOTING


def _named_accounts(store: Store, patterns: Patterns) -> list[Key] | None:
    """Return the accounts among which to look for an amount; None if these are all, or many."""
    if patterns.are_any:
        return None
    words = patterns.holder or []
    first = [*words[:_WORDS_OF_THE_INDEX], None, None, None]
    with _without_whole_tables(store):
        found = store.execute(
            query("desk/named_statements"),
            {
                "account_patterns": patterns.account,
                **{f"holder_{place + 1}": first[place] for place in range(_WORDS_OF_THE_INDEX)},
                "holder_patterns": words[_WORDS_OF_THE_INDEX:] or None,
                "row_count": MOST_QUOTING + 1,
            },
        ).fetchall()
    if len(found) > MOST_QUOTING:
        return None
    return sorted({row["account_id"] for row in found}, key=str)


@contextmanager
def _without_whole_tables(store: Store) -> Iterator[None]:
    """Let PostgreSQL find names by their index.

    It takes a rare name for a common one if it is in the sample of ANALYZE. It then expects many
    matches, and reads all statements in place of an index.
    """
    with store.transaction():
        store.execute(query("session/whole_tables"), {"whole_tables": "off"})
        yield
        store.execute(query("session/whole_tables"), {"whole_tables": "on"})


def _arrays(keys: StatementKeys, name: str) -> dict[str, Any]:
    """Return the parameters of a query that has keys as three arrays."""
    parts: tuple[Sequence[Any], ...] = tuple(zip(*keys, strict=True)) or ((), (), ())
    names = ("close_ids", "account_ids", "currencies")
    return {name.format(each): list(part) for each, part in zip(names, parts, strict=True)}


def _keys(rows: Sequence[DictRow]) -> StatementKeys:
    return [(row["close_id"], row["account_id"], row["currency"]) for row in rows]
