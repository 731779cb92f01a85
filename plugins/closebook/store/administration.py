"""The reporting store as an operator's commands reach it: by a connection string."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg

from closebook.errors import Misconfigured, Transient
from closebook.postgres import Fault, connect, described, fault_of, store_error
from closebook.server_identity import command_conninfo


@contextmanager
def store_transaction(conninfo: str) -> Iterator[psycopg.Connection[Any]]:
    """One transaction on the reporting store, committed at the end.

    Raises Misconfigured when the connection string, the log-in, the rights, the schema or the
    encoding are wrong, Transient when the server is out of reach or is lost.
    """
    try:
        with _connected(conninfo) as store:
            _require_unicode(store)
            yield store
    except psycopg.Error as error:
        raise store_error(error) from None


def _connected(conninfo: str) -> psycopg.Connection[Any]:
    try:
        return connect(command_conninfo(conninfo))
    except psycopg.Error as error:
        if fault_of(error) is not Fault.LOST:
            raise
        raise Transient(
            "CB-RETRY-STORE-UNREACHABLE",
            f"the reporting store cannot be reached: {described(error)}",
        ) from None


def _require_unicode(store: psycopg.Connection[Any]) -> None:
    encoding = store.info.parameter_status("server_encoding")
    if encoding != "UTF8":  # guard: store.holds-every-script
        raise Misconfigured(
            "CB-CONFIG-STORE-ENCODING",
            f"the reporting store's database has the encoding {encoding} and cannot hold the names "
            "of all holders: make it with encoding UTF8",
        )
