"""docs/contract.md and sql/platform/contract.sql have the contract as the code has it."""

import re

import psycopg

from closebook.environment import VIEWS_WITH_AMOUNTS
from closebook.platform.contract import CONTRACT, NUMERIC, OPTIONAL, contract_of
from local import REPOSITORY
from local.stack import Stack
from tests.markdown import DOCUMENTS, text

DOCUMENT = REPOSITORY / "docs" / "contract.md"
LIMITED = re.compile(
    r"(?:when|when octet_length\()\s*octet_length\((?P<column>\w+)\) > (?P<limit>\d+)"
)

Columns = dict[str, list[tuple[str, str]]]


def of_the_code() -> Columns:
    return {view: list(columns.items()) for view, columns in CONTRACT.items()}


OF_OPTIONAL_COLUMNS = "Optional columns"


def documented() -> Columns:
    """The columns and types of each section that holds a table of them."""
    found: Columns = {}
    for section in text(DOCUMENT).split("\n## ")[1:]:
        columns = re.findall(r"^\| `(\w+)` \| `([\w ]+)` \| \S.*\|$", section, re.MULTILINE)
        if columns:
            found[section.partition("\n")[0]] = columns
    return found


def test_the_document_lists_each_view_and_column_with_its_type_in_order() -> None:
    columns = [column for view in OPTIONAL.values() for column in view.items()]
    assert documented() == of_the_code() | {OF_OPTIONAL_COLUMNS: columns}


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


def test_no_document_multiplies_an_amount_or_casts_it_to_minor_units() -> None:
    for document in DOCUMENTS:
        assert not re.search(r"amount\w* \* ?1|amount[^`\n]*\)::bigint", text(document)), document


def test_the_document_names_the_columns_of_major_units() -> None:
    in_major = {
        column
        for view in VIEWS_WITH_AMOUNTS
        for column, wanted in contract_of(VIEWS_WITH_AMOUNTS)[view].items()
        if wanted == NUMERIC
    }
    section = text(DOCUMENT).partition("## Amounts in major units")[2].partition("\n## ")[0]
    assert in_major == set(re.findall(r"`(\w+_major)`", section))


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
