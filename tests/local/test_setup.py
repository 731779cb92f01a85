"""`local/setup.sh` where it cannot install what is missing: it waits, or says why in one line."""

import os
import pwd
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from local import REPOSITORY

pytestmark = pytest.mark.slow

FILES = ("local/setup.sh", "local/uv.txt", "requirements.txt", "requirements-dev.txt")
HELD_SECONDS = 3
HOLD = """
import fcntl, sys, time
with open(sys.argv[1], "w") as lock:
    fcntl.lockf(lock, fcntl.LOCK_EX)
    print("held", flush=True)
    time.sleep(float(sys.argv[2]))
"""
APT_CONFIG = """
Dir::State "{root}/state";
Dir::State::status "{root}/dpkg/status";
Dir::Cache "{root}/cache";
Dir::Etc::sourcelist "{root}/sources.list";
Dir::Etc::sourceparts "{root}/none";
APT::Sandbox::User "root";
"""
# A package of a repository in a folder, whose file is not there: apt-get takes all its locks before
# it finds that out, and nothing is ever installed.
PACKAGE = """
Package: redis-server
Version: 5:7.0.15-1
Architecture: all
Maintainer: nobody <nobody@closebook.invalid>
Filename: ./redis-server.deb
Size: 1000
SHA256: 41edece42d63e8d9bf515a9ba6932e1c20cbc9f5a5d134645adb5db1b9737ea3
Description: not there
"""
LOCKS = (
    *("state/lists/lock", "cache/archives/lock"),  # which apt-get itself never waits for
    *("dpkg/lock-frontend", "dpkg/lock"),
)


@dataclass(frozen=True)
class Setup:
    """setup.sh in a checkout, with an apt-get that has folders of its own."""

    script: Path
    path: str
    apt_root: Path

    def run(self, *, wait_seconds: int) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["/bin/bash", self.script],
            env={
                "PATH": self.path,
                "HOME": str(self.script.parents[1]),
                "APT_CONFIG": str(self.apt_root / "apt.conf"),
                "APT_LOCK_SECONDS": str(wait_seconds),
            },
            capture_output=True,
            text=True,
            check=False,
        )


@contextmanager
def held(lock: Path, seconds: float) -> Iterator[None]:
    """Let another process hold a lock, as apt-get does, for a time or until the block ends."""
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, lock, str(seconds)], stdout=subprocess.PIPE, text=True
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        try:
            yield
        finally:
            holder.kill()


@pytest.fixture
def checkout() -> Iterator[Path]:
    """A checkout of somebody who is not root."""
    with tempfile.TemporaryDirectory() as folder:
        checkout = Path(folder) / "closebook"
        (checkout / "local").mkdir(parents=True)
        for name in FILES:
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
    assert made - {Path(".local/setup.log")} == set(map(Path, FILES))


# ---- another apt-get ---------------------------------------------------------------------


@pytest.fixture
def apt_root(tmp_path: Path) -> Path:
    """Folders of an apt-get of the test's own, with the package that is missing."""
    for folder in ("state/lists/partial", "cache/archives/partial", "dpkg", "repository"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "dpkg" / "status").touch()
    (tmp_path / "repository" / "Packages").write_text(PACKAGE.lstrip())
    (tmp_path / "sources.list").write_text(f"deb [trusted=yes] file:{tmp_path}/repository ./\n")
    (tmp_path / "apt.conf").write_text(APT_CONFIG.format(root=tmp_path))
    return tmp_path


@pytest.fixture
def setup_with(checkout: Path, without_redis_and_sudo: str, apt_root: Path) -> Setup:
    if os.geteuid() != 0:
        pytest.skip("only root installs packages without sudo")
    return Setup(checkout / "local" / "setup.sh", without_redis_and_sudo, apt_root)


@pytest.mark.parametrize("lock", LOCKS)
def test_another_apt_get_is_waited_for(setup_with: Setup, lock: str) -> None:
    began = time.monotonic()
    with held(setup_with.apt_root / lock, HELD_SECONDS):
        done = setup_with.run(wait_seconds=60)

    assert time.monotonic() - began > HELD_SECONDS
    assert "another apt-get is at work, waiting up to 60 s for its end" in done.stdout
    assert f"Could not get lock {setup_with.apt_root / lock}" in done.stdout
    # It went on as if it had been alone: to the file that the repository does not have.
    assert "[2/4] Debian packages: redis-server" in done.stdout
    assert "Could not get lock" not in done.stderr
    assert done.stderr.splitlines()[-1].startswith("setup: Debian packages: redis-server: no netw")


@pytest.mark.parametrize("lock", LOCKS)
def test_an_apt_get_that_does_not_end_is_named_after_the_time_is_over(
    setup_with: Setup, lock: str
) -> None:
    with held(setup_with.apt_root / lock, 60):
        done = setup_with.run(wait_seconds=1)

    assert done.returncode == 1
    *_, line = done.stderr.splitlines()
    assert line.endswith(
        ": another apt-get is still at work after 1 s, wait for its end and run it again"
    )
    assert "It is held by process" in done.stderr


def test_alone_it_says_nothing_of_another_apt_get(setup_with: Setup) -> None:
    done = setup_with.run(wait_seconds=60)

    assert "another apt-get" not in done.stdout + done.stderr
    assert "[2/4] Debian packages: redis-server" in done.stdout
