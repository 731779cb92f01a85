"""The reporting store's numbered migrations, applied in order, each once."""

from typing import Any

import psycopg
from psycopg.rows import tuple_row

from closebook.errors import Misconfigured
from closebook.sql import SQL_FOLDER, query
from closebook.store.administration import store_transaction

FOLDER = "reporting/migrations"


def migrate(conninfo: str) -> list[str]:
    """Bring the reporting store up to date as its owner; return what was applied.

    All migrations run in one transaction under a lock, so two runs at once are safe. Raises
    Misconfigured when the store has migrations that this version does not know, and what
    `store_transaction` raises.
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
        for name in missing:
            store.execute(query(f"{FOLDER}/{name}"))
            store.execute(query("schema_migrations/insert"), {"migration": name})
    return missing


def differences(store: psycopg.Connection[Any]) -> tuple[list[str], list[str]]:
    """Return the migrations that the store lacks, and those that this version does not know."""
    ours = sorted(path.stem for path in (SQL_FOLDER / FOLDER).glob("*.sql"))
    known = _known(store)
    return [name for name in ours if name not in known], sorted(known - set(ours))


def _known(store: psycopg.Connection[Any]) -> set[str]:
    with store.cursor(row_factory=tuple_row) as asking:
        exists = asking.execute("select to_regclass('reporting.migrations')").fetchone()
        if exists is None or exists[0] is None:
            return set()
        return {row[0] for row in asking.execute(query("schema_migrations/applied"))}
