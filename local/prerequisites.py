"""What a stack needs before it starts: the servers' programs and free space on the disk."""

import shutil
from pathlib import Path

from local.errors import StackError
from local.postgres import binary
from local.processes import find

FREE_BYTES_WANTED = 2 * 1024**3


def require_programs() -> None:
    """Raise StackError if a program that the stack runs is not installed."""
    for program in ("initdb", "pg_basebackup", "postgres"):
        binary(program)
    for program in ("pgbouncer", "redis-server"):
        find(program)


def require_room(folder: Path) -> None:
    """Raise StackError if the disk of a folder, which need not exist yet, is nearly full."""
    there = next(path for path in (folder, *folder.parents) if path.exists())
    free_bytes = shutil.disk_usage(there).free
    if free_bytes < FREE_BYTES_WANTED:
        raise StackError(
            "CB-STACK-DISK-NEARLY-FULL",
            f"only {free_bytes / 1024**3:.1f} GB are free for {folder},"
            f" the stack wants {FREE_BYTES_WANTED / 1024**3:.0f}: make room and try again",
        )
