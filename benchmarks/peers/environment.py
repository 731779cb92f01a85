"""The environment of those peers that are Python packages: their pins clash with ours."""

import subprocess
import sys
from pathlib import Path

from local import REPOSITORY
from local.errors import StackError

FOLDER = REPOSITORY / ".local" / "peers-venv"
REQUIREMENTS = Path(__file__).with_name("requirements.txt")
_UV = REPOSITORY / ".local" / "uv" / "bin" / "uv"


def program(name: str) -> Path:
    """Return a program of the environment, which is made if it is not there.

    Raises StackError when the packages cannot be installed.
    """
    stamp = FOLDER / "requirements.txt"
    if not stamp.exists() or stamp.read_bytes() != REQUIREMENTS.read_bytes():
        version = f"{sys.version_info.major}.{sys.version_info.minor}"
        _run(_UV, "venv", "--clear", "--python", version, FOLDER)
        _run(_UV, "pip", "install", "--python", FOLDER / "bin" / "python", "-r", REQUIREMENTS)
        stamp.write_bytes(REQUIREMENTS.read_bytes())
    return FOLDER / "bin" / name


def _run(*argv: str | Path) -> None:
    done = subprocess.run([*map(str, argv)], capture_output=True, text=True, check=False)
    if done.returncode:
        lines = done.stderr.strip().splitlines() or ["it says nothing"]
        raise StackError(
            "CB-STACK-PEERS-NOT-INSTALLED",
            "the programs to compare with cannot be installed: correct what the installer says: "
            f"{argv[0]} {argv[1]}: {lines[-1]}",
        )
