"""The table of faults names tests that there are, and all of this folder."""

import ast
import re
from pathlib import Path

from local import REPOSITORY

HERE = Path(__file__).parent


def named_in(path: Path) -> set[str]:
    """The tests of a file, as pytest names them."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return {
        f"{path.relative_to(REPOSITORY)}::{node.name}"
        for node in tree.body
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")
    }


def test_each_fault_names_a_test_and_each_test_here_is_named() -> None:
    table = (HERE / "README.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| ([^|`]+) \| `([^`]+)` \|$", table, re.MULTILINE)
    named = {test for _, test in rows}
    files = {REPOSITORY / test.partition("::")[0] for test in named}
    here = {path for path in HERE.rglob("test_*.py") if path != Path(__file__)}

    assert len(rows) == len(table.split("|---|---|\n")[1].splitlines())
    assert len({fault for fault, _ in rows}) == len(rows)
    assert named <= set().union(*map(named_in, files))
    assert set().union(*map(named_in, here)) <= named
