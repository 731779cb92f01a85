"""`make mutants` can take out every guard that it names, and the tests that it runs are there."""

import ast
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from pathlib import Path

import pytest

from local import REPOSITORY
from tests.mutants.__main__ import copy_tree, take_out, try_without
from tests.mutants.guard import Guard
from tests.mutants.guards import GUARDS
from tests.mutants.markers import Markers
from tests.mutants.operators import Condition
from tests.sql.cases import case_files, load

NAMES = [guard.name for guard in GUARDS]
CASES = {str(case) for name in case_files() for case in load(name)}
ADDS_UP = next(guard for guard in GUARDS if guard.name == "documents.statement-adds-up")


@cache
def functions_of(file: str) -> set[str]:
    """The names of the functions at the top of a file."""
    tree = ast.parse((REPOSITORY / file).read_text(encoding="utf-8"))
    return {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}


@pytest.fixture(scope="module")
def markers() -> Markers:
    return Markers(REPOSITORY)


@pytest.mark.parametrize("guard", GUARDS, ids=NAMES)
def test_a_guard_can_be_taken_out(guard: Guard, markers: Markers) -> None:
    mutant = guard.taken_out(markers)

    assert mutant.text != (REPOSITORY / mutant.file).read_text(encoding="utf-8")


@pytest.mark.parametrize("guard", GUARDS, ids=NAMES)
def test_the_tests_of_a_guard_are_there(guard: Guard) -> None:
    assert guard.tests
    for test in guard.tests:
        file, _, name = test.partition("::")
        function, _, case = name.partition("[")
        assert function in functions_of(file)
        assert not case or case.removesuffix("]") in CASES


def test_each_guard_has_a_name_of_its_own() -> None:
    assert len(set(NAMES)) == len(NAMES)


def test_each_marker_in_the_code_is_a_guard_that_is_tried(markers: Markers) -> None:
    assert markers.names == set(NAMES)


def test_code_without_a_guard_uses_no_name_that_is_not_defined(
    markers: Markers, tmp_path: Path
) -> None:
    """Else each test would fail, whether or not it tests the guard."""
    for guard in GUARDS:
        mutant = guard.taken_out(markers)
        if mutant.file.endswith(".py"):
            (tmp_path / f"{guard.name}.py").write_text(mutant.text, encoding="utf-8")

    undefined = subprocess.run(
        [sys.executable, "-m", "ruff", "check", "--isolated", "--select", "F821", str(tmp_path)],
        capture_output=True,
        text=True,
        check=False,
    )

    assert list(tmp_path.iterdir())
    assert undefined.returncode == 0, undefined.stdout


@pytest.fixture
def tree() -> Iterator[Path]:
    tree = copy_tree()
    yield tree
    shutil.rmtree(tree)


@pytest.mark.slow
def test_a_guard_without_a_failing_test_is_told_from_one_with_a_failing_test(tree: Path) -> None:
    ((_, mutant),) = take_out(tree, [ADDS_UP])[0].items()
    before = (tree / mutant.file).read_text(encoding="utf-8")

    caught = try_without(tree, ADDS_UP, mutant)
    survives = try_without(tree, ADDS_UP, replace(mutant, text=f"{before}\n"))
    does_not_start = try_without(tree, ADDS_UP, replace(mutant, text="a syntax error"))

    assert caught.caught_by is not None
    assert "test_a_difference_of_one_minor_unit_or_one_line_is_refused" in caught.caught_by
    assert (survives.caught_by, survives.trouble) == (None, None)
    assert does_not_start.caught_by is None
    assert "SyntaxError" in str(does_not_start.trouble)
    assert (tree / mutant.file).read_text(encoding="utf-8") == before


def test_a_run_fails_when_a_guard_no_longer_applies(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    gone = Guard("documents.gone", Condition(value=False), ADDS_UP.tests)
    monkeypatch.setattr("tests.mutants.__main__.GUARDS", (gone, ADDS_UP))

    from tests.mutants.__main__ import main

    assert main(["documents."]) == 1
    assert "documents.gone: no file has the comment 'guard: documents.gone'" in (
        capsys.readouterr().out
    )


def test_words_that_name_no_guard_run_no_test(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("tests.mutants.__main__.run", lambda *_: pytest.fail("tests are run"))

    from tests.mutants.__main__ import main

    assert main(["fence.", "documents."]) == 2
    assert "no guard has all of these words in its name: fence., documents." in (
        capsys.readouterr().out
    )
