"""Staging tables: temporary tables of the store that receive the rows of a replica."""

from psycopg import sql

from closebook.closes.model import ControlTotal
from closebook.periods import Period
from closebook.platform.source import Source
from closebook.sql import query
from closebook.store.session import Store


def stage(store: Store, source: Source, name: str, period: Period) -> None:
    """Copy the rows of sql/<name>/read.sql to the store, into the table staged_<name>."""
    make_staged_table(store, name)
    source.copy_into(
        store, f"{name}/read", sql.Identifier("pg_temp", f"staged_{name}"), period.bounds
    )


def make_staged_table(store: Store, name: str) -> None:
    """Create the empty table staged_<name>; drop an earlier one of this transaction first."""
    earlier = sql.Identifier("pg_temp", f"staged_{name}")
    store.execute(sql.SQL("drop table if exists {}").format(earlier))
    store.execute(query(f"{name}/stage"))


def ledger_totals(source: Source, period: Period) -> list[ControlTotal]:
    """Return the row count and sum of a period's ledger entries by currency, without any join."""
    return [
        ControlTotal("ledger", row["currency"], row["row_count"], row["amount_minor"])
        for row in source.rows("close_totals/read_ledger", period.bounds)
    ]
