"""`make mutants` can take out every guard that it names, and the tests that it runs are there."""

import ast
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from local import REPOSITORY
from tests.mutants.__main__ import copy_tree, try_without, without
from tests.mutants.guard import Guard
from tests.mutants.guards import GUARDS
from tests.sql.cases import case_files, load

NAMES = [guard.name for guard in GUARDS]
CASES = {str(case) for name in case_files() for case in load(name)}


def text_of(guard: Guard) -> str:
    return (REPOSITORY / guard.file).read_text(encoding="utf-8")


@pytest.mark.parametrize("guard", GUARDS, ids=NAMES)
def test_a_guard_is_found_and_leaves_something_that_runs(guard: Guard) -> None:
    changed = without(guard, text_of(guard))

    assert changed != text_of(guard)
    if guard.file.endswith(".py"):
        compile(changed, guard.file, "exec")


@pytest.mark.parametrize("guard", GUARDS, ids=NAMES)
def test_the_tests_of_a_guard_are_there(guard: Guard) -> None:
    for test in guard.tests:
        file, _, name = test.partition("::")
        function, _, case = name.partition("[")
        tree = ast.parse((REPOSITORY / file).read_text(encoding="utf-8"))
        assert function in {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}
        assert not case or case.removesuffix("]") in CASES


def test_each_guard_has_a_name_of_its_own() -> None:
    assert len(set(NAMES)) == len(NAMES)


def test_a_guard_that_is_not_found_is_an_error() -> None:
    guard = Guard("gone", GUARDS[0].file, "no such text", "", ())

    with pytest.raises(ValueError, match="gone: 'no such text' is not found once"):
        without(guard, text_of(guard))


@pytest.fixture
def tree() -> Iterator[Path]:
    tree = copy_tree()
    yield tree
    shutil.rmtree(tree)


def test_a_guard_that_is_missed_is_told_from_one_that_is_not(tree: Path) -> None:
    guard = next(guard for guard in GUARDS if guard.name == "documents: a statement adds up")
    before = (tree / guard.file).read_text(encoding="utf-8")

    taken_out = try_without(tree, guard)
    not_missed = try_without(tree, replace(guard, new=f"if True and {guard.old[3:]}"))
    never_run = try_without(tree, replace(guard, new="a syntax error"))

    assert taken_out.caught_by is not None
    assert "test_a_difference_of_one_minor_unit_or_one_line_is_refused" in taken_out.caught_by
    assert (not_missed.caught_by, not_missed.trouble) == (None, None)
    assert never_run.caught_by is None
    assert "SyntaxError" in str(never_run.trouble)
    assert (tree / guard.file).read_text(encoding="utf-8") == before
