"""Connections to servers that may freeze or go away: no wait for an answer is without an end."""

import os
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

import psycopg

LOST = (
    psycopg.OperationalError,
    # Time-outs as well, which psycopg has among the errors of a server's own making.
    psycopg.errors.IdleInTransactionSessionTimeout,
    psycopg.errors.TransactionTimeout,
)


@contextmanager
def hung_up_after(connection: psycopg.Connection[Any], seconds: float) -> Iterator[None]:
    """Cut the connection when the time is over: a frozen server honours no time-out of its own.

    Raises psycopg.OperationalError when it was cut.
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


def is_lost(error: psycopg.Error) -> bool:
    """Whether the server failed or went away, rather than refused what it was asked.

    Lost, shut down, recovery conflict, time-out, too many connections. An error without a state
    is not the server's word but psycopg's, such as on a COPY that a shutdown has ended.
    """
    # guard: replica.copy-that-a-shutdown-ends
    return error.sqlstate is None or isinstance(error, LOST)


def first_line(error: psycopg.Error) -> str:
    """What a server said, without what it quotes below."""
    return str(error).strip().split("\n", 1)[0]
