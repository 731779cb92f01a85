"""README.md and docs/ as tests read them: sections, blocks of code, commands, tables."""

import re
from pathlib import Path

from local import REPOSITORY

README = REPOSITORY / "README.md"
DOCS = REPOSITORY / "docs"
ADOPT = DOCS / "adopt.md"
ARCHITECTURE = DOCS / "architecture.md"
OPERATIONS = DOCS / "operations.md"
RULES = DOCS / "rules.md"
SETTINGS = DOCS / "settings.md"
VERIFY = DOCS / "verify.md"
# A section of the README whose commands are typed as they stand.
AGAIN = "Close a period again"
DOCUMENTS = [
    *sorted(REPOSITORY.glob("*.md")),
    *sorted(DOCS.rglob("*.md")),
    REPOSITORY / "benchmarks" / "NOTES.md",
    REPOSITORY / "sql" / "README.md",
    REPOSITORY / "tests" / "faults" / "README.md",
]


def text(document: Path) -> str:
    return document.read_text(encoding="utf-8")


def section(document: Path, title: str) -> str:
    """The text below a heading, up to the next one of its level or above."""
    found = re.search(rf"^(##+) {re.escape(title)}$", text(document), re.MULTILINE)
    assert found, f"{document.name} has no section {title!r}"
    below = text(document)[found.end() :]
    return re.split(rf"^#{{1,{len(found[1])}}} ", below, maxsplit=1, flags=re.MULTILINE)[0]


def blocks(body: str, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", body, re.MULTILINE | re.DOTALL)


def commands(body: str) -> list[str]:
    """The commands of the sh blocks, one string each."""
    joined = "".join(blocks(body, "sh")).replace("\\\n", " ")
    return [" ".join(line.split()) for line in joined.splitlines() if line]


def first_column(body: str) -> list[str]:
    """The code in the first column of the tables."""
    return re.findall(r"^\| `([^`]+)` \|", body, re.MULTILINE)


def dag_ids() -> set[str]:
    return {path.stem for path in (REPOSITORY / "dags").glob("*.py")}
