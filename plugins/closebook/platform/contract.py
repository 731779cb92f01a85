"""The source contract: the views of `reporting_source`, their columns and the types of these.

`CONTRACT` is the one list of them; docs/contract.md and sql/platform/contract.sql are tested to be
equal to it. Rows leave a replica by binary COPY, which carries no types: a number of another type
would be added up, or read as other bytes, without an error. So each read transaction compares the
catalog with the contract before it reads a row.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from types import MappingProxyType
from typing import LiteralString

from psycopg.postgres import types
from psycopg.rows import DictRow

from closebook.errors import Misconfigured
from closebook.keys import BIGINT_KEYS, KEY_NAMES, KeyType, KeyTypes
from closebook.money import known_currencies
from closebook.sql import query

BIGINT = "bigint"
INTEGER = "integer"
UUID = "uuid"
NUMERIC = "numeric"
TEXT = "text"
INSTANT = "timestamp with time zone"
DATE = "date"

CONTRACT: Mapping[str, Mapping[str, str]] = MappingProxyType(
    {
        "accounts": {
            "account_id": BIGINT,
            "account_number": TEXT,
            "currency": TEXT,
            "opened_at": INSTANT,
            "holder_name": TEXT,
            "holder_address": TEXT,
            "locale_code": TEXT,
        },
        "ledger_entries": {
            "entry_id": BIGINT,
            "account_id": BIGINT,
            "transaction_id": BIGINT,
            "posted_at": INSTANT,
            "amount_minor": BIGINT,
            "currency": TEXT,
            "kind": TEXT,
            "description": TEXT,
            "counterparty": TEXT,
        },
        "merchants": {
            "merchant_id": BIGINT,
            "category": TEXT,
        },
        "promotions": {
            "promotion_id": BIGINT,
            "funding": TEXT,
        },
        "transactions": {
            "transaction_id": BIGINT,
            "user_country": TEXT,
            "merchant_id": BIGINT,
            "promotion_id": BIGINT,
            "kind": TEXT,
            "currency": TEXT,
            "amount_minor": BIGINT,
            "fee_minor": BIGINT,
            "discount_minor": BIGINT,
            "status": TEXT,
            "created_at": INSTANT,
            "settled_at": INSTANT,
        },
    }
)

OPTIONAL: Mapping[str, Mapping[str, str]] = MappingProxyType(
    {
        "ledger_entries": {
            "value_date": DATE,
            "original_amount_minor": BIGINT,
            "original_currency": TEXT,
            "exchange_rate": NUMERIC,
            "counterparty_account": TEXT,
        }
    }
)
"""The columns that a view may lack. A value of them then is null, and no query names them."""

# A view that has one of these columns has them all.
_TOGETHER = frozenset({"original_amount_minor", "original_currency", "exchange_rate"})

_MINOR, _MAJOR = "_minor", "_major"

# By the name of a column that is a key: what CLOSEBOOK_KEYS calls such keys. Columns of one name
# are of one type, since both are compared with that of the store.
KEY_COLUMNS: Mapping[str, str] = MappingProxyType(
    dict(
        zip(
            ("account_id", "entry_id", "transaction_id", "merchant_id", "promotion_id"),
            KEY_NAMES,
            strict=True,
        )
    )
)


def contract_of(
    in_major: Collection[str], keys: KeyTypes = BIGINT_KEYS
) -> Mapping[str, Mapping[str, str]]:
    """Return the contract of a platform that has amounts in major units in these views.

    Such a view has ``amount_major`` in place of ``amount_minor``, and so on. ``keys`` are the types
    of the store's keys: the platform's must be the same.
    """
    return {
        view: {
            name: str(getattr(keys, KEY_COLUMNS[name])) if name in KEY_COLUMNS else wanted
            for name, wanted in (
                map(_in_major, columns.items()) if view in in_major else columns.items()
            )
        }
        for view, columns in CONTRACT.items()
    }


def optional_columns(columns: Sequence[DictRow], in_major: Collection[str]) -> frozenset[str]:
    """Return the optional columns among the rows of sql/replica/contract_columns.sql."""
    wanted = {view: _optional_of(view, in_major) for view in OPTIONAL}
    return frozenset(
        row["column_name"]
        for row in columns
        if row["column_name"] in wanted.get(row["view_name"], {})
    )


def _optional_of(view: str, in_major: Collection[str]) -> Mapping[str, str]:
    """Return the optional columns of a view, in its units, with their types."""
    columns = OPTIONAL[view].items()
    return dict(map(_in_major, columns) if view in in_major else columns)


def _in_major(column: tuple[str, str]) -> tuple[str, str]:
    name, wanted = column
    if not name.endswith(_MINOR):
        return name, wanted
    return _major_name(name), NUMERIC


def _major_name(column: str) -> str:
    return column.removesuffix(_MINOR) + _MAJOR


def bound_query(
    name: str,
    in_major: frozenset[str],
    parameters: Mapping[str, object],
    keys: KeyTypes = BIGINT_KEYS,
) -> tuple[LiteralString, Mapping[str, object]]:
    """Return sql/<name>.sql for the units and keys of the platform's views, and its parameters."""
    bound = {**parameters, **key_parameters(keys)}
    if not in_major:
        return query(name), bound
    return query(name, in_major), {**bound, **amount_parameters()}


