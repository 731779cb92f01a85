"""The folders of a stack, such that the servers' own user gets at its data and nobody else does."""

import hashlib
import os
import shutil
import subprocess
from collections.abc import Iterable
from pathlib import Path

from local.errors import StackError
from local.processes import ServerUser


def make(root: Path, servers: Iterable[str], user: ServerUser | None) -> None:
    """Make `root` with logs, documents and a folder for each server that does not make its own.

    Where the servers run as another user who cannot reach `root` (a checkout in a private
    folder), `root`/servers is a link to a private folder of theirs. Raises StackError when that
    name is taken by somebody else.
    """
    root.mkdir(parents=True, exist_ok=True)
    # Servers with a user of their own must get through, but need not see what is there.
    root.chmod(0o711 if user else 0o700)
    for folder in (root / "logs", root / "documents"):
        folder.mkdir(mode=0o700, exist_ok=True)
    data = root / "servers"
    if not data.is_symlink() and not data.exists():
        if user is None or _reaches(user, root):
            data.mkdir(mode=0o700)
        else:
            data.symlink_to(_make_private(root, user))
    for folder in (data, *(data / name for name in servers)):
        folder.mkdir(mode=0o700, exist_ok=True)
        if user is not None:
            shutil.chown(folder, user.uid, user.gid)


def remove(root: Path) -> None:
    """Remove `root` and, if its servers' data are elsewhere, these too."""
    away = _private(root)
    if (root / "servers").is_symlink() and away.exists():
        shutil.rmtree(away)
    if root.exists():
        shutil.rmtree(root)


def _private(root: Path) -> Path:
    digest = hashlib.sha256(os.fsencode(root)).hexdigest()[:16]
    return Path("/var/tmp") / f"closebook-{digest}"  # noqa: S108  # made private, and checked


def _reaches(user: ServerUser, folder: Path) -> bool:
    test = subprocess.run(
        ["test", "-x", folder], user=user.uid, group=user.gid, extra_groups=[], check=False
    )
    return test.returncode == 0


def _make_private(root: Path, user: ServerUser) -> Path:
    folder = _private(root)
    if folder.is_symlink() or folder.exists():
        # Left over by a stack whose folder is gone, or put there by somebody else.
        if folder.is_symlink() or folder.stat().st_uid not in {0, user.uid}:
            raise StackError(f"{folder} belongs to somebody else: remove it and try again")
        shutil.rmtree(folder)
    folder.mkdir(mode=0o700)
    return folder
