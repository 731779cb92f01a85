"""The source contract: the views of `reporting_source`, their columns and the types of these.

`CONTRACT` is the one list of them; docs/contract.md and sql/platform/contract.sql are tested to be
equal to it. `contract_differences` compares a platform's views with it.
"""

from collections.abc import Collection, Mapping, Sequence
from decimal import Decimal
from types import MappingProxyType
from typing import LiteralString

from psycopg.rows import DictRow

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
            "customer_reference": TEXT,
            "interest_rate": NUMERIC,
        },
        "accounts": {
            "overdraft_limit_minor": BIGINT,
        },
    }
)
"""The columns that a view may lack. A value of them then is null, and no query names them."""

ORIGINAL_AMOUNT = frozenset({"original_amount_minor", "original_currency", "exchange_rate"})
"""The parts of an original amount. A view that has one of these columns has all of them."""

UNIT_VIEWS: Mapping[str, str] = MappingProxyType({"accounts": "ledger_entries"})
"""The view whose optional amounts have the unit of another view, and that other view."""

MINOR_SUFFIX, MAJOR_SUFFIX = "_minor", "_major"
"""The units of an amount, at the end of its column's name."""

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
    wanted = {view: optional_types(view, in_major) for view in OPTIONAL}
    return frozenset(
        row["column_name"]
        for row in columns
        if row["column_name"] in wanted.get(row["view_name"], {})
    )


def optional_types(view: str, in_major: Collection[str]) -> Mapping[str, str]:
    """Return the optional columns of a view, in its units, with their types."""
    columns = OPTIONAL[view].items()
    return dict(map(_in_major, columns) if UNIT_VIEWS.get(view, view) in in_major else columns)


def optional_of(view: str, found: Collection[str], in_major: Collection[str]) -> list[str]:
    """Return those of the optional columns that were found which this view may have."""
    return sorted({*found} & optional_types(view, in_major).keys()) if view in OPTIONAL else []


def _in_major(column: tuple[str, str]) -> tuple[str, str]:
    name, wanted = column
    if not name.endswith(MINOR_SUFFIX):
        return name, wanted
    return major_name(name), NUMERIC


def major_name(column: str) -> str:
    """Return the name that a column of minor units has in a view in major units."""
    return column.removesuffix(MINOR_SUFFIX) + MAJOR_SUFFIX


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
    """Return the parameters of the queries that read original amounts and limits of accounts.

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
