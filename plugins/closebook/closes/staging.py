"""Rows on their way from a replica to the store, and the control totals that prove them."""

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
    """Make the empty table staged_<name>, in place of an earlier one of this transaction."""
    earlier = sql.Identifier("pg_temp", f"staged_{name}")
    store.execute(sql.SQL("drop table if exists {}").format(earlier))
    store.execute(query(f"{name}/stage"))


def ledger_totals(source: Source, period: Period) -> list[ControlTotal]:
    """Add up the source's ledger entries of a period by currency, in a bare scan."""
    return [
        ControlTotal("ledger", row["currency"], row["row_count"], row["amount_minor"])
        for row in source.rows("close_totals/read_ledger", period.bounds)
    ]
