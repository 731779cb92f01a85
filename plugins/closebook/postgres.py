"""PostgreSQL's connections and errors: limits on waiting, and what an error means.

Each error is classified here, by its SQLSTATE. No other module looks at psycopg's classes of
errors. What follows from a fault differs by server: `store_error` is for the reporting store,
`closebook.platform.replica_status.replica_error` for a replica.
"""

import os
import re
import socket
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from enum import Enum, auto
from typing import Any

import psycopg
from psycopg.types.string import TextLoader

from closebook.errors import ClosebookError, Misconfigured, Transient, WrongData


class Fault(Enum):
    """What an error of PostgreSQL means, whichever server it comes from."""

    # The server or the connection failed, or had no room or time: the same may work later.
    LOST = auto()
    # The log-in is refused, or the database is not there.
    LOGIN = auto()
    # The role lacks a right.
    RIGHTS = auto()
    # A schema, table, column, function or type that the statement names is not there.
    ABSENT = auto()
    # The server will not run such a statement, whatever the rows are.
    REFUSED = auto()
    # A row cannot be computed or stored.
    ROWS = auto()
    # Files of the database are damaged or missing.
    DAMAGED = auto()


# By SQLSTATE, or by its class (the first two characters). A full SQLSTATE goes before its class.
# What is not listed is REFUSED.
# https://www.postgresql.org/docs/current/errcodes-appendix.html
FAULTS: Mapping[str, Fault] = {
    **dict.fromkeys(("08", "40", "53", "57", "58", "72", "XX"), Fault.LOST),
    **dict.fromkeys(("25P03", "25P04", "55006", "55P03", "HV001", "HV00N"), Fault.LOST),
    **dict.fromkeys(("28", "3D"), Fault.LOGIN),
    **dict.fromkeys(("42501",), Fault.RIGHTS),
    **dict.fromkeys(("3F", "42703", "42704", "42883", "42P01"), Fault.ABSENT),
    **dict.fromkeys(("09", "21", "22", "23", "27", "44", "54", "P0"), Fault.ROWS),
    # `raise exception` in somebody's function or trigger. Ours raise errors of class 23.
    **dict.fromkeys(("P0001",), Fault.REFUSED),
    **dict.fromkeys(("58P01", "XX001", "XX002"), Fault.DAMAGED),
    # A limit that somebody set, such as temp_file_limit: the next try needs as much.
    **dict.fromkeys(("53400",), Fault.REFUSED),
}

# libpq reports a refused log-in as a text without SQLSTATE, and PgBouncer reports all its errors
# under one SQLSTATE (08P01). So the texts are compared: PostgreSQL's in English, and those of
# PgBouncer and libpq, which have only English. In another language a refused log-in counts as LOST:
# the task is retried before it fails.
_REFUSED_LOGIN = re.compile(
    r"authentication failed"
    r"|no pg_hba\.conf entry|pg_hba\.conf rejects"
    r"|(?:role|user|database) \"[^\"]*\" does not exist|no such (?:user|database)"
    r"|is not permitted to log in|permission denied for database"
    r"|no password supplied|authentication method requirement .* failed"
    r"|SSL (?:is )?required|does not support SSL|certificate verify failed"
    r"|does not match host name|unsupported startup parameter"
)
_REFUSED_BY_POOLER = re.compile(r"not allowed in (?:statement|transaction) pooling mode")
_PLACE_IN_COPY = re.compile(r"^COPY (?P<table>\w+), line \d+(?:, column (?P<column>\w+))?")


def connect(conninfo: str, **how: Any) -> psycopg.Connection[Any]:
    """Connect as `psycopg.connect` does; texts come as UTF-8, times in a form that psycopg reads.

    Whatever the encoding of the database is, the server converts. An encoding or DateStyle that
    was set for the role, the database or the connection does not count. No statement is prepared
    on the server. Raises psycopg.Error.
    """
    # Any server may be behind a pooler in transaction mode. There each transaction may get another
    # session, which does not have the statements that this connection prepared.
    how = {"prepare_threshold": None, **how}  # guard: postgres.prepares-no-statement
    # guard: postgres.texts-come-as-utf-8
    connection = psycopg.connect(conninfo, client_encoding="UTF8", **how)
    # A uuid is a key of the platform: a str, as a text key is.
    connection.adapters.register_loader("uuid", TextLoader)
    style = connection.info.parameter_status("DateStyle")
    if style is not None and not style.startswith("ISO"):  # guard: postgres.times-come-as-iso
        connection.execute("set datestyle to 'ISO'")
        if not connection.autocommit:
            connection.commit()
    return connection


def seconds_until(deadline: float) -> float:
    """Return the seconds until a time of the monotonic clock.

    Raises psycopg.OperationalError if it has passed.
    """
    seconds = deadline - time.monotonic()
    if seconds <= 0:
        raise psycopg.OperationalError("no time is left for another query")
    return seconds


