"""The folders of a stack: only the user that the servers run as can read their data."""

import hashlib
import os
import shutil
import subprocess
from collections.abc import Iterable
from pathlib import Path

from local.errors import StackError
from local.processes import ServerUser

_ELSEWHERE = Path("/var/tmp")  # noqa: S108  # the folder made there is private and its owner is checked
_PREFIX = "closebook-"


def make(root: Path, servers: Iterable[str], user: ServerUser | None) -> None:
    """Make `root` with logs, documents and a folder for each server that does not make its own.

    Where the servers run as another user who cannot reach `root` (a checkout in a private
    folder), `root`/servers is a link to a private folder of theirs. Raises StackError when that
    name is taken by somebody else, or `root` holds anything but a stack.
    """
    require_stack(root)
    root.mkdir(parents=True, exist_ok=True)
    # Another user's servers must pass through this folder but not list it.
    root.chmod(0o711 if user else 0o700)
    for folder in (root / "logs", root / "documents"):
        folder.mkdir(mode=0o700, exist_ok=True)
    data = root / "servers"
    if not data.is_symlink() and not data.exists():
        if user is None or reaches(user, root):
            data.mkdir(mode=0o700)
        else:
            data.symlink_to(_make_private(root, user))
    for folder in (data, *(data / name for name in servers)):
        folder.mkdir(mode=0o700, exist_ok=True)
        if user is not None:
            shutil.chown(folder, user.uid, user.gid)


def require_stack(root: Path) -> None:
    """Raise StackError if the folder exists and is another than a stack's."""
    if not root.exists() or (root / "stack.json").exists():
        return
    # A command that was killed early leaves these, complete or as temporary files of write_private.
    begun = {"lock", "logs", "documents", "servers", "secrets.json", "stack.json"}
    names = [path.name.removeprefix(".").removesuffix(".new") for path in root.iterdir()]
    strange = sorted(set(names) - begun)
    if strange:
        raise StackError(
            "CB-STACK-FOLDER-OF-SOMETHING-ELSE",
            f"{root} is not the folder of a stack, since it holds {strange[0]}:"
            " choose an empty folder, or one that does not exist",
        )


def remove(root: Path) -> None:
    """Remove the stack's folder and, if its servers' data are elsewhere, these too."""
    if not root.exists():
        return
    require_stack(root)
    data = (root / "servers").resolve()
    # By the link, not by the name of `root`: moving a stack does not move its data.
    if data.parent == _ELSEWHERE and data.name.startswith(_PREFIX) and data.exists():
        shutil.rmtree(data)
    shutil.rmtree(root)


def summary_file(root: Path) -> Path:
    """Return where the summary of the demo on a stack goes: beside the stack's folder."""
    return root.with_name("cluster.json" if root.name == "cluster" else "demo.json")


def write_private(path: Path, text: str, owner: ServerUser | None) -> None:
    """Write a whole file that only its owner may read, replacing an older one at once."""
    made = path.with_name(f".{path.name}.new")
    made.unlink(missing_ok=True)
    made.touch(mode=0o600, exist_ok=False)
    made.write_text(text)
    if owner is not None:
        shutil.chown(made, owner.uid, owner.gid)
    made.rename(path)


def _private(root: Path) -> Path:
    digest = hashlib.sha256(os.fsencode(root)).hexdigest()[:16]
    return _ELSEWHERE / f"{_PREFIX}{digest}"


def reaches(user: ServerUser, path: Path) -> bool:
    """Return whether a user may pass through a folder, or run a program."""
    test = subprocess.run(
        ["test", "-x", path], user=user.uid, group=user.gid, extra_groups=[], check=False
    )
    return test.returncode == 0


def _make_private(root: Path, user: ServerUser) -> Path:
    folder = _private(root)
    if folder.is_symlink() or folder.exists():
        # From a stack whose folder was deleted, or made by another user.
        if folder.is_symlink() or folder.stat().st_uid not in {0, user.uid}:
            raise StackError(
                "CB-STACK-FOLDER-OF-SOMEBODY-ELSE",
                f"{folder} belongs to somebody else: remove it and try again",
            )
        shutil.rmtree(folder)
    folder.mkdir(mode=0o700)
    return folder
