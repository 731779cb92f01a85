"""The reporting store: its connections, and what its failures mean."""

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
from psycopg.rows import DictRow, dict_row

from closebook.errors import Transient, WrongData
from closebook.periods import Period
from closebook.postgres import first_line, is_lost
from closebook.settings import DeskSettings, Settings
from closebook.sql import query

Store = psycopg.Connection[DictRow]


@contextmanager
def on_store(settings: Settings | DeskSettings) -> Iterator[Store]:
    """One transaction on the reporting store; or several, if all is in a `store.transaction()`.

    Raises Transient when it is out of reach.
    """
    try:
        with _connection(settings) as store:
            yield store
    except psycopg.Error as error:
        if not is_lost(error):
            raise
        raise Transient(_failure(error)) from None


@contextmanager
def writing(store: Store, period: Period) -> Iterator[None]:
    """One transaction that writes a close: committed at the end, or nothing of it is.

    The store has none open. Raises Transient when it is out of reach, WrongData when it refuses
    the rows.
    """
    try:
        with store.transaction():
            yield
    except psycopg.Error as error:
        if is_lost(error):
            raise Transient(f"{period}: {_failure(error)}") from None
        # The server's detail would show the row, with names in it.
        where = error.diag.constraint_name or error.diag.column_name or error.diag.table_name
        raise WrongData(
            f"{period}: the reporting store refused the rows ({type(error).__name__} at {where}); "
            "compare the platform's data with docs/contract.md"
        ) from None


def _connection(settings: Settings | DeskSettings) -> Store:
    """Connect to the reporting store. Used as a context manager it is one transaction."""
    store = psycopg.connect(settings.store, autocommit=True, row_factory=dict_row)
    store.execute(query("session/notice_lost_client"))
    store.autocommit = False
    # Whoever waited for a lock must see what its holder wrote.
    # guard: store.sees-what-the-lock-holder-wrote
    store.isolation_level = psycopg.IsolationLevel.READ_COMMITTED
    return store


def _failure(error: psycopg.Error) -> str:
    # The first line only: the rest may show the row that was being written, with names in it.
    return f"the reporting store failed: {first_line(error)}"
