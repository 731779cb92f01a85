"""Expressions of SQL for the columns of a drafted view, and the remarks above them."""

from collections.abc import Sequence
from dataclasses import dataclass

from psycopg import sql

from closebook.adoption.candidates import Candidate, FoundColumn
from closebook.adoption.platform_catalog import Column, Table
from closebook.adoption.vocabulary import snake_case


@dataclass(frozen=True)
class Selected:
    """A column of a view: its name, the expression, and the remark above it."""

    name: str
    expression: str
    remark: str = ""

    @property
    def lines(self) -> list[str]:
        """The lines of SQL: the remark, if there is one, then the expression with its name."""
        is_same = self.expression.rpartition(".")[2] == self.name
        is_renamed = not is_same and self.expression.startswith(("base.", "joined_"))
        said = self.remark or ("guess: by its name and type" if is_renamed else "")
        remark = [f"    -- {said}"] if said else []
        return [*remark, f"    {self.expression}" + ("" if is_same else f" as {self.name}")]


def case_of(branches: Sequence[tuple[str, str]], otherwise: str | None = None) -> str:
    """Return a case expression of conditions and their values, one on each line."""
    lines = [f"when {condition} then {value}" for condition, value in branches]
    lines += [] if otherwise is None else [f"else {otherwise}"]
    return "\n        ".join(["case", *lines]) + "\n    end"


def null_columns(*columns: str) -> list[Selected]:
    """Return columns that are null. Each is a name, with ``:type`` behind it if it is not text."""
    named = (column.partition(":") for column in columns)
    return [Selected(name, f"null::{type_name or 'text'}") for name, _, type_name in named]


def numeric_status(table: Table) -> Column | None:
    """Return the column that has the status as a number, or None."""
    return next(
        (
            column
            for column in table.columns
            if snake_case(column.name) in ("payment_status", "status", "state")
            and column.base_type in ("int2", "int4", "int8")
        ),
        None,
    )


def column_reference(chosen: Candidate, found: FoundColumn) -> str:
    """Return a column as the view's query names it, such as ``base.amount``."""
    if found.joined is None:
        return f"base.{found.column.sql}"
    number = [*chosen.joins].index(found.joined.table_id) + 1
    return f"joined_{number}.{found.column.sql}"


def quoted_column(table: Table, name: str) -> str:
    """Return the name of a column as SQL writes it, with quotes where they are needed."""
    column = table.column(name)
    return sql.Identifier(name).as_string() if column is None else column.sql


def cast_to(expression: str, type_name: str) -> str:
    """Return an expression with a cast, in parentheses where they are needed."""
    is_simple = all(character not in expression for character in " (") or (
        expression.startswith("'") and expression.count("'") == 2  # noqa: PLR2004  # one literal
    )
    return f"{expression}::{type_name}" if is_simple else f"({expression})::{type_name}"


def text_type(column: Column) -> str:
    """Return ``text`` if the contract takes the column as text without a cast, else nothing."""
    return "text" if column.base_type in ("text", "varchar") and not column.is_enum else ""


def as_text(reference: str, column: Column) -> str:
    """Return a column as text, with a cast if it needs one."""
    return reference if text_type(column) else f"{reference}::text"


def instant_of(chosen: Candidate, found: FoundColumn) -> tuple[str, str]:
    """Return the expression of an instant with its zone, and the remark above it."""
    place, base_type = column_reference(chosen, found), found.column.base_type
    if base_type == "timestamptz":
        return place, join_remark(found)
    name = comment_text(found.column.name)
    if base_type == "date":
        remark = f"TODO {name} is a date: select the time at which it happened"
        return f"{place}::timestamp at time zone 'UTC'", remark
    return f"{place} at time zone 'UTC'", f"guess: {name} has no zone: is it written in UTC?"


def join_remark(found: FoundColumn) -> str:
    """Return the remark of a column of a joined table; empty for one of the view's own table."""
    return "" if found.joined is None else f"guess: from {comment_text(found.joined.sql)}"


def values_remark(column: Column) -> str:
    """Return a remark with the values that the catalog knows of a column."""
    shown = ", ".join(column.values[:12])
    if not shown:
        return "its values are not known: which are there?"
    return f"{comment_text(column.name)} has {comment_text(shown)}"


def sql_list(words: Sequence[str]) -> str:
    """Return words as literals of SQL, with commas between them."""
    return ", ".join(f"'{word}'" for word in words)


def comment_text(text: str) -> str:
    """Return a text on one line, so that all of it stays in a comment of SQL."""
    return " ".join(text.split())
