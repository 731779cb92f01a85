"""The stack: PostgreSQL primary, replicas and store, PgBouncer, Redis, Airflow; on loopback.

`Stack.build(root, …)` finds or plans a stack in a folder; `up()` starts whatever of it does
not run, making it first where it is new; `down()` stops it; `clean()` removes it.
"""

import base64
import fcntl
import hashlib
import json
import os
import secrets
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql
from psycopg.conninfo import make_conninfo

from closebook.migrations import migrate
from local import REPOSITORY, airflow_home, ports, processes
from local.airflow_home import Airflow, Keys, Setup
from local.errors import StackError
from local.pgbouncer import ADMIN_USER, PgBouncer
from local.ports import LOOPBACK
from local.postgres import (
    REPLICATION_USER,
    SUPERUSER,
    PostgresServer,
    Upstream,
    write_private,
)
from local.processes import Component, Running, ServerUser
from local.progress import Steps
from local.redis_server import RedisServer

PRIMARY = "primary"
STORE = "store"
REDIS = "redis"
REPLICAS = ("replica_a", "replica_b")
POOLERS = {f"pgbouncer_{replica}": replica for replica in REPLICAS}
SERVERS = (STORE, PRIMARY, *REPLICAS, *POOLERS, REDIS)
PLATFORM_DATABASE = "platform"
STORE_DATABASE = "closebook"
METADATA_DATABASE = "airflow"
USERS = {"admin": ["Admin"], "finance": ["Viewer", "finance"], "viewer": ["Viewer"]}
FINANCE_PERMISSIONS = [
    ["can_read", "Statements"],
    ["can_create", "Statements"],
    ["can_edit", "Statements"],
    ["can_read", "Plugins"],
    ["menu_access", "Statements"],
]
POOLS = {"replica_reads": 4, "rendering": 2}
SERVER_STEPS = 6
AIRFLOW_STEPS = 2
READY_SECONDS = 60
AIRFLOW_SECONDS = 180
CATCH_UP_SECONDS = 60
FREE_BYTES_WANTED = 2 * 1024**3

_ROLE_SECRETS = {
    "closebook_fence": PRIMARY,
    "closebook_reader": PRIMARY,
    REPLICATION_USER: PRIMARY,
    "closebook_owner": STORE,
    "closebook_store": STORE,
    "closebook_desk": STORE,
    "airflow": STORE,
}


