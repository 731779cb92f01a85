"""Brands for the tests: those of docs/brands, and small ones that a test writes."""

import os
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from io import BytesIO
from pathlib import Path

import pikepdf

from closebook.statements.model import Statement
from closebook.statements.render.document import RenderedStatement, render
from closebook.statements.render.template import StatementTemplate, statement_template
from local import REPOSITORY
from tests.statements.samples import kinds
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


@cache
def in_the_brand(name: str, kind: str) -> bytes:
    """The document of a kind of statement in one of the brands of docs/brands."""
    return branded(kinds()[kind], BRANDS / name).pdf


@cache  # objects of pikepdf live as long as their document
def opened(pdf: bytes) -> pikepdf.Pdf:
    """The objects of a document."""
    return pikepdf.open(BytesIO(pdf))


def text_of(pdf: bytes, *options: str) -> str:
    """The text that poppler reads in a document."""
    command = ["pdftotext", *options, "-", "-"]
    return subprocess.run(command, input=pdf, capture_output=True, check=True).stdout.decode()


def loaded(folder: Path) -> StatementTemplate:
    """The template, in a brand."""
    with in_brand(folder):
        return statement_template()
