"""The stack: PostgreSQL primary, replicas and store, PgBouncer, Redis, Airflow; on loopback.

`Stack.build(root, …)` finds or plans a stack in a folder; `up()` starts whatever of it does
not run, making it first where it is new; `down()` stops it; `clean()` removes it.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, ClassVar, Self

from closebook.store.decision_key import set_decision_key
from closebook.store.migrations import migrate
from deploy.airflow_defaults import POOLS, airflow_contents
from local import airflow_home, folders, ports, processes
from local.addresses import (
    METADATA_DATABASE,
    METADATA_USER,
    PLATFORM_DATABASE,
    POOLERS,
    PRIMARY,
    REDIS,
    REPLICAS,
    SERVERS,
    STORE,
    STORE_DATABASE,
)
from local.airflow_connections import airflow_connections
from local.airflow_home import API_SERVERS, Airflow, Setup
from local.databases import Databases
from local.pgbouncer import console
from local.postgres import FAST_SHUTDOWN, IMMEDIATE_SHUTDOWN, make_replication_slots
from local.prerequisites import require_programs, require_room
from local.processes import Component, Running
from local.progress import Steps
from local.roles import make_roles, new_secrets, pool_verifiers
from local.servers import Servers
from local.state import State, locked

SERVER_STEPS = 6
AIRFLOW_STEPS = 2
READY_SECONDS = 60
AIRFLOW_SECONDS = 180


@dataclass
class Stack(Databases):
    """A stack in a folder. Nothing of it runs, and nothing is written, before `up()`.

    `fast` gives up durability (fsync), for tests. `airflow` says whether `up()` starts
    Airflow too; `start_airflow()` adds it later. `binaries` is a folder of PostgreSQL's programs,
    where Debian's are not wanted.
    """

    # The parts of a stack; those of local.cluster are more.
    server_names: ClassVar[tuple[str, ...]] = SERVERS
    airflow_names: ClassVar[tuple[str, ...]] = airflow_home.COMPONENTS
    folder_names: ClassVar[tuple[str, ...]] = (*POOLERS, REDIS)
    port_names: ClassVar[tuple[str, ...]] = (*SERVERS, *API_SERVERS)
    pools: ClassVar[Mapping[str, int]] = POOLS
    server_steps: ClassVar[int] = SERVER_STEPS
    airflow_steps: ClassVar[int] = AIRFLOW_STEPS
    stop_command: ClassVar[str] = "make down"

    airflow: bool = False
    fast: bool = False
    binaries: Path | None = None
    running: dict[str, Running] = field(default_factory=dict)
    airflow_fingerprint: str = ""
    _setup: Setup | None = field(default=None, init=False, repr=False)
    _starting: bool = field(default=False, init=False, repr=False)

    # ---- finding, starting, stopping, removing -----------------------------------------

    @classmethod
    def build(
        cls, root: Path, *, airflow: bool, fast: bool, settings: Mapping[str, str] | None = None
    ) -> Self:
        """The stack that lives in `root`, or the plan of a new one with free ports.

        `settings` overrides variables of Airflow's processes (see `environment`).
        """
        stack = cls(root.absolute(), settings or {}, airflow=airflow, fast=fast)
        kept = State.read(stack.root)
        if kept is None:
            stack.ports = ports.choose(cls.port_names)
            stack.secrets = new_secrets()
        else:
            # What a later version added gets a port and a password too.
            added = {*cls.port_names}.difference(kept.ports)
            stack.ports = kept.ports | ports.choose(sorted(added), kept.ports.values())
            stack.fast = kept.fast
            stack.secrets = new_secrets() | kept.secrets
            stack.running, stack.airflow_fingerprint = kept.running, kept.airflow_fingerprint
        return stack

    def up(self, steps: Steps | None = None) -> None:
        """Start what does not run, make what does not exist. Raises StackError.

        If any of it fails, what this call started is stopped again.
        """
        count = self.server_steps + self.airflow_steps * self.airflow
        steps = steps or Steps(count, quiet=True)
        with self.all_or_nothing():
            self.start_servers(steps)
            if self.airflow:
                self.start_airflow(steps)

    def start_servers(self, steps: Steps | None = None) -> None:
        """Start all but Airflow, in `server_steps` steps; Airflow's set-up runs on beside it."""
        steps = steps or Steps(self.server_steps, quiet=True)
        with self.all_or_nothing():
            self._require_free_ports(*self.server_names, *(API_SERVERS if self.airflow else ()))
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
                self.make_replicas()
                self.start(*REPLICAS)
            with steps.step("PgBouncer and Redis"):
                self._servers.admit_to_poolers(pool_verifiers(self.primary_admin(), self.secrets))
                self.start(*POOLERS, REDIS)
            with steps.step("Reporting schema"):
                if not self.has_database(self.store_admin(), STORE_DATABASE):
                    self.create_store(STORE_DATABASE)
                else:
                    owner = self.store_owner(STORE_DATABASE)
                    migrate(owner)
                    set_decision_key(owner, self.secrets["decisions"])

    def make_replicas(self) -> None:
        """Make the data of the replicas that have none."""
        self._servers.make_replicas()

    def start_airflow(self, steps: Steps | None = None) -> None:
        """Set Airflow up and start it, in `airflow_steps` steps; the servers must run."""
        steps = steps or Steps(self.airflow_steps, quiet=True)
        self.airflow = True
        with self.all_or_nothing():
            with steps.step("Airflow set-up: metadata, users, connections"):
                self._begin_airflow_setup()
                self._finish_airflow_setup()
            with steps.step("Airflow: UI, API of the tasks, scheduler, DAG processor, triggerer"):
                self.start(*airflow_home.COMPONENTS, seconds=AIRFLOW_SECONDS)

    @contextmanager
    def all_or_nothing(self) -> Iterator[None]:
        """Stop again what was started inside if anything fails, Ctrl-C included.

        Of nested blocks only the outermost one has an effect.
        """
        if self._starting:
            yield
            return
        require_programs()
        require_room(self.root)
        folders.make(self.root, self.folder_names, processes.server_user())
        with locked(self.root):
            require_room((self.root / "servers").resolve())
            before = {name for name in self.component_names if self.is_running(name)}
            self._stop_others(before)  # those that run without the rest, after a crash
            self._starting = True
            try:
                yield
            except BaseException:
                if self._setup is not None:
                    self._setup.abandon()
                    self._setup = None
                self._stop_others(before)
                raise
            finally:
                self._starting = False

    def renew_pool_users(self) -> None:
        """Tell the running poolers the verifiers of passwords that were set since they started."""
        self._servers.admit_to_poolers(pool_verifiers(self.primary_admin(), self.secrets))
        for replica in REPLICAS:
            with console(self.pool_admin(replica)) as admin:
                admin.execute("reload")

    def down(self) -> None:
        """Stop all of it; what does not run is left alone. The data stay."""
        if not self.root.exists():
            return
        folders.require_stack(self.root)
        with locked(self.root):
            self._stop(list(self.running))

    def clean(self) -> None:
        """Stop all of it and remove its folder, data and documents included.

        What is removed need not end in an orderly way: PostgreSQL writes no checkpoint, and Airflow
        finishes no task.
        """
        self.running = {name: self._at_once(name) for name in self.running}
        self.down()
        folders.remove(self.root)
        self.running, self.airflow_fingerprint = {}, ""

    def renumber(self) -> None:
        """Choose other ports for whatever does not run now."""
        idle = [name for name in self.ports if not self.is_running(name)]
        kept = {name: port for name, port in self.ports.items() if name not in idle}
        self.ports = kept | ports.choose(idle, self.ports.values())

    # ---- one component -----------------------------------------------------------------

    @property
    def component_names(self) -> tuple[str, ...]:
        """The names of all that the stack runs."""
        return (*self.server_names, *self.airflow_names)

    def component(self, name: str) -> tuple[Component, Callable[[], bool]]:
        """How to start a component whose data exist, and how to tell that it is ready."""
        parts = Airflow.of(self) if name in airflow_home.COMPONENTS else self._servers
        return parts.component(name)

    def is_running(self, name: str) -> bool:
        """Whether the component's very process, as this stack started it, is alive."""
        return name in self.running and processes.is_alive(self.running[name].process)

    def start(self, *names: str, seconds: float = READY_SECONDS) -> None:
        """Start components whose data exist, side by side, and wait until each answers."""
        launched = []
        for name in names:
            component, is_ready = self.component(name)
            if not self.is_running(name):
                self._require_free_ports(name)
                processes.start(component, f"{self.root}/{name}", self._keep)
            launched.append((component, is_ready))
        # Also for those that ran already: a command that was killed may not have waited for them.
        for component, is_ready in launched:
            process = self.running[component.name].process
            processes.wait_until(is_ready, component, process, seconds)

    def stop(self, name: str) -> None:
        """Stop one component in an orderly way."""
        self._stop([name])

    def stop_airflow(self) -> None:
        """Stop Airflow's components in an orderly way; the servers run on."""
        self._stop([name for name in self.airflow_names if name in self.running])

    def kill(self, name: str) -> None:
        """End one component as a crash would, all its processes at once."""
        processes.kill(processes.tree(self.running[name].process))
        del self.running[name]
        self._save()

    def freeze(self, name: str) -> None:
        """Freeze one component: its connections stay open and it does not answer."""
        processes.freeze(self.running[name].process)

    def thaw(self, name: str) -> None:
        """Let a frozen component go on."""
        processes.thaw(self.running[name].process)

    def processes_of(self, name: str) -> list[int]:
        """The pids of one component, its own first."""
        return [process.pid for process in processes.tree(self.running[name].process)]

    @property
    def ui_url(self) -> str:
        return Airflow.of(self).ui_url

    def connections(self) -> list[dict[str, Any]]:
        """Return the fields of each Airflow connection that the tasks and the desk use."""
        return airflow_connections(self)

    def document_file(self, object_name: str) -> Path:
        """Return a file with a document of the document store."""
        return self.root / "documents" / object_name

    # ---- starting ----------------------------------------------------------------------

    def _start_store(self) -> None:
        self._servers.make_cluster(STORE)
        self.start(STORE)
        make_roles(self.store_admin(), STORE, self.secrets)
        if not self.has_database(self.store_admin(), METADATA_DATABASE):
            with self.creating_database(self.store_admin, METADATA_DATABASE, owner=METADATA_USER):
                pass

    def _start_primary(self) -> None:
        self._servers.make_cluster(PRIMARY)
        self.start(PRIMARY)
        make_roles(self.primary_admin(), PRIMARY, self.secrets)
        make_replication_slots(self.primary_admin(), REPLICAS)

    def _begin_airflow_setup(self) -> None:
        """Start Airflow's set-up in the background, unless it runs or would change nothing."""
        if self._setup is not None:
            return
        airflow = Airflow.of(self)
        airflow.configure()
        contents = airflow_contents(self.credentials, self.connections(), self.pools)
        setup = Setup(airflow, contents)
        if setup.fingerprint != self.airflow_fingerprint:
            self._setup = setup
            setup.start()

    def _finish_airflow_setup(self) -> None:
        if self._setup is not None:
            self._setup.finish()
            self.airflow_fingerprint = self._setup.fingerprint
            self._setup = None
            self._save()

    def _require_free_ports(self, *names: str) -> None:
        for name in names:
            if name in self.ports and not self.is_running(name):
                ports.require_free(name, self.ports[name])

    # ---- stopping ----------------------------------------------------------------------

    def _stop(self, names: list[str]) -> None:
        """Stop components, those that use others first."""
        airflow = [name for name in names if name in self.airflow_names]
        for group in (airflow, [name for name in names if name not in airflow]):
            processes.stop(self.running[name] for name in group if name in self.running)
            for name in group:
                self.running.pop(name, None)
        # A full disk refuses it. That is no harm: the next command sees which processes have ended.
        with suppress(OSError):
            self._save()

    def _at_once(self, name: str) -> Running:
        """A component that ends at once when it is stopped.

        PostgreSQL is not killed: it would leave shared memory behind.
        """
        running = self.running[name]
        if running.stop_signal == FAST_SHUTDOWN:
            return replace(running, stop_signal=IMMEDIATE_SHUTDOWN)
        return replace(running, stop_seconds=0.0)

    def _stop_others(self, kept: set[str]) -> None:
        self._stop([name for name in self.running if name not in kept])

    # ---- what it is made of ------------------------------------------------------------

    @property
    def _servers(self) -> Servers:
        return Servers(self, processes.server_user(), self.fast, self.binaries)

    def _keep(self, name: str, running: Running) -> None:
        self.running[name] = running
        self._save()

    def _save(self) -> None:
        State(self.fast, self.ports, self.secrets, self.airflow_fingerprint, self.running).write(
            self.root
        )
