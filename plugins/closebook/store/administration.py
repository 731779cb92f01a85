"""The reporting store as an operator's commands reach it: by a connection string."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg

from closebook.errors import ClosebookError, Misconfigured, Transient
from closebook.postgres import first_line, is_server_failure
from closebook.server_identity import command_conninfo

_NOT_MIGRATED = (
    psycopg.errors.InvalidSchemaName,
    psycopg.errors.UndefinedColumn,
    psycopg.errors.UndefinedTable,
)


@contextmanager
def administered(conninfo: str) -> Iterator[psycopg.Connection[Any]]:
    """One transaction on the reporting store, committed at the end.

    Raises Misconfigured when the connection string, the log-in, the rights or the schema are wrong,
    Transient when the server is out of reach or is lost.
    """
    try:
        with _connected(conninfo) as store:
            yield store
    except psycopg.Error as error:
        raise _of_statement(error) from None


def _connected(conninfo: str) -> psycopg.Connection[Any]:
    try:
        return psycopg.connect(command_conninfo(conninfo))
    except psycopg.OperationalError as error:
        # A refusal has no code on its way here: whether a password was asked for is known.
        asked = error.pgconn is not None and (
            error.pgconn.used_password or error.pgconn.needs_password
        )
        if asked:
            raise Misconfigured(
                "CB-CONFIG-LOGIN-REFUSED",
                f"the reporting store does not let this log-in in: {_reason(error)}",
            ) from None
        raise Transient(
            "CB-RETRY-STORE-UNREACHABLE",
            f"the reporting store cannot be reached: {_reason(error)}",
        ) from None


def _reason(error: psycopg.Error) -> str:
    return " ".join(str(error).split())


def _of_statement(error: psycopg.Error) -> ClosebookError:
    if is_server_failure(error):
        return Transient(
            "CB-RETRY-STORE-FAILED", f"the reporting store failed: {first_line(error)}"
        )
    if isinstance(error, psycopg.errors.InsufficientPrivilege):
        return Misconfigured(
            "CB-CONFIG-STORE-RIGHTS",
            f"this role lacks a right on the reporting store: {first_line(error)}; log in as the "
            "role that docs/operations.md names for this command",
        )
    if isinstance(error, _NOT_MIGRATED):
        return Misconfigured(
            "CB-CONFIG-STORE-NOT-MIGRATED",
            f"the reporting store is not up to date: {first_line(error)}; run closebook migrate",
        )
    return Misconfigured(
        "CB-CONFIG-STORE-REFUSED",
        f"the reporting store refused a statement: {first_line(error)}; see that "
        "sql/reporting/roles.sql was run on its server, and PostgreSQL's contrib is installed",
    )
