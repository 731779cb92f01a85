"""The reporting store's numbered migrations, applied in order, each once."""

from typing import Any

import psycopg

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
    ours = sorted(path.stem for path in (SQL_FOLDER / FOLDER).glob("*.sql"))
    with store_transaction(conninfo) as store:
        store.execute(query("schema_migrations/lock"))
        known = _known(store)
        if newer := sorted(known - set(ours)):
            raise Misconfigured(
                "CB-CONFIG-STORE-NEWER",
                f"the reporting store has migrations that this version does not know, "
                f"{', '.join(newer)}: install the version of Closebook that made them",
            )
        missing = [name for name in ours if name not in known]
        for name in missing:
            store.execute(query(f"{FOLDER}/{name}"))
            store.execute(query("schema_migrations/insert"), {"migration": name})
    return missing


def _known(store: psycopg.Connection[tuple[Any, ...]]) -> set[str]:
    exists = store.execute("select to_regclass('reporting.migrations')").fetchone()
    if exists is None or exists[0] is None:
        return set()
    return {row[0] for row in store.execute(query("schema_migrations/applied"))}
