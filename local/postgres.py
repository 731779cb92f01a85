"""PostgreSQL servers on loopback: a primary, its streaming replicas, the store."""

import re
import shutil
import signal
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import psycopg

from local.errors import StackError
from local.folders import write_private
from local.ports import LOOPBACK
from local.processes import Component, ServerUser, find, run

SUPERUSER = "postgres"
REPLICATION_USER = "closebook_replication"
MAX_CONNECTIONS = 200
# SIGTERM would wait until every client has disconnected.
FAST_SHUTDOWN = signal.SIGINT
# For data that nobody needs again.
IMMEDIATE_SHUTDOWN = signal.SIGQUIT
STOP_SECONDS = 60.0

_SETTINGS = {
    "listen_addresses": LOOPBACK,
    "unix_socket_directories": "",
    "max_connections": str(MAX_CONNECTIONS),
    "password_encryption": "scram-sha-256",
    "shared_buffers": "256MB",
    "effective_cache_size": "2GB",
    "work_mem": "32MB",
    "maintenance_work_mem": "256MB",
    # Shared memory for parallel queries that does not depend on the size of /dev/shm.
    "min_dynamic_shared_memory": "64MB",
    "random_page_cost": "1.1",
    "jit": "off",
    "wal_level": "replica",
    "max_wal_senders": "10",
    "max_replication_slots": "10",
    "max_wal_size": "4GB",
    "checkpoint_timeout": "15min",
    "max_prepared_transactions": "20",
    "hot_standby": "on",
    "hot_standby_feedback": "off",
    # As long as a close may read: a month's takes longer than the 30 s of the default.
    "max_standby_streaming_delay": "10min",
    "wal_retrieve_retry_interval": "500ms",
    "shared_preload_libraries": "pg_stat_statements",
    "track_activities": "on",
    "track_io_timing": "on",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_line_prefix": "%m [%p] %q%u@%d ",
    # No personal data in the logs: not a failed statement, and not the row that it failed on.
    "log_min_error_statement": "panic",
    "log_error_verbosity": "terse",
}
# For tests: their data may be lost when the machine crashes.
_FAST_SETTINGS = {
    "fsync": "off",
    "full_page_writes": "off",
    "shared_buffers": "128MB",
    "max_wal_size": "1GB",
    # A server that a test has killed replays what was written since.
    "checkpoint_timeout": "30s",
}
_ACCESS = f"""\
# Passwords only, over loopback only.
host all all {LOOPBACK}/32 scram-sha-256
host replication {REPLICATION_USER} {LOOPBACK}/32 scram-sha-256
"""


