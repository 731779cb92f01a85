"""The fast tier, `make test-fast`: the tests that start no server and render no document.

A test is in it by itself, unless it needs a fixture of servers, its module can render, or it has
one of two marks: ``servers`` for a test that starts servers without such a fixture, ``slow`` for
one that takes long for another reason. A fast test that starts a server or the renderer fails.
"""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType

import pytest

FIXTURES = frozenset({"stack", "small_stack", "services", "summary", "s3_server"})
MARKS = frozenset({"servers", "slow"})
PROGRAMS = frozenset(
    {
        *("postgres", "initdb", "pg_ctl", "pg_basebackup", "pgbouncer", "redis-server"),
        *("airflow", "celery", "chromium", "prometheus", "nginx", "docker-registry"),
        *("rabbitmq-server", "epmd", "weed"),
    }
)
# `python -m local up` starts the servers in a process that the audit hook below does not see.
MODULES = frozenset({"local", "benchmarks", "airflow"})
RENDERER = "closebook.statements.render.document"

_forbidden = False


def is_fast(item: pytest.Item) -> bool:
    """Whether a test is in the fast tier."""
    return not (
        FIXTURES & set(getattr(item, "fixturenames", ()))
        or any(mark.name in MARKS for mark in item.iter_markers())
        or (isinstance(item, pytest.Function) and _renders(item.module, set()))
    )


def _renders(module: ModuleType, seen: set[str]) -> bool:
    """Whether a test's module uses the renderer, by itself or by another module of the tests."""
    seen.add(module.__name__)
    for value in list(vars(module).values()):
        name = value.__name__ if isinstance(value, ModuleType) else _module_of(value)
        if name == RENDERER:
            return True
        used = sys.modules.get(name) if name.startswith("tests.") else None
        if used is not None and name not in seen and _renders(used, seen):
            return True
    return False


def _module_of(value: object) -> str:
    name = getattr(value, "__module__", None)
    return name if isinstance(name, str) else ""


@contextmanager
def neither_server_nor_renderer() -> Iterator[None]:
    """Let whatever starts a server or loads the renderer in this block fail the test."""
    global _forbidden  # noqa: PLW0603  # an audit hook cannot be taken off again
    _forbidden = True
    try:
        yield
    finally:
        _forbidden = False


def _refuse(event: str, arguments: tuple[object, ...]) -> None:
    if not _forbidden:
        return
    started = None
    if event == "import" and arguments[0] == "weasyprint":
        started = "the renderer"
    elif event == "subprocess.Popen":
        started = _server_in(arguments[1])
    if started is not None:
        pytest.fail(f"a test of the fast tier starts {started}: mark it `servers` (tests/tiers.py)")


def _server_in(command: object) -> str | None:
    """The server that a command starts, also behind a shell or `python -m`."""
    words = [command] if isinstance(command, str | bytes | os.PathLike) else command
    assert isinstance(words, list | tuple)
    named = [os.fsdecode(word) for word in words]
    for before, word in zip(["", *named], named, strict=False):
        if Path(word).name in PROGRAMS or (before == "-m" and word in MODULES):
            return word
    return None


sys.addaudithook(_refuse)
