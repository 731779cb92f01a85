"""Cases of SQL files: the YAML under tests/sql/, and how a case is run on a real server.

A file of cases has the path of its SQL file. A case is a mapping:
  name             the rule, in words
  given            rows by table; a staged_* table is made by its own sql/*/stage.sql
  major            views with amounts in major units: how each is made of the given minor one
  optional         columns that the view which the query reads gets: how each is made of the others
  sessions         other connections, and what each has done before the query runs
  server           replica: run as the pipeline does, through the pooler of a real replica
  params           the bind parameters
  expect           the rows that come, in any order, by the columns that are named
  expect_in_order  the same, in this order
  expect_each      for several statements in one message: the rows of each
  error            the name of psycopg's error instead of rows
  then             a select and the rows it expects, after a statement that writes
  columns_of       the SQL file whose columns the table that was made must have
Values must be equal and of the same type, but an int may stand for a numeric without decimals.
`!any int` stands for any value of a type.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any, LiteralString

import yaml
from psycopg.types.json import Jsonb

from closebook.sql import SQL_FOLDER, query

CASES_FOLDER = Path(__file__).parent
DEFAULTS_FILE = CASES_FOLDER / "defaults.yaml"
# Not queries: the folders that define tables and roles, which have tests of their own.
DEFINITIONS = {"platform", "reporting"}

Row = Mapping[str, Any]


@dataclass(frozen=True)
class RowNumber:
    """A default that differs from row to row: the row's number, or a text with it."""

    text: str

    def of(self, number: int) -> int | str:
        return self.text.format(n=number) if self.text else number


@dataclass(frozen=True)
class AnyOfType:
    """An expected value of which only the type is known."""

    type_name: str


@dataclass(frozen=True)
class Expected:
    """The rows that a statement must give."""

    rows: Sequence[Row]
    in_order: bool = False

    def __post_init__(self) -> None:
        if any(row.keys() != self.rows[0].keys() for row in self.rows):
            raise ValueError("the expected rows of a case must name the same columns")

    def difference(self, actual: Sequence[Row]) -> str | None:
        """What differs, or None. Columns that the expected rows do not name are left out."""
        columns = list(self.rows[0]) if self.rows else None
        seen = [{c: row[c] for c in columns} if columns else row for row in actual]
        left = list(seen)
        missing = []
        for expected in self.rows:
            found = next(
                (row for row in left[: 1 if self.in_order else None] if _same(expected, row)), None
            )
            if found is None:
                missing.append(expected)
                if self.in_order:
                    break
            else:
                left.pop(next(i for i, row in enumerate(left) if row is found))
        if not missing and not left:
            return None
        listed = "\n".join(f"  {dict(row)}" for row in seen) or "  no rows"
        wanted = "\n".join(f"  {dict(row)}" for row in self.rows) or "  no rows"
        return f"expected:\n{wanted}\nbut got:\n{listed}"


@dataclass(frozen=True)
class Case:
    """One rule of one SQL file."""

    query_name: str
    name: str
    given: Mapping[str, Sequence[Row]] = field(default_factory=dict)
    major: Mapping[str, str] = field(default_factory=dict)
    optional: Mapping[str, str] = field(default_factory=dict)
    sessions: Sequence[Mapping[str, Any]] = ()
    server: str | None = None
    params: Mapping[str, Any] = field(default_factory=dict)
    expect: Expected | None = None
    expect_each: Sequence[Expected] | None = None
    error: str | None = None
    then: Mapping[str, Any] | None = None
    columns_of: str | None = None

    def __post_init__(self) -> None:
        outcomes = (self.expect, self.expect_each, self.error, self.then, self.columns_of)
        if all(outcome is None for outcome in outcomes):
            raise ValueError(f"{self}: a case without an expectation cannot fail")

    def __str__(self) -> str:
        return f"{self.query_name}: {self.name}"

    @property
    def text(self) -> LiteralString:
        """The text of the query, for the units that the views of the case have."""
        return query(self.query_name, frozenset(self.major))

    @property
    def expected_columns(self) -> set[str]:
        expected = [*([self.expect] if self.expect else []), *(self.expect_each or [])]
        return {column for each in expected for row in each.rows for column in row}