@dataclass(frozen=True)
class PostgresServer:
    """One PostgreSQL server: the folder of its data, its log, whom it runs as.

    Its programs are those of the folder `binaries`, or else of Debian's newest version.
    """

    name: str
    folder: Path
    log: Path
    port: int
    run_as: ServerUser | None
    fast: bool
    environment: Mapping[str, str]
    upstream: "Upstream | None" = None
    binaries: Path | None = None

    def create(self, superuser_password: str) -> None:
        """Make an empty cluster: UTF-8, C.UTF-8 collation, checksums, SCRAM passwords.

        A cluster that is only half made is never found under its final name.
        """
        made, password_file = self._unfinished(), self.folder.parent / f"{self.name}.password"
        write_private(password_file, superuser_password, self.run_as)
        try:
            self._run(
                *(binary("initdb", self.binaries), "--pgdata", str(made), "--username", SUPERUSER),
                *("--pwfile", str(password_file), "--auth", "scram-sha-256"),
                # The same order of text on every machine, whatever its locales.
                *("--encoding", "UTF8", "--locale", "C.UTF-8", "--data-checksums"),
                *(["--no-sync"] if self.fast else []),
            )
        finally:
            password_file.unlink(missing_ok=True)
        self._finish(made)

    def copy_from_upstream(self) -> None:
        """Make a streaming replica of the primary, which must be running, by pg_basebackup."""
        assert self.upstream is not None  # noqa: S101 (what the caller must pass, not input)
        made = self._unfinished()
        self._run(
            *(binary("pg_basebackup", self.binaries), "--pgdata", str(made)),
            *("--write-recovery-conf", "--wal-method", "stream", "--checkpoint", "fast"),
            *("--slot", self.upstream.slot, "--dbname", self.upstream.conninfo, "--no-password"),
            *(["--no-sync"] if self.fast else []),
        )
        self._finish(made)

    def component(self) -> Component:
        """How to start this server; writes its configuration, which holds no secret."""
        settings = _SETTINGS | (_FAST_SETTINGS if self.fast else {}) | {"port": str(self.port)}
        lines = "".join(f"{name} = '{value}'\n" for name, value in settings.items())
        write_private(self.folder / "postgresql.conf", lines, self.run_as)
        write_private(self.folder / "pg_hba.conf", _ACCESS, self.run_as)
        argv = [binary("postgres", self.binaries), "-D", str(self.folder)]
        if self.upstream is not None:
            # On the command line, since pg_basebackup wrote the primary's port of that day
            # into postgresql.auto.conf, and the stack's ports may have changed.
            argv += ["-c", f"primary_conninfo={self.upstream.conninfo}"]
            argv += ["-c", f"primary_slot_name={self.upstream.slot}"]
        return Component(
            name=self.name,
            argv=argv,
            log=self.log,
            environment=self.environment,
            directory=self.folder,
            run_as=self.run_as,
            stop_signal=FAST_SHUTDOWN,
            stop_seconds=STOP_SECONDS,
        )

    def is_ready(self, conninfo: str) -> bool:
        """Whether it answers; a replica must also be in recovery and streaming."""
        try:
            with psycopg.connect(conninfo, connect_timeout=5) as connection:
                row = connection.execute(
                    "select pg_is_in_recovery(), exists ("
                    "select 1 from pg_stat_wal_receiver where status = 'streaming')"
                ).fetchone()
        except psycopg.OperationalError:
            return False
        return row == (self.upstream is not None, self.upstream is not None)

    def _unfinished(self) -> Path:
        made = self.folder.with_name(f"{self.folder.name}.unfinished")
        shutil.rmtree(made, ignore_errors=True)
        return made

    def _finish(self, made: Path) -> None:
        made.rename(self.folder)

    def _run(self, *argv: str) -> None:
        run(argv, run_as=self.run_as, log=self.log, environment=self.environment)


@dataclass(frozen=True)
class Upstream:
    """The primary as one replica reaches it."""

    port: int
    password_file: Path
    slot: str

    @property
    def conninfo(self) -> str:
        return psycopg.conninfo.make_conninfo(
            host=LOOPBACK,
            port=self.port,
            user=REPLICATION_USER,
            passfile=str(self.password_file),
            application_name=self.slot,
        )


def make_replication_slots(admin: str, slots: Iterable[str]) -> None:
    """Make the primary keep its log for replicas, by slot, unless it does so already."""
    with psycopg.connect(admin) as connection:
        for slot in slots:
            connection.execute(
                "select pg_create_physical_replication_slot(%(slot)s, true)"
                " where not exists ("
                "select 1 from pg_replication_slots where slot_name = %(slot)s)",
                {"slot": slot},
            )


def binary(name: str, folder: Path | None = None) -> str:
    """The path of a PostgreSQL program: in the folder if one is given, else Debian's newest.

    A folder that lacks the program is an error, since another program has another version.
    """
    if folder is not None:
        if not (folder / name).is_file():
            raise StackError(
                "CB-STACK-NO-POSTGRESQL-PROGRAM",
                f"there is no {name} in {folder}: name the bin folder of a PostgreSQL installation",
            )
        return str(folder / name)
    folders = Path("/usr/lib/postgresql").glob("*/bin")
    newest_first = sorted(folders, key=lambda path: _version(path.parent.name), reverse=True)
    return find(name, *map(str, newest_first))


def _version(folder: str) -> int:
    digits = re.match(r"\d+", folder)
    return int(digits[0]) if digits else 0
