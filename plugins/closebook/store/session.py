"""Connections to the reporting store, and the errors that its failures raise."""

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from typing import Protocol

import psycopg
from psycopg.rows import DictRow, dict_row

from closebook.periods import Period
from closebook.postgres import answer_within, connect, store_error
from closebook.settings.desk_settings import DeskSettings
from closebook.sql import query

Store = psycopg.Connection[DictRow]

DESK_SECONDS = 25.0
"""The longest that the desk uses one connection. A store that hangs applies no time-out itself."""


class StoreAddress(Protocol):
    """Settings that name the reporting store by a libpq connection string."""

    @property
    def store(self) -> str:
        """The connection string."""


@contextmanager
def on_store(settings: StoreAddress) -> Iterator[Store]:
    """Open one transaction on the reporting store, or one per `store.transaction()` block.

    The desk's sessions have time limits, so that no close waits long for a lock of the desk.
    Raises Transient when the store cannot be reached, is lost or does not answer within these
    limits, Misconfigured when the log-in, a right or the schema is wrong, WrongData when it refuses
    rows.
    """
    is_desk = isinstance(settings, DeskSettings)
    try:
        store = connect(settings.store, autocommit=True, row_factory=dict_row)
        # guard: store.desk-hangs-up
        with answer_within(store, DESK_SECONDS) if is_desk else nullcontext(), store:
            _begin_session(store, is_desk=is_desk)
            yield store
    except psycopg.Error as error:
        raise store_error(error) from None  # guard: store.errors-have-a-class


@contextmanager
def one_state(store: Store) -> Iterator[None]:
    """Run all queries of the block in one read-only snapshot, which begins with the first of them.

    So a close that commits meanwhile is not seen in part. This ends the transaction that is open
    before the block, and that of the block. Entries of the audit log cannot be written in it, since
    each has to see the newest entry.
    """
    store.commit()
    store.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ  # guard: store.one-state
    store.read_only = True
    try:
        yield
    finally:
        if not store.closed:
            store.rollback()
            store.isolation_level = psycopg.IsolationLevel.READ_COMMITTED
            store.read_only = None


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


def _begin_session(store: Store, *, is_desk: bool) -> None:
    """Set up a new connection. Used as a context manager it is one transaction."""
    store.execute(query("session/notice_lost_client"))
    if is_desk:
        store.execute(query("session/limit_desk"))  # guard: store.desk-time-limits
    store.autocommit = False
    # A transaction that waited for a lock must see what the lock's owner committed.
    # guard: store.sees-what-the-lock-holder-wrote
    store.isolation_level = psycopg.IsolationLevel.READ_COMMITTED