@contextmanager
def answer_within(connection: psycopg.Connection[Any], seconds: float) -> Iterator[None]:
    """Close the connection if the block takes longer. A server that hangs applies no time-out.

    Raises psycopg.OperationalError if the connection was closed for that.
    """
    is_over = threading.Event()

    def shut_down() -> None:
        is_over.set()
        with (
            suppress(psycopg.OperationalError, OSError),
            socket.socket(fileno=os.dup(connection.fileno())) as connection_socket,
        ):
            connection_socket.shutdown(socket.SHUT_RDWR)  # guard: replica.hang-up

    timer = threading.Timer(seconds, shut_down)
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


def fault_of(error: psycopg.Error) -> Fault:
    """Return what an error means."""
    if error.sqlstate is None:  # guard: replica.copy-that-a-shutdown-ends
        return _without_code(error)
    if error.sqlstate == "08P01":
        if _REFUSED_BY_POOLER.search(str(error)):  # guard: postgres.pooler-in-statement-mode
            return Fault.REFUSED
        if _REFUSED_LOGIN.search(str(error)):
            return Fault.LOGIN
        if _PLACE_IN_COPY.search(error.diag.context or ""):  # guard: postgres.copy-of-other-types
            return Fault.ROWS
    return FAULTS.get(error.sqlstate) or FAULTS.get(error.sqlstate[:2], Fault.REFUSED)


def _without_code(error: psycopg.Error) -> Fault:
    """Classify an error that psycopg or libpq made, such as a COPY that a shutdown ended."""
    if isinstance(error, psycopg.DataError):
        return Fault.ROWS
    # psycopg says so of a COPY whose session was ended: it was sent two results, both errors.
    # guard: postgres.copy-that-an-ended-session-breaks-off
    if isinstance(error, psycopg.ProgrammingError) and "mix COPY with other" in str(error):
        return Fault.LOST
    if isinstance(error, psycopg.ProgrammingError | psycopg.NotSupportedError):
        return Fault.REFUSED
    # guard: postgres.refused-login
    return Fault.LOGIN if _REFUSED_LOGIN.search(str(error)) else Fault.LOST


def is_in_recovery(error: psycopg.Error) -> bool:
    """Whether a server refused a statement because it is a replica."""
    return error.sqlstate in ("25006", "55000")


def violated_constraint(error: psycopg.Error) -> str | None:
    """Return the name of the constraint that a row violates, None for another error."""
    return error.diag.constraint_name


def described(error: psycopg.Error) -> str:
    """Return what a server says in one line, without a value of a row.

    That is the first line of its message, since the later ones may quote a row. Where the message
    itself may, it is the error's name and SQLSTATE, with the constraint, column or table.
    """
    # guard: postgres.no-values-in-errors
    if fault_of(error) is not Fault.ROWS and error.sqlstate != "P0001":
        return " ".join(str(error).strip().split("\n", 1)[0].split())
    where = _names(error)
    at = f" at {where}" if where else ""
    return f"{type(error).__name__}{at}, {error.sqlstate or 'from psycopg'}"


def _names(error: psycopg.Error) -> str:
    diag = error.diag
    copied = _PLACE_IN_COPY.search(diag.context or "")
    table = diag.table_name or (copied["table"] if copied else None)
    column = diag.constraint_name or diag.column_name or (copied["column"] if copied else None)
    return ".".join(filter(None, (table, column)))


def store_error(  # noqa: PLR0911  # one for each fault
    error: psycopg.Error, subject: str = ""
) -> ClosebookError:
    """Return the error to raise for a failure of the reporting store.

    ``subject`` says what was being written, and ends with a colon and a blank.
    """
    said = described(error)
    match fault_of(error):
        case Fault.LOST:
            return Transient("CB-RETRY-STORE-FAILED", f"the reporting store failed: {said}")
        case Fault.LOGIN:
            return Misconfigured(
                "CB-CONFIG-LOGIN-REFUSED",
                f"the reporting store refuses this log-in: {said}",
            )
        case Fault.RIGHTS:
            return Misconfigured(
                "CB-CONFIG-STORE-RIGHTS",
                f"this role lacks a right on the reporting store: {said}; log in as the role that "
                "docs/settings.md names for the connection, or docs/operations.md for a command",
            )
        case Fault.ABSENT:
            return Misconfigured(
                "CB-CONFIG-STORE-NOT-MIGRATED",
                f"the reporting store is not up to date: {said}; run closebook migrate",
            )
        case Fault.ROWS:
            return WrongData(
                "CB-DATA-ROWS-REFUSED",
                f"{subject}the reporting store refused the rows ({_refusal(error) or said}); "
                "compare the platform's data with docs/contract.md",
            )
        case Fault.DAMAGED:
            return Misconfigured(
                "CB-CONFIG-STORE-DAMAGED",
                f"the reporting store is damaged: {said}; restore it (docs/recovery.md)",
            )
        case Fault.REFUSED:
            return Misconfigured(
                "CB-CONFIG-STORE-REFUSED",
                f"the reporting store refused a statement: {said}; see that the connection leads "
                "to its primary, that sql/reporting/roles.sql was run on its server, and that "
                "PostgreSQL's contrib is installed",
            )


def _refusal(error: psycopg.Error) -> str | None:
    """Return the text of a trigger of ours, which names no value but ids."""
    message = error.diag.message_primary or ""
    return message if message.startswith("CB-") else None
