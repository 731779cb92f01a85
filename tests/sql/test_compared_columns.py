"""A month is confirmed by the columns that make a new version, which schema.sql decides."""

import re

import pytest

from closebook.sql import SQL_FOLDER

FUNCTIONS = {
    "statements": "statement_differences",
    "statement_lines": "statement_line_differences",
    "statement_line_details": "statement_line_detail_differences",
}
COMPARED = re.compile(
    r"full join new_rows using \(([^)]*)\)\s+where\s+"
    r"\(([^)]*)\)\s+is distinct from\s+\(([^)]*)\)"
)


def compared(text: str) -> list[list[str]]:
    """The key, and the columns of old and of new rows that are compared."""
    [groups] = COMPARED.findall(text)
    return [
        [re.sub(r"^(old|new)_rows\.", "", name) for name in re.split(r",\s*", each.strip())]
        for each in groups
    ]


@pytest.mark.parametrize("table", FUNCTIONS)
def test_a_confirmation_compares_the_columns_that_make_a_new_version(table: str) -> None:
    schema = (SQL_FOLDER / "reporting" / "schema.sql").read_text(encoding="utf-8")
    body = schema.partition(f"create function reporting.{FUNCTIONS[table]}(")[2].partition("\nend;")
    differs = (SQL_FOLDER / table / "differs.sql").read_text(encoding="utf-8")
    assert compared(differs) == compared(body[0])
    _, old, new = compared(differs)
    assert old == new