def key_parameters(keys: KeyTypes) -> dict[str, object]:
    """Return the parameter of the queries that look at the length of keys.

    The planner sees it as a constant, so it costs nothing where no key is a text.
    """
    texts = (keys.accounts, keys.entries, keys.transactions)
    return {"has_text_keys": KeyType.TEXT in texts}


def detail_parameters(in_major: Collection[str]) -> dict[str, object]:
    """Return the parameters of the queries that read original amounts of ledger entries.

    They are the codes of all known currencies, and for each the factor that turns these amounts
    into minor units: 1 if the view has minor units already.
    """
    known = known_currencies()
    is_major = "ledger_entries" in in_major
    return {
        "currencies": [*known],
        "minor_per_unit": [Decimal(10) ** (places if is_major else 0) for places in known.values()],
    }


def amount_parameters() -> dict[str, object]:
    """Return the parameters of the queries that turn major units into minor units.

    They are the codes of all known currencies, and for each the minor units in a major unit.
    """
    known = known_currencies()
    return {
        "currencies": [*known],
        "minor_per_major": [Decimal(10) ** places for places in known.values()],
    }


# varchar has the bytes and the comparisons of text. char(n) has trailing blanks, citext compares
# without case, and an enum raises an error when it is compared with a value that it does not have.
_ACCEPTED = {
    BIGINT: {types["int8"].oid},
    INTEGER: {types["int4"].oid},
    UUID: {types["uuid"].oid},
    NUMERIC: {types["numeric"].oid},
    TEXT: {types["text"].oid, types["varchar"].oid},
    INSTANT: {types["timestamptz"].oid},
    DATE: {types["date"].oid},
}
_KEY_TYPES = (BIGINT, INTEGER, UUID, TEXT)
_WHOLE_NUMBERS = {types["int2"].oid, types["int4"].oid}
_FLOATS = {types["float4"].oid, types["float8"].oid}
_OTHER_NUMBERS = {types[name].oid for name in ("numeric", "float4", "float8", "money")}
_WITHOUT_ZONE = types["timestamp"].oid
_WITH_ZONE = types["timestamptz"].oid
_DATE = types["date"].oid
_BYTES = types["bytea"].oid
# The encoding of a database that does not know the encoding of its texts.
_NO_ENCODING = "SQL_ASCII"


@dataclass(frozen=True)
class Difference:
    """How a view is not as the contract says: it, a column, or a column's type.

    Without a ``column`` the view is missing, without a ``found`` type the column is. A missing
    column may have a ``correction``: the setting that its other name needs.
    """

    view: str
    column: str | None = None
    wanted: str = ""
    found: str | None = None
    correction: str = ""

    def __str__(self) -> str:
        if self.column is None:
            return f"the view {self.view} is missing"
        correction = f": {self.correction}" if self.correction else ""
        if self.found is None:
            return f"{self.view}.{self.column} ({self.wanted}) is missing{correction}"
        return f"{self.view}.{self.column} is {self.found} and must be {self.wanted}{correction}"


def differences(
    columns: Sequence[DictRow], in_major: Collection[str] = (), keys: KeyTypes = BIGINT_KEYS
) -> Sequence[Difference]:
    """Compare the rows of sql/replica/contract_columns.sql with the contract.

    ``in_major`` are the views whose amounts are in major units, ``keys`` the types of the store's
    keys. Columns that the contract does not have are ignored. Optional columns may be missing.
    """
    found = {(row["view_name"], row["column_name"]): row for row in columns}
    views = {view for view, _ in found}
    differing = [Difference(view) for view in CONTRACT if view not in views]
    for view, wanted_types in contract_of(in_major, keys).items():
        for column, wanted in wanted_types.items():
            row = found.get((view, column))
            if view not in views:
                continue
            if row is None:
                is_other_unit = (view, _major_name(column)) in found
                setting = f"name {view} in CLOSEBOOK_MAJOR_AMOUNTS" if is_other_unit else ""
                differing.append(Difference(view, column, wanted, correction=setting))
            elif row["base_type"] not in _ACCEPTED[wanted]:  # guard: contract.types
                correction = _correction(column, wanted, row["base_type"])
                differing.append(Difference(view, column, wanted, row["type_name"], correction))
    for view in OPTIONAL:
        differing.extend(_optional_differences(view, found, in_major))
    return differing


