"""The reporting store's numbered migrations, applied in order, each once."""

import psycopg

from closebook.sql import SQL_FOLDER, query

FOLDER = "reporting/migrations"


def migrate(conninfo: str) -> list[str]:
    """Bring the reporting store up to date as its owner; return what was applied.

    All migrations run in one transaction under a lock, so two runs at once are safe.
    """
    applied = []
    with psycopg.connect(conninfo) as store:
        store.execute(query("schema_migrations/lock"))
        known = _known(store)
        for path in sorted((SQL_FOLDER / FOLDER).glob("*.sql")):
            if path.stem not in known:
                store.execute(query(f"{FOLDER}/{path.stem}"))
                store.execute(query("schema_migrations/insert"), {"migration": path.stem})
                applied.append(path.stem)
    return applied


def _known(store: psycopg.Connection[tuple[object, ...]]) -> set[object]:
    exists = store.execute("select to_regclass('reporting.migrations')").fetchone()
    if exists is None or exists[0] is None:
        return set()
    return {row[0] for row in store.execute(query("schema_migrations/applied"))}
