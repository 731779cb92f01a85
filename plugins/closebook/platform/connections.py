"""Connections to the platform: to the primary as the fence's role, to a replica as the reader."""

import itertools
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

import psycopg
from psycopg.rows import DictRow, dict_row

from closebook.errors import Misconfigured, Transient
from closebook.postgres import Fault, answer_within, connect, described, fault_of
from closebook.settings import Replica, Settings

CONNECT_SECONDS = 5.0
CONNECT_PAUSES_SECONDS = (0.05, 0.1, 0.15, 0.2)
CLOSE_SECONDS = 5.0


@contextmanager
def primary_connection(settings: Settings) -> Iterator[psycopg.Connection[DictRow]]:
    """Connect as the fence role. It may have two connections, so concurrent closes take turns.

    libpq gives no error code for a connection that fails, so it is tried again for CONNECT_SECONDS.
    Raises Transient after that, Misconfigured at once for a log-in that the primary refuses.
    """
    deadline = time.monotonic() + CONNECT_SECONDS
    for pause_seconds in itertools.cycle(CONNECT_PAUSES_SECONDS):
        try:
            connection = connect(
                settings.primary,
                autocommit=True,
                row_factory=dict_row,
                # PostgreSQL takes no bound parameters in a message of several statements.
                cursor_factory=psycopg.ClientCursor,
            )
        except psycopg.Error as error:
            if fault_of(error) is not Fault.LOST:  # guard: fence.refused-log-in-is-not-retried
                raise Misconfigured(
                    "CB-CONFIG-PRIMARY-LOGIN",
                    f"the primary refuses the log-in of closebook_fence: {described(error)}; "
                    "correct the Airflow connection closebook_primary",
                ) from None
            if time.monotonic() >= deadline:
                raise Transient(
                    "CB-RETRY-PRIMARY-UNREACHABLE",
                    f"the primary cannot be asked for a fence: {described(error)}",
                ) from None
            time.sleep(pause_seconds)
        else:
            with connection:
                yield connection
            return


def connect_to(replica: Replica, **how: Any) -> psycopg.Connection[DictRow]:
    """Connect to a replica, in autocommit. Raises psycopg.Error."""
    return connect(replica.conninfo, autocommit=True, row_factory=dict_row, **how)


def close(connection: psycopg.Connection[Any]) -> None:
    """End the connection's transaction and close it; closing it again does nothing.

    A server that has ended the transaction already, or cannot be reached, is no error.
    """
    # If a client disconnects within a transaction, PgBouncer drops its server connection.
    with suppress(psycopg.Error), answer_within(connection, CLOSE_SECONDS):
        connection.rollback()
    connection.close()