def query_names() -> set[str]:
    """Every SQL file that is a query or a statement, by its path below sql/."""
    paths = SQL_FOLDER.glob("*/*.sql")
    return {_name(path, SQL_FOLDER) for path in paths if path.parent.name not in DEFINITIONS}


def case_files() -> set[str]:
    """Every file of cases, by the SQL file that it is about."""
    return {_name(path, CASES_FOLDER) for path in CASES_FOLDER.glob("*/**/*.yaml")}


@cache
def load(query_name: str) -> Sequence[Case]:
    """Read the cases of one SQL file."""
    return [_case(query_name, **case) for case in _read(CASES_FOLDER / f"{query_name}.yaml")]


def completed(table: str, rows: Iterable[Row]) -> list[dict[str, Any]]:
    """Rows with the defaults of their table filled in."""
    defaults = _defaults()[table]
    return [
        {
            column: value.of(number) if isinstance(value, RowNumber) else value
            for column, value in (defaults | dict(row)).items()
        }
        for number, row in enumerate(rows, start=1)
    ]


def _case(
    query_name: str,
    *,
    expect: Sequence[Row] | None = None,
    expect_in_order: Sequence[Row] | None = None,
    expect_each: Sequence[Sequence[Row]] | None = None,
    **rest: Any,
) -> Case:
    if expect_in_order is not None:
        expected: Expected | None = Expected(expect_in_order, in_order=True)
    else:
        expected = None if expect is None else Expected(expect)
    each = None if expect_each is None else [Expected(rows) for rows in expect_each]
    return Case(query_name, expect=expected, expect_each=each, **rest)


def _same(expected: Row, actual: Row) -> bool:
    return all(_same_value(value, actual[column]) for column, value in expected.items())


def _same_value(expected: object, actual: object) -> bool:
    if isinstance(expected, AnyOfType):
        return type(actual).__name__ == expected.type_name
    # A numeric without decimals: what the sums of bigints are.
    if isinstance(actual, Decimal) and type(expected) is int:
        return actual.as_tuple().exponent == 0 and actual == expected
    return type(expected) is type(actual) and expected == actual


def _name(path: Path, folder: Path) -> str:
    return path.relative_to(folder).with_suffix("").as_posix()


@cache
def _defaults() -> dict[str, dict[str, Any]]:
    return {table: dict(row) for table, row in _read(DEFAULTS_FILE).items()}


class _Loader(yaml.CSafeLoader):
    """YAML with !n, !any and !jsonb. The parser in C reads all cases in a sixth of the time."""


def _row_number(loader: _Loader, node: yaml.Node) -> RowNumber:
    assert isinstance(node, yaml.ScalarNode)
    return RowNumber(loader.construct_scalar(node))


def _any_of_type(loader: _Loader, node: yaml.Node) -> AnyOfType:
    assert isinstance(node, yaml.ScalarNode)
    return AnyOfType(loader.construct_scalar(node))


def _jsonb(loader: _Loader, node: yaml.Node) -> Jsonb:
    if isinstance(node, yaml.MappingNode):
        return Jsonb(loader.construct_mapping(node, deep=True))
    assert isinstance(node, yaml.SequenceNode)
    return Jsonb(loader.construct_sequence(node, deep=True))


_Loader.add_constructor("!n", _row_number)
_Loader.add_constructor("!any", _any_of_type)
_Loader.add_constructor("!jsonb", _jsonb)


def _read(path: Path) -> Any:
    with path.open(encoding="utf-8") as file:
        return yaml.load(file, Loader=_Loader)  # noqa: S506 (derived from CSafeLoader)
