"""docs/contract.md and sql/platform/contract.sql have the contract as the code has it."""

import re

import psycopg

from closebook.money import exponent
from closebook.platform.contract import CONTRACT
from local import REPOSITORY
from local.stack import Stack
from tests.markdown import text

DOCUMENT = REPOSITORY / "docs" / "contract.md"
LIMITED = re.compile(
    r"(?:when|when octet_length\()\s*octet_length\((?P<column>\w+)\) > (?P<limit>\d+)"
)

Columns = dict[str, list[tuple[str, str]]]


def of_the_code() -> Columns:
    return {view: list(columns.items()) for view, columns in CONTRACT.items()}


def documented() -> Columns:
    """The columns and types of each section that holds a table of them."""
    found: Columns = {}
    for section in text(DOCUMENT).split("\n## ")[1:]:
        columns = re.findall(r"^\| `(\w+)` \| `([\w ]+)` \| \S.*\|$", section, re.MULTILINE)
        if columns:
            found[section.partition("\n")[0]] = columns
    return found


def test_the_document_lists_each_view_and_column_with_its_type_in_order() -> None:
    assert documented() == of_the_code()


def test_the_sample_contract_makes_each_view_and_column_with_its_type_in_order(
    stack: Stack, module_platform_database: str
) -> None:
    with psycopg.connect(stack.primary_admin(module_platform_database)) as connection:
        rows = connection.execute("""
            select table_name, column_name, data_type
            from information_schema.columns where table_schema = 'reporting_source'
            order by table_name, ordinal_position
        """).fetchall()
    views: Columns = {}
    for view, column, data_type in rows:
        views.setdefault(view, []).append((column, data_type))
    assert views == of_the_code()


def test_the_files_that_the_document_names_exist() -> None:
    named = re.findall(r"`(sql/[\w/.]+)`", text(DOCUMENT))
    assert named
    assert [path for path in named if not (REPOSITORY / path).is_file()] == []


def test_the_factors_for_major_units_are_those_of_the_currencies() -> None:
    [example] = re.findall(r"```text\n(\(.*?)```", text(DOCUMENT), re.DOTALL)
    branches = re.findall(r"in \(([^)]*)\) then (\d+)", example)
    assert len(branches) == 3
    for currencies, factor in branches:
        for currency in re.findall(r"[A-Z]{3}", currencies):
            assert 10 ** exponent(currency) == int(factor), currency
    assert all(10 ** exponent(currency) == 100 for currency in ("EUR", "USD", "GBP", "INR"))


def test_the_limits_of_texts_are_those_of_the_queries() -> None:
    in_document = {
        column: int(limit.replace(",", ""))
        for columns, limit in re.findall(
            r"^\| (`.*?) \| ([\d,]+) (?:bytes|characters) \|", text(DOCUMENT), re.MULTILINE
        )
        for column in re.findall(r"`(\w+)`", columns)
    }
    in_queries = {
        found["column"]: int(found["limit"])
        for path in (REPOSITORY / "sql").rglob("read.sql")
        for found in LIMITED.finditer(text(path))
    }
    assert in_queries == in_document
