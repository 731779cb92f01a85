"""The stack: PostgreSQL primary, replicas and store, PgBouncer, Redis, Airflow; on loopback.

`Stack.build(root, …)` finds or plans a stack in a folder; `up()` starts whatever of it does
not run, making it first where it is new; `down()` stops it; `clean()` removes it.
"""

import base64
import fcntl
import json
import secrets
import shutil
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql

from closebook.migrations import migrate
from local import airflow_home, folders, ports, processes
from local.addresses import (
    METADATA_DATABASE,
    PLATFORM_DATABASE,
    POOLERS,
    PRIMARY,
    REDIS,
    REPLICAS,
    SERVERS,
    STORE,
    STORE_DATABASE,
    USERS,
)
from local.airflow_contents import airflow_contents
from local.airflow_home import Airflow, Keys, Setup
from local.databases import Databases, sql_file
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

SERVER_STEPS = 6
AIRFLOW_STEPS = 2
READY_SECONDS = 60
AIRFLOW_SECONDS = 180
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
class Stack(Databases):
    """A stack in a folder. Nothing of it runs, and nothing is written, before `up()`.

    `fast` gives up durability (fsync), for tests. `airflow` says whether `up()` starts
    Airflow too; `start_airflow()` adds it later.
    """

    airflow: bool = False
    fast: bool = False
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
        stack = Stack(root.absolute(), settings or {}, airflow=airflow, fast=fast)
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
                if not self.has_database(self.primary_admin(), PLATFORM_DATABASE):
                    self.create_platform(PLATFORM_DATABASE, indexes=False)
            with steps.step("Streaming replicas"):
                self._start_replicas()
            with steps.step("PgBouncer and Redis"):
                for name in (*POOLERS, REDIS):
                    self.start(name)
            with steps.step("Reporting schema"):
                if not self.has_database(self.store_admin(), STORE_DATABASE):
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
        folders.remove(self.root)
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

    @property
    def ui_url(self) -> str:
        return self._airflow.ui_url

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

    @cached_property
    def _server_user(self) -> ServerUser | None:
        return processes.server_user()

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
        folders.make(self.root, (*POOLERS, REDIS), self._server_user)
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
        self._make_roles(STORE, sql_file("reporting", "roles"), "closebook_owner")
        if not self.has_database(self.store_admin(), METADATA_DATABASE):
            with self.made_whole(self.store_admin, METADATA_DATABASE, owner="airflow"):
                pass

    def _start_primary(self) -> None:
        server = self._postgres(PRIMARY)
        if not server.data.exists():
            server.create(self.secrets[SUPERUSER])
        self.start(PRIMARY)
        self._make_roles(PRIMARY, sql_file("platform", "roles"), "closebook_fence")
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
        with psycopg.connect(self.conninfo(server, SUPERUSER, "postgres")) as connection:
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
        conninfo = self.conninfo(name, SUPERUSER, "postgres")
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
            home=self.airflow_home,
            logs=self._logs,
            port=self.ports["api_server"],
            metadata_url=(
                f"postgresql+psycopg://{user}:{password}"
                f"@{LOOPBACK}:{self.ports[STORE]}/{METADATA_DATABASE}"
            ),
            keys=Keys(self.secrets["fernet"], self.secrets["jwt"], self.secrets["api"]),
            environment={**airflow_home.base_environment(), **self.environment},
        )

    def _begin_airflow_setup(self) -> None:
        """Start Airflow's set-up beside us, unless it runs already or would change nothing."""
        if self._setup is not None:
            return
        self._airflow.configure()
        setup = Setup(self._airflow, airflow_contents(self))
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


def _new_secrets() -> dict[str, str]:
    names = [SUPERUSER, *_ROLE_SECRETS, ADMIN_USER, "redis", "jwt", "api"]
    return {
        **{name: secrets.token_urlsafe(48 if name in ("jwt", "api") else 24) for name in names},
        **{user: secrets.token_urlsafe(12) for user in USERS},
        "fernet": base64.urlsafe_b64encode(secrets.token_bytes(32)).decode(),
    }


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
