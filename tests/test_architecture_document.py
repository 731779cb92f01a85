"""docs/architecture.md and docs/rules.md name the packages, files and functions that there are."""

import ast
import re
import tomllib
from pathlib import Path

import pytest

from local import REPOSITORY
from tests.markdown import ARCHITECTURE, RULES, first_column, section, text

PACKAGE = REPOSITORY / "plugins" / "closebook"
WALKS = (
    "One day, from the DAG to the store",
    "One statement, from frozen lines to a download",
    "Two renderers",
    "One request at the desk",
)
TABLES = [
    *((ARCHITECTURE, title) for title in WALKS),
    *((RULES, title) for title in re.findall(r"^## (.+)$", text(RULES), re.MULTILINE)),
]


def layers() -> dict[str, int]:
    """Each package with its layer, the lowest 1, as import-linter holds them."""
    project = tomllib.loads(text(REPOSITORY / "pyproject.toml"))
    contracts = project["tool"]["importlinter"]["contracts"]
    (contract,) = [each for each in contracts if each.get("containers") == ["closebook"]]
    return {
        package: number
        for number, layer in enumerate(reversed(contract["layers"]), start=1)
        for package in layer.split(" | ")
    }


def steps(document: Path, title: str) -> list[tuple[str, str]]:
    """File and function of each row of a table."""
    body = section(document, title)
    return re.findall(r"^\| [^|]+ \| `([\w/.]+)` \| `([\w.]+)` \|$", body, re.MULTILINE)


def file_at(path: str) -> Path:
    """A file of the repository, or of the package if it begins with none of its folders."""
    is_whole = path.startswith(("dags/", "plugins/", "sql/"))
    return (REPOSITORY if is_whole else PACKAGE) / path


def defined_in(path: Path) -> set[str]:
    """The functions, classes, methods and constants of a module; all words of another file."""
    if path.suffix != ".py":
        return set(re.findall(r"\w+", text(path)))
    found = set()
    tree = ast.parse(text(path))
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            found.add(node.name)
        if isinstance(node, ast.ClassDef):
            methods = [each for each in node.body if hasattr(each, "name")]
            found |= {f"{node.name}.{method.name}" for method in methods}
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            found.add(node.target.id)
    return found


def test_each_folder_of_the_tree_is_listed() -> None:
    folders = {path.name for path in REPOSITORY.iterdir() if path.is_dir()}
    present = {f"{name}/" for name in folders if not name.startswith((".", "__"))}
    assert set(first_column(section(ARCHITECTURE, "The tree"))) == present


def test_the_packages_and_their_layers_are_those_of_import_linter() -> None:
    body = section(ARCHITECTURE, "What each package may import")
    rows = re.findall(r"^\| `(\w+)` \| (\d+) \| \S.*\|$", body, re.MULTILINE)
    assert {package: int(layer) for package, layer in rows} == layers()


@pytest.mark.parametrize(("document", "title"), TABLES)
def test_each_step_and_rule_is_where_the_document_says(document: Path, title: str) -> None:
    rows = section(document, title).split("|---|---|---|\n")[1].split("\n\n")[0]
    found = steps(document, title)
    assert len(found) == len(rows.strip().splitlines())
    missing = [f"{path}: {name}" for path, name in found if name not in defined_in(file_at(path))]
    assert missing == []


def test_each_part_of_the_statements_is_listed() -> None:
    body = section(ARCHITECTURE, "What each package may import").split("Inside of `statements`:")[1]
    listed = {
        name.strip("/")
        for cell in re.findall(r"^\| (`.+?`) \|", body, re.MULTILINE)
        for name in re.findall(r"`([\w./]+)`", cell)
    }
    present = {
        path.name
        for path in (PACKAGE / "statements").iterdir()
        if not path.name.startswith("__") and path.suffix in {"", ".py"}
    }
    assert listed == present


def test_no_two_modules_have_one_name_but_pages_of_the_desk() -> None:
    names = [
        path.stem
        for path in PACKAGE.rglob("*.py")
        if not path.stem.startswith("__") and path.parent.name != "routes"
    ]
    assert {name for name in names if names.count(name) > 1} == set()
