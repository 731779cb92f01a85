"""Servers that change places: promoted, made to follow another primary, put back from a copy."""

import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import psycopg
from psycopg.conninfo import make_conninfo

from closebook.settings import Replica, Settings
from local import processes
from local.addresses import PRIMARY, REPLICAS
from local.postgres import binary, make_replication_slots
from local.stack import Stack
from tests.faults.server_restart import start_again
from tests.platform_rows import Platform


def data_of(stack: Stack, server: str) -> Path:
    return (stack.root / "servers" / server).resolve()


def promote(stack: Stack, replica: str) -> None:
    """Make a replica a primary of its own."""
    with psycopg.connect(stack.replica_admin(replica), autocommit=True) as admin:
        assert admin.execute("select pg_promote(true, 60)").fetchone() == (True,)


@contextmanager
def promotable(stack: Stack, *replicas: str) -> Iterator[None]:
    """Allow the test to promote replicas, or to let them follow another primary.

    Afterwards they are new replicas of the stack's primary.
    """
    try:
        yield
    finally:
        for replica in replicas:
            stack.stop(replica)
            shutil.rmtree(data_of(stack, replica))
        stack.up()


def fence_on(stack: Stack, settings: Settings, server: str, platform: Platform) -> Settings:
    """Settings whose primary is another server of the stack."""
    return replace(settings, primary=stack.conninfo(server, "closebook_fence", platform.database))


def reading(settings: Settings, *replicas: str) -> Settings:
    """Settings that know these replicas only."""
    known: tuple[Replica, ...] = tuple(r for r in settings.replicas if r.name in replicas)
    return replace(settings, replicas=known)


@contextmanager
def upstream(stack: Stack, server: str) -> Iterator[None]:
    """Let what starts meanwhile take another server for its primary."""
    ports = stack.ports
    stack.ports = ports | {PRIMARY: ports[server]}
    try:
        yield
    finally:
        stack.ports = ports


def rebuild_from(stack: Stack, replica: str, server: str) -> None:
    """Create a replica again, by pg_basebackup of another primary than the stack's."""
    stack.stop(replica)
    shutil.rmtree(data_of(stack, replica))
    make_replication_slots(stack.replica_admin(server), [replica])
    with upstream(stack, server):
        stack._servers.make_replicas()  # as the stack makes them
        start_again(stack, replica)


def rewind_to(stack: Stack, replica: str, server: str) -> None:
    """Bring a server that has what the new primary has not back as its replica, by pg_rewind."""
    with psycopg.connect(stack.replica_admin(server), autocommit=True) as admin:
        admin.execute("alter system set full_page_writes = on")  # pg_rewind asks for it
        admin.execute("select pg_reload_conf()")
        admin.execute("checkpoint")
    stack.stop(replica)
    processes.run(
        [
            *(binary("pg_rewind"), "--target-pgdata", str(data_of(stack, replica))),
            *("--source-server", stack.replica_admin(server), "--no-sync"),
        ],
        run_as=processes.server_user(),
        log=stack.log(replica),
        environment={"PATH": "/usr/local/bin:/usr/bin:/bin", "LC_ALL": "C.UTF-8"},
    )
    (data_of(stack, replica) / "standby.signal").touch()
    make_replication_slots(stack.replica_admin(server), [replica])
    with upstream(stack, server):
        start_again(stack, replica)


@contextmanager
def copy_of_the_primary(stack: Stack, folder: Path) -> Iterator[Path]:
    """A copy of the primary's data as they are now. Afterwards the replicas are new ones."""
    stack.stop(PRIMARY)
    copy = folder / "copy"
    subprocess.run(["cp", "--archive", data_of(stack, PRIMARY), copy], check=True)
    start_again(stack, PRIMARY)
    with promotable(stack, *REPLICAS):
        yield copy


def put_back(stack: Stack, copy: Path) -> None:
    """Replace the primary's data by a copy of them, without a promotion."""
    stack.kill(PRIMARY)
    shutil.rmtree(data_of(stack, PRIMARY))
    copy.rename(data_of(stack, PRIMARY))
    start_again(stack, PRIMARY)


def admin_of(stack: Stack, server: str, platform: Platform) -> str:
    """Conninfo of the superuser in the platform's database on any server of the stack."""
    return make_conninfo(stack.conninfo(server, "postgres", platform.database))
