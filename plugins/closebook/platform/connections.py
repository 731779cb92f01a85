"""Connections to the platform: to the primary as the fence's role, to a replica as the reader."""

import itertools
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

import psycopg
from psycopg.rows import DictRow, dict_row

from closebook.errors import Transient
from closebook.postgres import hung_up_after
from closebook.settings import Replica, Settings

CONNECT_SECONDS = 5.0
CONNECT_PAUSES_SECONDS = (0.05, 0.1, 0.15, 0.2)
CLOSE_SECONDS = 5.0


@contextmanager
def primary_connection(settings: Settings) -> Iterator[psycopg.Connection[DictRow]]:
    """Connect as the fence role, whose two connections closes side by side take turns at.

    A refusal has no code that libpq passes on, and a text in the server's language: so whatever
    the reason, it is tried again for a while.
    """
    deadline = time.monotonic() + CONNECT_SECONDS
    for pause_seconds in itertools.cycle(CONNECT_PAUSES_SECONDS):
        try:
            connection = psycopg.connect(
                settings.primary,
                autocommit=True,
                row_factory=dict_row,
                # Several statements in one message take no parameters but in their text.
                cursor_factory=psycopg.ClientCursor,
            )
        except psycopg.OperationalError as error:
            if time.monotonic() >= deadline:
                raise Transient(
                    "CB-RETRY-PRIMARY-UNREACHABLE",
                    f"the primary cannot be asked for a fence: {error}",
                ) from None
            time.sleep(pause_seconds)
        else:
            with connection:
                yield connection
            return


def connect_to(replica: Replica) -> psycopg.Connection[DictRow]:
    """Connect to a replica, in autocommit. Raises psycopg.Error."""
    # Prepared statements and session settings do not survive PgBouncer's transaction mode.
    return psycopg.connect(
        replica.conninfo, autocommit=True, prepare_threshold=None, row_factory=dict_row
    )


def close(connection: psycopg.Connection[Any]) -> None:
    """End the connection's transaction and close it; closing it again does nothing.

    A server that has ended the transaction already, or cannot be reached, is no error.
    """
    # PgBouncer closes the server's connection when a client leaves within a transaction.
    with suppress(psycopg.Error), hung_up_after(connection, CLOSE_SECONDS):
        connection.rollback()
    connection.close()
