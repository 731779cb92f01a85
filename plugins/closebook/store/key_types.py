"""Which types the platform's keys have in a reporting store."""

from typing import Any

import psycopg
from psycopg.rows import tuple_row

from closebook.keys import KeyType, KeyTypes
from closebook.sql import query


def key_types_of(store: psycopg.Connection[Any]) -> KeyTypes:
    """Return the types of a store's keys. One that was migrated before they were chosen has bigint.

    Raises psycopg.Error.
    """
    with store.cursor(row_factory=tuple_row) as asking:
        row = asking.execute(query("store_keys/types")).fetchone()
    assert row is not None  # noqa: S101  # a select without from has one row
    return KeyTypes(*(KeyType.BIGINT if name is None else KeyType(name) for name in row))
