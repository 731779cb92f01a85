"""The source contract: the views of `reporting_source`, their columns and the types of these.

`CONTRACT` is the one list of them; docs/contract.md and sql/platform/contract.sql are tested to be
equal to it. Rows leave a replica by binary COPY, which carries no types: a number of another type
would be added up, or read as other bytes, without an error. So each read transaction compares the
catalog with the contract before it reads a row.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from psycopg.postgres import types
from psycopg.rows import DictRow

from closebook.errors import Misconfigured

BIGINT = "bigint"
TEXT = "text"
INSTANT = "timestamp with time zone"

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

# varchar has the bytes and the comparisons of text. char(n) has trailing blanks, citext compares
# without case, and an enum raises an error when it is compared with a value that it does not have.
_ACCEPTED = {
    BIGINT: {types["int8"].oid},
    TEXT: {types["text"].oid, types["varchar"].oid},
    INSTANT: {types["timestamptz"].oid},
}
_WHOLE_NUMBERS = {types["int2"].oid, types["int4"].oid}
_OTHER_NUMBERS = {types[name].oid for name in ("numeric", "float4", "float8", "money")}
_WITHOUT_ZONE = types["timestamp"].oid
_DATE = types["date"].oid
_BYTES = types["bytea"].oid
# The encoding of a database that does not know the encoding of its texts.
_NO_ENCODING = "SQL_ASCII"


@dataclass(frozen=True)
class Difference:
    """How a view is not as the contract says: it, a column, or a column's type.

    Without a ``column`` the view is missing, without a ``found`` type the column is.
    """

    view: str
    column: str | None = None
    wanted: str = ""
    found: str | None = None
    correction: str = ""

    def __str__(self) -> str:
        if self.column is None:
            return f"the view {self.view} is missing"
        if self.found is None:
            return f"{self.view}.{self.column} ({self.wanted}) is missing"
        return (
            f"{self.view}.{self.column} is {self.found} and must be {self.wanted}: "
            f"{self.correction}"
        )


def differences(columns: Sequence[DictRow]) -> Sequence[Difference]:
    """Compare the rows of sql/replica/contract_columns.sql with the contract.

    Columns that the contract does not have are ignored.
    """
    found = {(row["view_name"], row["column_name"]): row for row in columns}
    views = {view for view, _ in found}
    differing = [Difference(view) for view in CONTRACT if view not in views]
    for view, wanted_types in CONTRACT.items():
        for column, wanted in wanted_types.items():
            row = found.get((view, column))
            if view not in views:
                continue
            if row is None:
                differing.append(Difference(view, column, wanted))
            elif row["base_type"] not in _ACCEPTED[wanted]:  # guard: contract.types
                correction = _correction(column, wanted, row["base_type"])
                differing.append(Difference(view, column, wanted, row["type_name"], correction))
    return differing


def require_contract(replica_name: str, columns: Sequence[DictRow]) -> None:
    """Raise Misconfigured for each column that is missing or has another type than the contract.

    Its text says what to write in the view. ``columns`` as in `differences`.
    """
    if differing := differences(columns):
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
    if wanted == TEXT:
        return f"write convert_from({column}, 'UTF8')" if found == _BYTES else _cast(column, wanted)
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


def _number(column: str, found: int) -> str:
    cast = _cast(column, BIGINT)
    if found in _WHOLE_NUMBERS:
        return cast
    if column.endswith("_minor"):
        return (
            f"if it holds whole minor units, {cast}; if it holds major units, the factor depends "
            "on the currency (EUR 100, JPY 1, KWD 1000), as "
            "docs/contract.md#amounts-in-major-units shows"
        )
    if found in _OTHER_NUMBERS:
        return f"if it holds whole numbers, {cast}"
    return (
        f"if it holds digits only, {cast}; else give the rows a bigint key of their own and select "
        "that"
    )


def _cast(column: str, wanted: str) -> str:
    return f"write {column}::{wanted}"
