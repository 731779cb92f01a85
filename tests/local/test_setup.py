"""`local/setup.sh` where it may not install what is missing: one line, and nothing is changed."""

import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from local import REPOSITORY


@pytest.fixture
def checkout() -> Iterator[Path]:
    """A checkout of somebody who is not root."""
    with tempfile.TemporaryDirectory() as folder:
        checkout = Path(folder) / "closebook"
        (checkout / "local").mkdir(parents=True)
        for name in ("local/setup.sh", "requirements.txt", "requirements-dev.txt"):
            shutil.copy(REPOSITORY / name, checkout / name)
        if os.geteuid() == 0:
            Path(folder).chmod(0o755)
            for path in (checkout, checkout / "local"):
                shutil.chown(path, "nobody")
        yield checkout


@pytest.fixture
def without_redis_and_sudo(checkout: Path) -> str:
    """A PATH with all of this machine's programs but redis-server and sudo."""
    programs = checkout.parent / "programs"
    programs.mkdir()
    for program in Path("/usr/bin").iterdir():
        if program.name not in {"sudo", "redis-server"}:
            (programs / program.name).symlink_to(program)
    return str(programs)


def test_without_sudo_the_command_for_root_is_printed(
    checkout: Path, without_redis_and_sudo: str
) -> None:
    nobody = pwd.getpwnam("nobody") if os.geteuid() == 0 else None

    done = subprocess.run(
        ["/bin/bash", checkout / "local" / "setup.sh"],
        env={"PATH": without_redis_and_sudo, "HOME": str(checkout)},
        user=nobody.pw_uid if nobody else None,
        group=nobody.pw_gid if nobody else None,
        extra_groups=[] if nobody else None,
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert line.startswith("setup: these Debian packages are missing, and there is no sudo: ")
    assert "as root, run apt-get install" in line
    assert "redis-server" in line
    made = {path.relative_to(checkout) for path in checkout.rglob("*") if path.is_file()}
    assert made - {Path(".local/setup.log")} == {
        Path("local/setup.sh"),
        Path("requirements.txt"),
        Path("requirements-dev.txt"),
    }
