"""Connections to servers that may hang or fail: a limit on the wait for each answer."""

import os
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

import psycopg

LOST = (
    psycopg.OperationalError,
    # psycopg does not count these time-outs as operational errors.
    psycopg.errors.IdleInTransactionSessionTimeout,
    psycopg.errors.TransactionTimeout,
)


@contextmanager
def answer_within(connection: psycopg.Connection[Any], seconds: float) -> Iterator[None]:
    """Cut the connection if the block takes longer. A hanging server applies no time-out itself.

    Raises psycopg.OperationalError if the connection was cut.
    """
    is_over = threading.Event()

    def hang_up() -> None:
        is_over.set()
        with (
            suppress(psycopg.OperationalError, OSError),
            socket.socket(fileno=os.dup(connection.fileno())) as line,
        ):
            line.shutdown(socket.SHUT_RDWR)  # guard: replica.hang-up

    timer = threading.Timer(seconds, hang_up)
    timer.daemon = True
    timer.start()
    try:
        yield
    except psycopg.Error:
        if not is_over.is_set():
            raise
        raise psycopg.OperationalError(f"no answer within {seconds:g} s") from None
    finally:
        timer.cancel()


def is_server_failure(error: psycopg.Error) -> bool:
    """Whether the server failed or the connection was lost; false if a statement was refused.

    True for a lost connection, a shutdown, a recovery conflict, a time-out, too many connections.
    An error without a SQLSTATE comes from psycopg and not from the server, for example when a
    shutdown ends a COPY.
    """
    # guard: replica.copy-that-a-shutdown-ends
    return error.sqlstate is None or isinstance(error, LOST)


def first_line(error: psycopg.Error) -> str:
    """Return the first line of a server's message. Later lines may quote a row."""
    return str(error).strip().split("\n", 1)[0]
