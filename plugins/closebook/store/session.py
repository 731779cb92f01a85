"""Connections to the reporting store, and the errors that its failures raise."""

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
from psycopg.rows import DictRow, dict_row

from closebook.periods import Period
from closebook.postgres import connect, store_error
from closebook.settings import DeskSettings, Settings
from closebook.sql import query

Store = psycopg.Connection[DictRow]


@contextmanager
def on_store(settings: Settings | DeskSettings) -> Iterator[Store]:
    """Open one transaction on the reporting store, or one per `store.transaction()` block.

    Raises Transient when the store cannot be reached or is lost, Misconfigured when the log-in, a
    right or the schema is wrong, WrongData when it refuses rows.
    """
    try:
        with _connection(settings) as store:
            yield store
    except psycopg.Error as error:
        raise store_error(error) from None  # guard: store.errors-have-a-class


@contextmanager
def writing(store: Store, period: Period) -> Iterator[None]:
    """Write a close in one transaction: all of it is committed at the end, or nothing.

    The connection must have no transaction open. Raises as `on_store`; WrongData names the period.
    """
    try:
        with store.transaction():
            yield
    except psycopg.Error as error:
        # Not chained: the text of the cause may quote the row, which may hold a name.
        raise store_error(error, f"{period}: ") from None


def _connection(settings: Settings | DeskSettings) -> Store:
    """Connect to the reporting store. Used as a context manager it is one transaction."""
    store = connect(settings.store, autocommit=True, row_factory=dict_row)
    store.execute(query("session/notice_lost_client"))
    store.autocommit = False
    # A transaction that waited for a lock must see what the lock's owner committed.
    # guard: store.sees-what-the-lock-holder-wrote
    store.isolation_level = psycopg.IsolationLevel.READ_COMMITTED
    return store
