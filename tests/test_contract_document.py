"""docs/contract.md lists the contract's views and columns as the database has them."""

import re

import psycopg

from local import REPOSITORY
from local.stack import Stack

DOCUMENT = REPOSITORY / "docs" / "contract.md"


def documented() -> dict[str, list[tuple[str, str]]]:
    """The columns and types of each section that holds a table of them."""
    found: dict[str, list[tuple[str, str]]] = {}
    for section in DOCUMENT.read_text(encoding="utf-8").split("\n## ")[1:]:
        columns = re.findall(r"^\| `(\w+)` \| `([\w ]+)` \| \S.*\|$", section, re.MULTILINE)
        if columns:
            found[section.partition("\n")[0]] = columns
    return found


def test_the_document_lists_each_view_and_column_with_its_type_in_order(
    stack: Stack, module_platform_database: str
) -> None:
    with psycopg.connect(stack.primary_admin(module_platform_database)) as connection:
        rows = connection.execute("""
            select table_name, column_name, data_type
            from information_schema.columns where table_schema = 'reporting_source'
            order by table_name, ordinal_position
        """).fetchall()
    views: dict[str, list[tuple[str, str]]] = {}
    for view, column, data_type in rows:
        views.setdefault(view, []).append((column, data_type))
    assert len(views) == 5
    assert documented() == views


def test_the_files_that_the_document_names_exist() -> None:
    named = re.findall(r"`(sql/[\w/.]+)`", DOCUMENT.read_text(encoding="utf-8"))
    assert named
    assert [path for path in named if not (REPOSITORY / path).is_file()] == []
