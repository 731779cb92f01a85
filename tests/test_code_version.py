"""The code's name in the register changes with each file that computes or renders."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from closebook.package_data import PACKAGE
from closebook.settings.code_version import code_version


@pytest.fixture(autouse=True)
def forgotten() -> Iterator[None]:
    """A process computes the name once; other tests get the real one again."""
    yield
    code_version.cache_clear()


@pytest.fixture
def templates(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of templates of the test's own, with one file."""
    monkeypatch.setenv("CLOSEBOOK_TEMPLATES", str(tmp_path))
    (tmp_path / "v1").mkdir()
    (tmp_path / "v1" / "statement.css").write_text("p { margin: 0 }")
    return tmp_path


def version() -> str:
    code_version.cache_clear()
    return code_version()


def test_the_same_files_have_the_same_name(templates: Path) -> None:
    assert version() == version()


def test_a_changed_template_changes_the_name(templates: Path) -> None:
    before = version()
    (templates / "v1" / "statement.css").write_text("p { margin: 1 }")

    assert version() != before


def test_a_file_that_moves_changes_the_name(templates: Path) -> None:
    before = version()
    (templates / "v1").rename(templates / "v2")

    assert version() != before


@pytest.mark.parametrize(
    "changed", ["counter/publish_if_newer.lua", "closes/month.py", "statements/issue.py"]
)
def test_every_file_of_the_package_counts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, changed: str
) -> None:
    copy = tmp_path / "closebook"
    for path in PACKAGE.rglob("*"):
        if path.suffix in {".py", ".lua"}:
            place = copy / path.relative_to(PACKAGE)
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(path.read_bytes())
    monkeypatch.setattr("closebook.settings.code_version.PACKAGE", copy)
    monkeypatch.setenv("CLOSEBOOK_TEMPLATES", str(tmp_path / "none"))
    before = version()
    (copy / changed).write_text("-- another")

    assert version() != before