def _optional_differences(
    view: str, found: Mapping[tuple[str, str], DictRow], in_major: Collection[str]
) -> Iterator[Difference]:
    """Compare the optional columns of a view: types, unit, and that no original amount lacks a part.

    ``found`` has the rows of all views by view and column.
    """
    is_major = view in in_major
    together = {
        _major_name(each) if each.endswith(_MINOR) and is_major else each for each in _TOGETHER
    }
    present = together & {column for at, column in found if at == view}
    for column, wanted in _optional_of(view, in_major).items():
        row = found.get((view, column))
        other = _name_in_other_unit(column)
        if row is not None:
            if row["base_type"] not in _ACCEPTED[wanted]:  # guard: contract.optional-types
                correction = _correction(column, wanted, row["base_type"])
                yield Difference(view, column, wanted, row["type_name"], correction)
        elif (view, other) in found:
            how = "leave it out of" if is_major else f"name {view} in"
            correction = f"it is called {other}: {how} CLOSEBOOK_MAJOR_AMOUNTS"
            yield Difference(view, column, wanted, correction=correction)
        # guard: contract.original-amount-with-all
        elif present and column in together:
            correction = f"it belongs to {', '.join(sorted(present))}"
            yield Difference(view, column, wanted, correction=correction)


def _name_in_other_unit(column: str) -> str:
    if column.endswith(_MAJOR):
        return column.removesuffix(_MAJOR) + _MINOR
    return _major_name(column)


def require_contract(
    replica_name: str,
    columns: Sequence[DictRow],
    in_major: Collection[str] = (),
    keys: KeyTypes = BIGINT_KEYS,
) -> None:
    """Raise Misconfigured for each column that is missing or has another type than the contract.

    Its text says what to write in the view. The other arguments are as in `differences`.
    """
    if differing := differences(columns, in_major, keys):
        raise Misconfigured(
            "CB-CONFIG-CONTRACT-DIFFERS",
            f"{replica_name}: the views of reporting_source are not as docs/contract.md says, and "
            f"nothing was read: {'; '.join(map(str, differing))}",
        )


def require_encoding(replica_name: str, server_encoding: str) -> None:
    """Raise Misconfigured for a database that does not know the encoding of its texts."""
    if server_encoding == _NO_ENCODING:  # guard: contract.encoding
        raise Misconfigured(
            "CB-CONFIG-NO-ENCODING",
            f"{replica_name}: the platform's database has the encoding {_NO_ENCODING}, so it is "
            "not known which characters its texts have, and nothing was read: dump it and restore "
            "it into a database of encoding UTF8 (docs/contract.md#texts-and-their-encoding)",
        )


def _correction(column: str, wanted: str, found: int) -> str:
    """Return what to write in the view for a column of another type."""
    if column in KEY_COLUMNS:
        return _key(column, wanted, found)
    if wanted == TEXT:
        return f"write convert_from({column}, 'UTF8')" if found == _BYTES else _cast(column, wanted)
    if wanted == DATE:
        return _date(column, found)
    if wanted == NUMERIC and not column.endswith(_MAJOR):
        return _cast(column, wanted)
    if wanted == NUMERIC:
        return _major_amount(column, found)
    return _instant(column, found) if wanted == INSTANT else _number(column, found)


def _instant(column: str, found: int) -> str:
    if found == _WITHOUT_ZONE:
        return (
            f"write {column} at time zone '…', with the zone in which your application writes it, "
            "such as 'UTC'"
        )
    if found == _DATE:
        return "a date is no instant, select the time at which it happened"
    return "select the instant, or convert it in the view"


def _date(column: str, found: int) -> str:
    if found == _WITH_ZONE:
        return f"write ({column} at time zone '…')::date, with the zone whose date it is"
    return _cast(column, DATE)


def _number(column: str, found: int) -> str:
    cast = _cast(column, BIGINT)
    if found in _WHOLE_NUMBERS:
        return cast
    return (
        f"if it holds whole minor units, {cast}; if it holds major units, select it as "
        f"{_major_name(column)} and name the view in CLOSEBOOK_MAJOR_AMOUNTS, as "
        "docs/contract.md#amounts-in-major-units shows"
    )


def _key(column: str, wanted: str, found: int) -> str:
    """Return what to do about a key of another type than the store keeps."""
    cast = _cast(column, wanted)
    named = next((name for name in _KEY_TYPES if found in _ACCEPTED[name]), None)
    if named is None:
        if wanted in (BIGINT, INTEGER):
            if found in _OTHER_NUMBERS:
                return f"if it holds whole numbers, {cast}"
            return cast if found in _WHOLE_NUMBERS else f"if it holds digits only, {cast}"
        return cast
    anew = (
        f"set {KEY_COLUMNS[column]}={named} in CLOSEBOOK_KEYS and run closebook migrate on an "
        "empty store: the keys of this one stay"
    )
    # No uuid is a number, and no number a uuid.
    is_castable = wanted == TEXT or (found not in _ACCEPTED[UUID] and wanted != UUID)
    return f"{cast}, or {anew}" if is_castable else anew


def _major_amount(column: str, found: int) -> str:
    cast = _cast(column, NUMERIC)
    if found in _FLOATS:
        return (
            "a float does not hold an exact amount: select the column that does; if there is none, "
            f"{cast}, and an amount of many digits is refused or differs"
        )
    return f"if it holds major units, {cast}"


def _cast(column: str, wanted: str) -> str:
    return f"write {column}::{wanted}"