@dataclass
class Stack:
    """A stack in a folder. Nothing of it runs, and nothing is written, before `up()`.

    `fast` gives up durability (fsync), for tests. `airflow` says whether `up()` starts
    Airflow too; `start_airflow()` adds it later.
    """

    root: Path
    airflow: bool
    fast: bool
    settings: Mapping[str, str] = field(default_factory=dict)
    ports: dict[str, int] = field(default_factory=dict)
    secrets: dict[str, str] = field(default_factory=dict)
    running: dict[str, Running] = field(default_factory=dict)
    airflow_fingerprint: str = ""
    _setup: Setup | None = field(default=None, init=False, repr=False)

    # ---- finding, starting, stopping, removing -----------------------------------------

    @staticmethod
    def build(
        root: Path, *, airflow: bool, fast: bool, settings: Mapping[str, str] | None = None
    ) -> "Stack":
        """The stack that lives in `root`, or the plan of a new one with free ports.

        `settings` overrides CLOSEBOOK_* settings of its tasks (see `environment`).
        """
        stack = Stack(root.absolute(), airflow, fast, settings or {})
        try:
            state = json.loads(stack._state_file.read_text())
            stack.secrets = json.loads(stack._secrets_file.read_text())
        except FileNotFoundError:
            stack.ports = ports.choose([*SERVERS, "api_server"])
            stack.secrets = _new_secrets()
            return stack
        stack.fast = state["fast"]
        stack.ports = state["ports"]
        stack.airflow_fingerprint = state["airflow_fingerprint"]
        stack.running = {name: Running.from_json(found) for name, found in state["running"].items()}
        return stack

    def up(self, steps: Steps | None = None) -> None:
        """Start what does not run, make what does not exist. Raises StackError.

        If any of it fails, what this call started is stopped again.
        """
        steps = steps or Steps(SERVER_STEPS + AIRFLOW_STEPS * self.airflow, quiet=True)
        self.start_servers(steps)
        if self.airflow:
            self.start_airflow(steps)

    def start_servers(self, steps: Steps | None = None) -> None:
        """Start all but Airflow, in SERVER_STEPS steps; Airflow's set-up runs on beside it."""
        steps = steps or Steps(SERVER_STEPS, quiet=True)
        with self._all_or_nothing():
            self._check_before(SERVERS)
            with steps.step("Reporting store"):
                self._start_store()
                if self.airflow:
                    self._begin_airflow_setup()
            with steps.step("Platform primary"):
                self._start_primary()
            with steps.step("Platform database"):
                if not self._has_database(self.primary_admin(), PLATFORM_DATABASE):
                    self.create_platform(PLATFORM_DATABASE, indexes=False)
            with steps.step("Streaming replicas"):
                self._start_replicas()
            with steps.step("PgBouncer and Redis"):
                for name in (*POOLERS, REDIS):
                    self.start(name)
            with steps.step("Reporting schema"):
                if not self._has_database(self.store_admin(), STORE_DATABASE):
                    self.create_store(STORE_DATABASE)
                else:
                    migrate(self.store_owner(STORE_DATABASE))

    def start_airflow(self, steps: Steps | None = None) -> None:
        """Set Airflow up and start it, in AIRFLOW_STEPS steps; the servers must run."""
        steps = steps or Steps(AIRFLOW_STEPS, quiet=True)
        self.airflow = True
        with self._all_or_nothing():
            with steps.step("Airflow set-up: metadata, users, connections"):
                self._begin_airflow_setup()
                if self._setup is not None:
                    self._setup.finish()
                    self.airflow_fingerprint = self._setup.fingerprint
                    self._setup = None
                    self._save()
            with steps.step("Airflow: UI, scheduler, DAG processor, triggerer"):
                self._start_airflow_components()

    def down(self) -> None:
        """Stop all of it; what does not run is left alone. The data stay."""
        with self._alone():
            self._stop(list(self.running))

    def clean(self) -> None:
        """Stop all of it and remove its folder, data and documents included."""
        if self.root.exists():
            self.down()
        away = self._private_folder
        if (self.root / "servers").is_symlink() and away.exists():
            shutil.rmtree(away)
        shutil.rmtree(self.root, ignore_errors=False) if self.root.exists() else None
        self.running, self.airflow_fingerprint = {}, ""

    def renumber(self) -> None:
        """Choose other ports for whatever does not run now."""
        idle = [name for name in self.ports if not self.is_running(name)]
        kept = {name: port for name, port in self.ports.items() if name not in idle}
        self.ports = kept | ports.choose(idle, self.ports.values())

    # ---- one component -----------------------------------------------------------------

    def is_running(self, name: str) -> bool:
        """Whether the component's very process, as this stack started it, is alive."""
        return name in self.running and processes.is_alive(self.running[name].process)

    def start(self, name: str) -> None:
        """Start one component whose data exist, and wait until it answers."""
        if self.is_running(name):
            return
        ports.require_free(name, self.ports[name])
        component, is_ready = self._component(name)
        self._launch(component)
        process = self.running[name].process
        processes.wait_until(is_ready, component, process, READY_SECONDS)

    def stop(self, name: str) -> None:
        """Stop one component in an orderly way."""
        self._stop([name])

    def kill(self, name: str) -> None:
        """End one component as a crash would, all its processes at once."""
        processes.kill(processes.tree(self.running[name].process))
        del self.running[name]
        self._save()

    def freeze(self, name: str) -> None:
        """Let one component hang: connections stay open, nothing answers."""
        processes.freeze(self.running[name].process)

    def thaw(self, name: str) -> None:
        """Let a frozen component go on."""
        processes.thaw(self.running[name].process)

    def processes_of(self, name: str) -> list[int]:
        """The pids of one component, its own first."""
        return [process.pid for process in processes.tree(self.running[name].process)]

    def log(self, name: str) -> Path:
        """The log of one component."""
        return self._logs / f"{name}.log"

    # ---- ways in -----------------------------------------------------------------------

    def primary_admin(self, dbname: str = "postgres") -> str:
        """Conninfo of the superuser on the primary."""
        return self._conninfo(PRIMARY, SUPERUSER, dbname)

    def replica_admin(self, replica: str, dbname: str = "postgres") -> str:
        """Conninfo of the superuser on a replica, past PgBouncer."""
        return self._conninfo(replica, SUPERUSER, dbname)

    def store_admin(self, dbname: str = "postgres") -> str:
        """Conninfo of the superuser on the store's server."""
        return self._conninfo(STORE, SUPERUSER, dbname)

    def fence(self, dbname: str = PLATFORM_DATABASE) -> str:
        """Conninfo of closebook_fence on the primary."""
        return self._conninfo(PRIMARY, "closebook_fence", dbname)

    def reader(self, replica: str, dbname: str = PLATFORM_DATABASE) -> str:
        """Conninfo of closebook_reader on a replica, through its PgBouncer."""
        return self._conninfo(f"pgbouncer_{replica}", "closebook_reader", dbname)

    def pool_admin(self, replica: str) -> str:
        """Conninfo of the console of a replica's PgBouncer (see local.pgbouncer.console)."""
        return self._conninfo(f"pgbouncer_{replica}", ADMIN_USER, "pgbouncer")

    def store_owner(self, dbname: str = STORE_DATABASE) -> str:
        """Conninfo of closebook_owner, who migrates the store."""
        return self._conninfo(STORE, "closebook_owner", dbname)

    def store(self, dbname: str = STORE_DATABASE) -> str:
        """Conninfo of closebook_store, who writes closes."""
        return self._conninfo(STORE, "closebook_store", dbname)

    def desk(self, dbname: str = STORE_DATABASE) -> str:
        """Conninfo of closebook_desk, who reads closes."""
        return self._conninfo(STORE, "closebook_desk", dbname)

    @property
    def redis_url(self) -> str:
        return f"redis://:{self.secrets['redis']}@{LOOPBACK}:{self.ports[REDIS]}/0"

    @property
    def ui_url(self) -> str:
        return self._airflow.ui_url

    @property
    def credentials(self) -> dict[str, str]:
        """The log-ins of the UI: user name to password."""
        return {user: self.secrets[user] for user in USERS}

    @property
    def documents_url(self) -> str:
        return (self.root / "documents").as_uri()

    @property
    def environment(self) -> dict[str, str]:
        """The CLOSEBOOK_* settings and AIRFLOW_HOME, as Airflow's processes have them."""
        return {
            "AIRFLOW_HOME": str(self._airflow_home),
            "CLOSEBOOK_TIME_ZONE": "America/New_York",
            "CLOSEBOOK_REPLICAS": ",".join(f"closebook_{replica}" for replica in REPLICAS),
            "CLOSEBOOK_DOCUMENTS_URL": self.documents_url,
            "CLOSEBOOK_ISSUER_NAME": "Closebook Sample Payments",
            "CLOSEBOOK_ISSUER_ADDRESS": "1 Ledger Lane, New York, NY 10005, United States",
            **self.settings,
        }

    # ---- replication -------------------------------------------------------------------

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
                            f"{replica} has not replayed {row[0]} after {seconds:.0f} s:"
                            f" see {self.log(replica)}"
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

    # ---- databases ---------------------------------------------------------------------

    def create_platform(self, dbname: str, *, indexes: bool) -> None:
        """Make a platform database on the primary: sample tables, contract, grants.

        Without `indexes`, call `create_indexes` once the data are in.
        """
        with self._made_whole(self.primary_admin, dbname) as making:
            with psycopg.connect(self.primary_admin(making)) as connection:
                connection.execute("create extension pg_stat_statements")
                for name in ("sample_platform", "contract", "grants"):
                    connection.execute(_sql("platform", name))
            if indexes:
                self.create_indexes(making)

    def create_indexes(self, dbname: str = PLATFORM_DATABASE) -> None:
        """Make the indexes that the closes need (sql/platform/indexes.sql)."""
        with psycopg.connect(self.primary_admin(dbname)) as connection:
            connection.execute(_sql("platform", "indexes"))

    def create_store(self, dbname: str) -> None:
        """Make a reporting database on the store's server and migrate it."""
        with self._made_whole(self.store_admin, dbname, owner="closebook_owner") as making:
            migrate(self.store_owner(making))

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

    # ---- folders and state -------------------------------------------------------------

    @property
    def _state_file(self) -> Path:
        return self.root / "stack.json"

    @property
    def _secrets_file(self) -> Path:
        return self.root / "secrets.json"

    @property
    def _logs(self) -> Path:
        return self.root / "logs"

    @property
    def _airflow_home(self) -> Path:
        return self.root / "airflow"

    @property
    def _private_folder(self) -> Path:
        """Where the servers' data go if their user cannot reach `root`; see `_make_folders`."""
        digest = hashlib.sha256(os.fsencode(self.root)).hexdigest()[:16]
        return Path("/var/tmp") / f"closebook-{digest}"  # noqa: S108 (made private, and checked)

    @cached_property
    def _server_user(self) -> ServerUser | None:
        return processes.server_user()

    def _make_folders(self) -> None:
        self.root.mkdir(parents=True, exist_ok=True)
        # Servers with a user of their own must get through, but need not see what is there.
        self.root.chmod(0o711 if self._server_user else 0o700)
        for folder in (self._logs, self.root / "documents"):
            folder.mkdir(mode=0o700, exist_ok=True)
        servers = self.root / "servers"
        if not servers.is_symlink() and not servers.exists():
            if self._server_user is None or self._reaches(self.root):
                servers.mkdir(mode=0o700)
            else:
                self._make_private_folder()
                servers.symlink_to(self._private_folder)
        for folder in (servers, *(servers / name for name in (*POOLERS, REDIS))):
            folder.mkdir(mode=0o700, exist_ok=True)
            if self._server_user is not None:
                shutil.chown(folder, self._server_user.uid, self._server_user.gid)

    def _reaches(self, folder: Path) -> bool:
        user = self._server_user
        assert user is not None  # noqa: S101 (asked only for a user)
        test = subprocess.run(
            ["test", "-x", folder], user=user.uid, group=user.gid, extra_groups=[], check=False
        )
        return test.returncode == 0

    def _make_private_folder(self) -> None:
        folder = self._private_folder
        if folder.is_symlink() or folder.exists():
            # Left over by a stack whose folder is gone, or put there by somebody else.
            owners = {0, self._server_user.uid if self._server_user else os.geteuid()}
            if folder.is_symlink() or folder.stat().st_uid not in owners:
                raise StackError(f"{folder} belongs to somebody else: remove it and try again")
            shutil.rmtree(folder)
        folder.mkdir(mode=0o700)

    def _save(self) -> None:
        state = {
            "fast": self.fast,
            "ports": self.ports,
            "airflow_fingerprint": self.airflow_fingerprint,
            "running": {name: running.as_json() for name, running in self.running.items()},
        }
        write_private(self._state_file, json.dumps(state, indent=2), None)
        if not self._secrets_file.exists():
            write_private(self._secrets_file, json.dumps(self.secrets, indent=2), None)

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Hold the stack against another command that would start or stop it meanwhile."""
        with (self.root / "lock").open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise StackError(
                    f"another command is at work on the stack in {self.root}: wait for its end"
                ) from None
            yield

    @contextmanager
    def _all_or_nothing(self) -> Iterator[None]:
        """Stop again what was started inside if anything fails, Ctrl-C included."""
        self._make_folders()
        with self._alone():
            before = {name for name in self.running if self.is_running(name)}
            self._save()
            try:
                yield
            except BaseException:
                if self._setup is not None:
                    self._setup.abandon()
                    self._setup = None
                self._stop([name for name in self.running if name not in before])
                raise

    def _check_before(self, names: tuple[str, ...]) -> None:
        free_bytes = shutil.disk_usage(self.root / "servers").free
        if free_bytes < FREE_BYTES_WANTED:
            raise StackError(
                f"only {free_bytes / 1024**3:.1f} GB are free for {self.root / 'servers'},"
                f" the stack wants {FREE_BYTES_WANTED / 1024**3:.0f}: make room and try again"
            )
        for name in (*names, *(["api_server"] if self.airflow else [])):
            if not self.is_running(name):
                ports.require_free(name, self.ports[name])

    # ---- servers -----------------------------------------------------------------------

    def _start_store(self) -> None:
        server = self._postgres(STORE)
        if not server.data.exists():
            server.create(self.secrets[SUPERUSER])
        self.start(STORE)
        self._make_roles(STORE, _sql("reporting", "roles"), "closebook_owner")
        if not self._has_database(self.store_admin(), METADATA_DATABASE):
            with self._made_whole(self.store_admin, METADATA_DATABASE, owner="airflow"):
                pass

    def _start_primary(self) -> None:
        server = self._postgres(PRIMARY)
        if not server.data.exists():
            server.create(self.secrets[SUPERUSER])
        self.start(PRIMARY)
        self._make_roles(PRIMARY, _sql("platform", "roles"), "closebook_fence")
        with psycopg.connect(self.primary_admin()) as connection:
            for replica in REPLICAS:
                connection.execute(
                    "select pg_create_physical_replication_slot(%(slot)s, true)"
                    " where not exists ("
                    "select 1 from pg_replication_slots where slot_name = %(slot)s)",
                    {"slot": replica},
                )

    def _start_replicas(self) -> None:
        write_private(
            self._password_file,
            f"{LOOPBACK}:*:*:{REPLICATION_USER}:{self.secrets[REPLICATION_USER]}\n",
            self._server_user,
        )
        new = [self._postgres(name) for name in REPLICAS if not self._postgres(name).data.exists()]
        with ThreadPoolExecutor(len(REPLICAS)) as pool:
            list(pool.map(PostgresServer.copy_from_upstream, new))
        for name in REPLICAS:
            self.start(name)

    def _make_roles(self, server: str, roles: bytes, last_role: str) -> None:
        """Run a file of roles once, and set the passwords of all roles of that server."""
        with psycopg.connect(self._conninfo(server, SUPERUSER, "postgres")) as connection:
            have = {row[0] for row in connection.execute("select rolname from pg_roles")}
            if last_role not in have:
                connection.execute(roles)
            for role in (role for role, where in _ROLE_SECRETS.items() if where == server):
                if role in (REPLICATION_USER, "airflow") and role not in have:
                    kind = "replication" if role == REPLICATION_USER else "noreplication"
                    connection.execute(
                        sql.SQL("create role {} login {}").format(
                            sql.Identifier(role), sql.SQL(kind)
                        )
                    )
                    if role == "airflow":
                        # Airflow commits hundreds of small rows; a crash of the machine may cost
                        # its last half second here. The closes' own roles commit in full.
                        connection.execute("alter role airflow set synchronous_commit = off")
                if role not in have:
                    _set_password(connection, role, self.secrets[role])

    @property
    def _password_file(self) -> Path:
        return self.root / "servers" / "replication.pgpass"

    def _postgres(self, name: str) -> PostgresServer:
        servers = (self.root / "servers").resolve()
        upstream = Upstream(self.ports[PRIMARY], servers / self._password_file.name, name)
        return PostgresServer(
            name=name,
            data=servers / name,
            log=self.log(name),
            port=self.ports[name],
            run_as=self._server_user,
            fast=self.fast,
            environment=self._server_environment,
            upstream=upstream if name in REPLICAS else None,
        )

    @property
    def _server_environment(self) -> dict[str, str]:
        return {
            "PATH": "/usr/local/bin:/usr/bin:/bin",
            "HOME": str((self.root / "servers").resolve()),
            "LC_ALL": "C.UTF-8",
            "TZ": "UTC",
        }

    def _component(self, name: str) -> tuple[Component, Callable[[], bool]]:
        """How to start a component, and how to tell that it is ready."""
        if name in airflow_home.COMPONENTS:
            component = self._airflow.component(name)
            if name == "api_server":
                return component, self._airflow.is_serving
            return component, lambda: self._airflow.is_healthy(name)
        if name == REDIS:
            redis = RedisServer(**self._place(name))
            return (
                redis.component(self.secrets["redis"]),
                lambda: redis.is_ready(self.redis_url),
            )
        if name in POOLERS:
            replica = POOLERS[name]
            pooler = PgBouncer(replica_port=self.ports[replica], **self._place(name))
            passwords = {user: self.secrets[user] for user in ("closebook_reader", ADMIN_USER)}
            return (
                pooler.component(passwords),
                lambda: pooler.is_ready(self.pool_admin(replica)),
            )
        server = self._postgres(name)
        conninfo = self._conninfo(name, SUPERUSER, "postgres")
        return server.component(), lambda: server.is_ready(conninfo)

    def _place(self, name: str) -> dict[str, Any]:
        return {
            "name": name,
            "folder": (self.root / "servers" / name).resolve(),
            "log": self.log(name),
            "port": self.ports[name],
            "run_as": self._server_user,
            "environment": self._server_environment,
        }

    def _launch(self, component: Component) -> None:
        mark = f"{self.root}/{component.name}"
        self.running[component.name] = processes.start(component, mark)
        self._save()

    def _stop(self, names: list[str]) -> None:
        """Stop components, those that use others first."""
        airflow = [name for name in names if name in airflow_home.COMPONENTS]
        for group in (airflow, [name for name in names if name not in airflow]):
            processes.stop(self.running[name] for name in group if name in self.running)
            for name in group:
                self.running.pop(name, None)
        if self.root.exists():
            self._save()

    # ---- Airflow -----------------------------------------------------------------------

    @property
    def _airflow(self) -> Airflow:
        user, password = "airflow", self.secrets["airflow"]
        return Airflow(
            home=self._airflow_home,
            logs=self._logs,
            port=self.ports["api_server"],
            metadata_url=(
                f"postgresql+psycopg://{user}:{password}"
                f"@{LOOPBACK}:{self.ports[STORE]}/{METADATA_DATABASE}"
            ),
            keys=Keys(self.secrets["fernet"], self.secrets["jwt"], self.secrets["api"]),
            environment={**airflow_home.base_environment(), **self.environment},
        )

    @property
    def airflow_setup(self) -> dict[str, Any]:
        """What Airflow shall hold: users and roles, connections, pools."""
        return {
            "users": [
                {"username": user, "roles": roles, "password": self.secrets[user]}
                for user, roles in USERS.items()
            ],
            "roles": {"finance": FINANCE_PERMISSIONS},
            "pools": POOLS,
            "pool_description": "Closebook: bounds what runs at once",
            "connections": [
                self._postgres_connection("closebook_primary", PRIMARY, "closebook_fence"),
                *(
                    self._postgres_connection(f"closebook_{replica}", pooler, "closebook_reader")
                    for pooler, replica in POOLERS.items()
                ),
                self._postgres_connection("closebook_store", STORE, "closebook_store"),
                {
                    "conn_id": "closebook_redis",
                    "conn_type": "redis",
                    "host": LOOPBACK,
                    "port": self.ports[REDIS],
                    "password": self.secrets["redis"],
                    "extra": json.dumps({"db": 0}),
                },
            ],
        }

    def _postgres_connection(self, conn_id: str, server: str, role: str) -> dict[str, Any]:
        return {
            "conn_id": conn_id,
            "conn_type": "postgres",
            "host": LOOPBACK,
            "port": self.ports[server],
            "login": role,
            "password": self.secrets[role],
            "schema": STORE_DATABASE if server == STORE else PLATFORM_DATABASE,
        }

    def _begin_airflow_setup(self) -> None:
        """Start Airflow's set-up beside us, unless it runs already or would change nothing."""
        if self._setup is not None:
            return
        self._airflow.configure()
        setup = Setup(self._airflow, self.airflow_setup)
        if setup.fingerprint != self.airflow_fingerprint:
            setup.start()
            self._setup = setup

    def _start_airflow_components(self) -> None:
        waiting: list[tuple[Component, Callable[[], bool]]] = []
        for name in airflow_home.COMPONENTS:
            if not self.is_running(name):
                component, is_ready = self._component(name)
                if name == "api_server":
                    ports.require_free(name, self.ports[name])
                self._launch(component)
                waiting.append((component, is_ready))
        for component, is_ready in waiting:
            process = self.running[component.name].process
            processes.wait_until(is_ready, component, process, AIRFLOW_SECONDS)

    # ---- small parts -------------------------------------------------------------------

    def _conninfo(self, server: str, user: str, dbname: str) -> str:
        return make_conninfo(
            host=LOOPBACK,
            port=self.ports[server],
            user=user,
            password=self.secrets[user],
            dbname=dbname,
            connect_timeout=10,
        )

    def _has_database(self, admin: str, dbname: str) -> bool:
        with _connect(admin) as connection:
            found = connection.execute("select 1 from pg_database where datname = %s", [dbname])
            return found.fetchone() is not None

    @contextmanager
    def _made_whole(
        self, admin: Callable[[str], str], dbname: str, owner: str = SUPERUSER
    ) -> Iterator[str]:
        """Make a database under another name first: a half-made one is never taken for whole."""
        making = f"{dbname}_unfinished"
        with _connect(admin("postgres")) as connection:
            _drop(admin("postgres"), making)
            connection.execute(
                sql.SQL("create database {} owner {}").format(
                    sql.Identifier(making), sql.Identifier(owner)
                )
            )
            yield making
            connection.execute(
                sql.SQL("alter database {} rename to {}").format(
                    sql.Identifier(making), sql.Identifier(dbname)
                )
            )


def _new_secrets() -> dict[str, str]:
    names = [SUPERUSER, *_ROLE_SECRETS, ADMIN_USER, "redis", "jwt", "api"]
    return {
        **{name: secrets.token_urlsafe(48 if name in ("jwt", "api") else 24) for name in names},
        **{user: secrets.token_urlsafe(12) for user in USERS},
        "fernet": base64.urlsafe_b64encode(secrets.token_bytes(32)).decode(),
    }


def _sql(*names: str) -> bytes:
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


def _set_password(connection: psycopg.Connection[Any], role: str, password: str) -> None:
    # As \password does: the server, its log and its statistics never see the password.
    verifier = connection.pgconn.encrypt_password(
        password.encode(), role.encode(), b"scram-sha-256"
    )
    connection.execute(
        sql.SQL("alter role {} password {}").format(
            sql.Identifier(role), sql.Literal(verifier.decode())
        )
    )
