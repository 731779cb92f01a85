"""A session of the doctor on a server of the platform: read only, each statement in bounds."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

import psycopg
from psycopg.rows import DictRow

from closebook.platform.connections import close, connect_to, primary_connection
from closebook.platform.contract import bound_query
from closebook.postgres import answer_within
from closebook.settings import Replica, Settings

ANSWER_SECONDS = 5.0

Ask = Callable[..., list[DictRow]]


@dataclass(frozen=True)
class PlatformSession:
    """A connection to a server of the platform, as the role that closes use there.

    A statement ends after ``statement_seconds``. Nothing is written: each transaction is read only.
    ``in_major`` are the views that have amounts in major units.
    """

    server: str
    connection: psycopg.Connection[DictRow]
    statement_seconds: int
    in_major: frozenset[str] = frozenset()

    def rows(self, name: str, parameters: Mapping[str, object] | None = None) -> list[DictRow]:
        """Run sql/<name>.sql in a transaction of its own. Raises psycopg.Error."""
        with self.snapshot() as ask:
            return ask(name, parameters)

    @contextmanager
    def snapshot(self, **settings: str) -> Iterator[Ask]:
        """Yield a function that runs queries in one snapshot, under these settings of PostgreSQL.

        Raises psycopg.Error.
        """
        with self.connection.transaction():
            for setting, value in {
                "statement_timeout": f"{self.statement_seconds}s",
                **settings,
            }.items():
                self.connection.execute("select set_config(%s, %s, true)", [setting, value])

            def ask(name: str, parameters: Mapping[str, object] | None = None) -> list[DictRow]:
                with answer_within(self.connection, self.statement_seconds + ANSWER_SECONDS):
                    return self.connection.execute(
                        *bound_query(name, self.in_major, parameters or {})
                    ).fetchall()

            yield ask


@contextmanager
def on_replica(
    settings: Settings, replica: Replica, statement_seconds: int
) -> Iterator[PlatformSession]:
    """Open a session on a replica, as the reader. Raises psycopg.Error."""
    # Explain takes no bound parameters: the client puts them into the text.
    connection = connect_to(replica, cursor_factory=psycopg.ClientCursor)
    try:
        yield _read_only(
            PlatformSession(replica.name, connection, statement_seconds, settings.major_amounts)
        )
    finally:
        close(connection)


@contextmanager
def on_primary(settings: Settings, statement_seconds: int) -> Iterator[PlatformSession]:
    """Open a session on the primary, as the fence. Raises as `primary_connection`."""
    with primary_connection(settings) as connection:
        yield _read_only(PlatformSession("primary", connection, statement_seconds))


def _read_only(session: PlatformSession) -> PlatformSession:
    session.connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
    session.connection.read_only = True  # guard: doctor.reads-only
    return session
