"""Brands for the tests: those of docs/brands, and small ones that a test writes."""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from closebook.statements.model import Statement
from closebook.statements.render.document import RenderedStatement, render
from local import REPOSITORY
from tests.statements.validators import page_validation

BRANDS = REPOSITORY / "docs" / "brands"
NAMES = ("alder", "harbour", "lumo")


@contextmanager
def in_brand(folder: Path) -> Iterator[None]:
    """Render in a brand inside this block."""
    before = os.environ.get("CLOSEBOOK_BRAND")
    os.environ["CLOSEBOOK_BRAND"] = str(folder)
    try:
        yield
    finally:
        os.environ.pop("CLOSEBOOK_BRAND")
        if before is not None:
            os.environ["CLOSEBOOK_BRAND"] = before


def branded(statement: Statement, folder: Path) -> RenderedStatement:
    """A statement's document in a brand, validated."""
    with in_brand(folder):
        made = render(statement)
    assert page_validation(made.pdf) == []
    return made


def write_brand(
    folder: Path, toml: str = "", files: Mapping[str, str | bytes] | None = None
) -> Path:
    """Write a brand, whose name is Test, and return its folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in {"brand.toml": f'name = "Test"\n{toml}', **(files or {})}.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return folder
