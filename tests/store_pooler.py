"""A PgBouncer in transaction mode in front of the reporting store, as a team may have one."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
from psycopg.conninfo import make_conninfo

from local import processes
from local.addresses import STORE
from local.pgbouncer import PgBouncer
from local.ports import choose
from local.stack import Stack
from tests.close_fixtures import eventually

NAME = "pgbouncer_store"
ROLES = ("closebook_owner", "closebook_store", "closebook_desk")


@contextmanager
def store_pooler(stack: Stack) -> Iterator[int]:
    """Run the pooler within the block; yields its port. Closebook's roles may log in."""
    user = processes.server_user()
    folder = (stack.root / "servers").resolve() / NAME
    folder.mkdir(mode=0o700, exist_ok=True)
    if user is not None:
        shutil.chown(folder, user.uid, user.gid)
    pooler = PgBouncer(
        name=NAME,
        folder=folder,
        log=stack.log(NAME),
        port=choose([NAME])[NAME],
        replica_port=stack.ports[STORE],
        run_as=user,
        environment={"PATH": "/usr/local/bin:/usr/bin:/bin", "LC_ALL": "C.UTF-8", "TZ": "UTC"},
    )
    with psycopg.connect(stack.store_admin()) as admin:
        verifiers = admin.execute(
            "select rolname, rolpassword from pg_authid where rolname = any(%s)", [[*ROLES]]
        ).fetchall()
    pooler.admit(dict(verifiers))
    started: list[processes.Running] = []
    processes.start(
        pooler.component(), f"{stack.root}/{NAME}", lambda _, running: started.append(running)
    )
    try:
        eventually(lambda: _answers(make_conninfo(stack.store("postgres"), port=pooler.port)))
        yield pooler.port
    finally:
        processes.stop(started)


def _answers(conninfo: str) -> bool:
    try:
        with psycopg.connect(conninfo, autocommit=True, prepare_threshold=None):
            return True
    except psycopg.OperationalError:
        return False
