"""docs/doctor.md lists the codes that there are, and each of them is found by a test."""

import ast
import re
from pathlib import Path

from closebook.doctor.finding import Severity
from local import REPOSITORY
from tests.markdown import DOCS, text

PACKAGE = REPOSITORY / "plugins" / "closebook" / "doctor"
CODE = re.compile(r"[a-z]+(?:-[a-z]+)+")
PAGE = DOCS / "doctor.md"
# The first column of its tables of findings.
OF_CELLS = re.compile(r"^\| (`[^|]+`) \|", re.MULTILINE)


def constants(path: Path) -> set[str]:
    found = (
        node.value for node in ast.walk(ast.parse(text(path))) if isinstance(node, ast.Constant)
    )
    return {each for each in found if isinstance(each, str) and CODE.fullmatch(each)}


def codes_of_source() -> set[str]:
    return {each for path in PACKAGE.glob("*.py") for each in constants(path)} - {"utf-8"}


def codes_of_page() -> set[str]:
    findings = text(PAGE).partition("## The findings")[2].partition("## What it does not see")[0]
    return {code for cell in OF_CELLS.findall(findings) for code in re.findall(r"`([^`]+)`", cell)}


def test_the_page_lists_the_codes_of_the_source() -> None:
    assert len(codes_of_source()) > 50
    assert codes_of_page() == codes_of_source()


def test_the_page_explains_each_severity() -> None:
    for severity in Severity:
        assert f"| `{severity}` |" in text(PAGE)


def test_each_code_is_found_by_a_test() -> None:
    folder = REPOSITORY / "tests" / "doctor"
    in_tests = {each for path in folder.glob("*.py") for each in constants(path)}
    assert codes_of_source() <= in_tests
