"""`make test-fast` runs no test that starts a server or renders a document."""

import re
import subprocess
import sys
from pathlib import Path

from local import REPOSITORY

SUITE = """
import subprocess, sys
from types import ModuleType

import pytest

from closebook.statements import model

def test_plain(): pass
def test_with_the_stack(stack): pass
@pytest.mark.servers
def test_marked_servers(): pass
@pytest.mark.slow
def test_marked_slow(): pass
def test_starts_a_server(): subprocess.run(["/bin/true", "/usr/bin/redis-server"])
def test_starts_a_stack(): subprocess.run([sys.executable, "-m", "local", "status"])
def test_asks_for_the_stack_later(request): request.getfixturevalue("stack")
def test_loads_the_renderer(): import weasyprint
def test_starts_something_else(): subprocess.run(["/bin/true"], check=True)
"""
RENDERING_SUITE = """
from closebook.statements.render.document import render

def test_that_may_render(): pass
"""


def fast_tier_of(folder: Path) -> dict[str, str]:
    """Run the fast tier of the tests in a folder; return how each of its tests ended."""
    ran = subprocess.run(
        [
            *(sys.executable, "-m", "pytest", "-m", "fast", "-rA", "-p", "tests.conftest"),
            *("-c", str(REPOSITORY / "pyproject.toml"), "-p", "no:cacheprovider", str(folder)),
        ],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=False,
    )
    ended = re.findall(r"^(PASSED|FAILED|ERROR) \S*::(\w+)", ran.stdout, re.MULTILINE)
    return {name: how for how, name in ended}


def test_what_needs_servers_or_renders_is_left_out_and_what_starts_them_fails(
    tmp_path: Path,
) -> None:
    (tmp_path / "test_suite.py").write_text(SUITE)
    (tmp_path / "test_rendering_suite.py").write_text(RENDERING_SUITE)

    assert fast_tier_of(tmp_path) == {
        "test_plain": "PASSED",
        "test_starts_a_server": "FAILED",
        "test_starts_a_stack": "FAILED",
        "test_asks_for_the_stack_later": "FAILED",
        "test_loads_the_renderer": "FAILED",
        "test_starts_something_else": "PASSED",
    }
