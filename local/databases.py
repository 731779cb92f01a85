"""Makes, clones and drops the databases of a stack; waits for its replicas."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
from psycopg import sql

from closebook.keys import KeyTypes
from closebook.store.decision_key import set_decision_key
from closebook.store.migrations import migrate
from local import REPOSITORY
from local.addresses import PLATFORM_DATABASE, REPLICAS, Addresses
from local.errors import StackError
from local.postgres import SUPERUSER

CATCH_UP_SECONDS = 60


class Databases(Addresses):
    """The databases of a stack whose servers run."""

    def replica_wait(self, *replicas: str, seconds: float = CATCH_UP_SECONDS) -> None:
        """Wait until replicas (all, if none is named) have replayed all that is committed."""
        with _connect(self.primary_admin()) as connection:
            row = connection.execute("select pg_current_wal_lsn()::text").fetchone()
        assert row is not None  # noqa: S101 (a select without from has a row)
        deadline = time.monotonic() + seconds
        for replica in replicas or REPLICAS:
            with _connect(self.replica_admin(replica)) as connection:
                while not _one(
                    connection.execute("select pg_last_wal_replay_lsn() >= %s::pg_lsn", row)
                ):
                    if time.monotonic() > deadline:
                        raise StackError(
                            "CB-STACK-REPLICA-NOT-REPLAYED",
                            f"{replica} has not replayed {row[0]} after {seconds:.0f} s:"
                            f" see {self.log(replica)}",
                        )
                    time.sleep(0.01)

    def pause_replay(self, replica: str) -> None:
        """Let a replica receive but not replay, until `resume_replay`."""
        with _connect(self.replica_admin(replica)) as connection:
            connection.execute("select pg_wal_replay_pause()")
            while _one(connection.execute("select pg_get_wal_replay_pause_state()")) != "paused":
                time.sleep(0.01)

    def resume_replay(self, replica: str) -> None:
        """Let a replica replay again."""
        with _connect(self.replica_admin(replica)) as connection:
            connection.execute("select pg_wal_replay_resume()")

    def create_platform(self, dbname: str, *, indexes: bool) -> None:
        """Make a platform database on the primary: sample tables, contract, grants.

        Without `indexes`, call `create_indexes` once the data are in.
        """
        with self.creating_database(self.primary_admin, dbname) as temporary:
            with psycopg.connect(self.primary_admin(temporary)) as connection:
                connection.execute("create extension pg_stat_statements")
                for name in ("sample_platform", "contract", "grants"):
                    connection.execute(sql_file("platform", name))
            if indexes:
                self.create_indexes(temporary)

    def create_indexes(self, dbname: str = PLATFORM_DATABASE) -> None:
        """Make the indexes that the closes need (sql/platform/indexes.sql)."""
        with psycopg.connect(self.primary_admin(dbname)) as connection:
            connection.execute(sql_file("platform", "indexes"))

    def create_store(self, dbname: str, keys: KeyTypes | None = None) -> None:
        """Make a reporting database on the store's server, for keys of such types.

        It is migrated and has its key of decisions.
        """
        with self.creating_database(self.store_admin, dbname, owner="closebook_owner") as temporary:
            migrate(self.store_owner(temporary), keys)
            set_decision_key(self.store_owner(temporary), self.secrets["decisions"])

    def clone_platform(self, template: str, dbname: str) -> None:
        """Copy a platform database and wait until both replicas have the copy."""
        _clone(self.primary_admin(), template, dbname)
        self.replica_wait()

    def clone_store(self, template: str, dbname: str) -> None:
        """Copy a reporting database."""
        _clone(self.store_admin(), template, dbname, owner="closebook_owner")

    def drop_platform(self, dbname: str) -> None:
        """Drop a platform database, connections to it included, here and on the replicas."""
        _drop(self.primary_admin(), dbname)

    def drop_store(self, dbname: str) -> None:
        """Drop a reporting database, connections to it included."""
        _drop(self.store_admin(), dbname)

    def has_database(self, admin: str, dbname: str) -> bool:
        """Whether the server that admin leads to has the database."""
        with _connect(admin) as connection:
            found = connection.execute("select 1 from pg_database where datname = %s", [dbname])
            return found.fetchone() is not None

    @contextmanager
    def creating_database(
        self, admin: Callable[[str], str], dbname: str, owner: str = SUPERUSER
    ) -> Iterator[str]:
        """Create a database under a temporary name; the end of the block renames it.

        So a database with the name ``dbname`` is complete.
        """
        temporary = f"{dbname}_unfinished"
        with _connect(admin("postgres")) as connection:
            _drop(admin("postgres"), temporary)
            connection.execute(
                sql.SQL("create database {} owner {}").format(
                    sql.Identifier(temporary), sql.Identifier(owner)
                )
            )
            yield temporary
            connection.execute(
                sql.SQL("alter database {} rename to {}").format(
                    sql.Identifier(temporary), sql.Identifier(dbname)
                )
            )


def sql_file(*names: str) -> bytes:
    """The text of sql/<folder>/<name>.sql."""
    folder, name = names
    return (REPOSITORY / "sql" / folder / f"{name}.sql").read_bytes()


def _connect(conninfo: str) -> psycopg.Connection[tuple[Any, ...]]:
    return psycopg.connect(conninfo, autocommit=True)


def _one(cursor: psycopg.Cursor[tuple[Any, ...]]) -> Any:
    row = cursor.fetchone()
    return None if row is None else row[0]


def _clone(admin: str, template: str, dbname: str, owner: str = SUPERUSER) -> None:
    with _connect(admin) as connection:
        connection.execute(
            sql.SQL("create database {} template {} owner {}").format(
                sql.Identifier(dbname), sql.Identifier(template), sql.Identifier(owner)
            )
        )


def _drop(admin: str, dbname: str) -> None:
    with _connect(admin) as connection:
        connection.execute(
            sql.SQL("drop database if exists {} with (force)").format(sql.Identifier(dbname))
        )
