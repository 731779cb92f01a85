"""The reporting store's numbered migrations, applied in order, each once.

The types of the platform's keys are a property of a store. They are chosen when it is migrated the
first time, and put into the texts in place of ``keys.account`` and so on.
"""

import re
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

import psycopg
from psycopg.rows import tuple_row

from closebook.environment import key_types
from closebook.errors import ClosebookError, Misconfigured
from closebook.keys import BIGINT_KEYS, KeyType, KeyTypes
from closebook.sql import SQL_FOLDER, query
from closebook.store.administration import store_transaction
from closebook.store.key_types import key_types_of
from closebook.store.session import StoreAddress, on_store

FOLDER = "reporting/migrations"
_PLACE = re.compile(r"\bkeys\.(account|entry|transaction|merchant|promotion)\b")


def migrate(conninfo: str, wanted: KeyTypes | None = None) -> list[str]:
    """Bring the reporting store up to date as its owner; return what was applied.

    ``wanted`` are the types of the platform's keys as CLOSEBOOK_KEYS names them. None means those
    that the store has, and bigint for a new one. All migrations run in one transaction under a
    lock, so two runs at once are safe. Raises Misconfigured when the store has keys of other types,
    or migrations that this version does not know, and what `store_transaction` raises.
    """
    with store_transaction(conninfo) as store:
        store.execute(query("schema_migrations/lock"))
        missing, newer = differences(store)
        if newer:
            raise Misconfigured(
                "CB-CONFIG-STORE-NEWER",
                f"the reporting store has migrations that this version does not know, "
                f"{', '.join(newer)}: install the version of Closebook that made them",
            )
        is_new = not _known(store)
        keys = (wanted or BIGINT_KEYS) if is_new else key_types_of(store)
        if wanted is not None and wanted != keys:  # guard: keys.store-keeps-its-types
            raise Misconfigured(
                "CB-CONFIG-STORE-KEYS",
                f"the store's keys are {keys}, and CLOSEBOOK_KEYS asks for {wanted}: "
                f"{_how_to_change_keys(store)}",
            )
        for name in missing:
            store.execute(with_key_types(query(f"{FOLDER}/{name}"), keys))
            store.execute(query("schema_migrations/insert"), {"migration": name})
    return missing


def expected_key_types(settings: StoreAddress, environment: Mapping[str, str]) -> KeyTypes:
    """Return the types of the store's keys; before it is migrated, those of CLOSEBOOK_KEYS.

    A platform may be looked at before there is a store. Raises Misconfigured if the variable is
    needed and cannot be read.
    """
    with suppress(ClosebookError):
        if settings.store:
            with on_store(settings) as store:
                if _known(store):
                    return key_types_of(store)
    return key_types(environment.get("CLOSEBOOK_KEYS", "")) or BIGINT_KEYS


def differences(store: psycopg.Connection[Any]) -> tuple[list[str], list[str]]:
    """Return the migrations that the store lacks, and those that this version does not know."""
    ours = sorted(path.stem for path in (SQL_FOLDER / FOLDER).glob("*.sql"))
    known = _known(store)
    return [name for name in ours if name not in known], sorted(known - set(ours))


def with_key_types(text: str, keys: KeyTypes) -> bytes:
    """Return the text of a migration, or of sql/reporting/schema.sql, for a store of these keys.

    Texts are compared byte by byte, as an index of keys needs.
    """
    types = {
        "account": keys.accounts,
        "entry": keys.entries,
        "transaction": keys.transactions,
        "merchant": keys.merchants,
        "promotion": keys.promotions,
    }

    def written(found: re.Match[str]) -> str:
        key_type = types[found[1]]
        return 'text collate "C"' if key_type is KeyType.TEXT else key_type

    return _PLACE.sub(written, text).encode()


def _how_to_change_keys(store: psycopg.Connection[Any]) -> str:
    with store.cursor(row_factory=tuple_row) as asking:
        row = asking.execute("select exists(select from reporting.closes)").fetchone()
    has_closes = row is not None and row[0]
    return (
        "it has closes, and they keep them: correct CLOSEBOOK_KEYS, or make another database for "
        "these types and migrate that"
        if has_closes
        else "it has no closes yet: drop its schema reporting (drop schema reporting cascade) and "
        "migrate again, or correct CLOSEBOOK_KEYS"
    )


def _known(store: psycopg.Connection[Any]) -> set[str]:
    with store.cursor(row_factory=tuple_row) as asking:
        exists = asking.execute("select to_regclass('reporting.migrations')").fetchone()
        if exists is None or exists[0] is None:
            return set()
        return {row[0] for row in asking.execute(query("schema_migrations/applied"))}
