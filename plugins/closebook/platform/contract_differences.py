"""How the views of a platform differ from the contract, and what to write to mend each difference.

Rows leave a replica by binary COPY, which carries no types: a number of another type would be added
up, or read as other bytes, without an error. So each read transaction compares the catalog with the
contract before it reads a row.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

from psycopg.postgres import types
from psycopg.rows import DictRow

from closebook.errors import Misconfigured
from closebook.keys import BIGINT_KEYS, KeyTypes
from closebook.platform.contract import (
    BIGINT,
    CONTRACT,
    DATE,
    INSTANT,
    INTEGER,
    KEY_COLUMNS,
    MAJOR_SUFFIX,
    MINOR_SUFFIX,
    NUMERIC,
    OPTIONAL,
    ORIGINAL_AMOUNT,
    TEXT,
    UNIT_VIEWS,
    UUID,
    contract_of,
    major_name,
    optional_types,
)

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
                is_other_unit = (view, major_name(column)) in found
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
    """Compare the optional columns of a view: types, unit, no original amount without a part.

    ``found`` has the rows of all views by view and column.
    """
    unit_view = UNIT_VIEWS.get(view, view)
    is_major = unit_view in in_major
    together = {
        major_name(each) if each.endswith(MINOR_SUFFIX) and is_major else each
        for each in ORIGINAL_AMOUNT
    }
    present = together & {column for at, column in found if at == view}
    for column, wanted in optional_types(view, in_major).items():
        row = found.get((view, column))
        other = _name_in_other_unit(column)
        if row is not None:
            if row["base_type"] not in _ACCEPTED[wanted]:  # guard: contract.optional-types
                correction = _correction(column, wanted, row["base_type"])
                yield Difference(view, column, wanted, row["type_name"], correction)
        elif (view, other) in found:
            how = f"leave {unit_view} out of" if is_major else f"name {unit_view} in"
            correction = f"it is called {other}: {how} CLOSEBOOK_MAJOR_AMOUNTS"
            yield Difference(view, column, wanted, correction=correction)
        # guard: contract.original-amount-with-all
        elif present and column in together:
            correction = f"it belongs to {', '.join(sorted(present))}"
            yield Difference(view, column, wanted, correction=correction)


def _name_in_other_unit(column: str) -> str:
    if column.endswith(MAJOR_SUFFIX):
        return column.removesuffix(MAJOR_SUFFIX) + MINOR_SUFFIX
    return major_name(column)


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
    if wanted == NUMERIC and not column.endswith(MAJOR_SUFFIX):
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
        f"{major_name(column)} and name the view in CLOSEBOOK_MAJOR_AMOUNTS, as "
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
