"""Expressions of SQL for the columns of a drafted view, and the remarks above them."""

from collections.abc import Sequence
from dataclasses import dataclass

from psycopg import sql

from closebook.adoption.candidates import Candidate, Found
from closebook.adoption.platform_catalog import Column, Table
from closebook.adoption.vocabulary import normal


@dataclass(frozen=True)
class Selected:
    """A column of a view: its name, the expression, and the remark above it."""

    name: str
    expression: str
    remark: str = ""

    @property
    def lines(self) -> list[str]:
        is_same = self.expression.rpartition(".")[2] == self.name
        is_renamed = not is_same and self.expression.startswith(("base.", "joined_"))
        said = self.remark or ("guess: by its name and type" if is_renamed else "")
        remark = [f"    -- {said}"] if said else []
        return [*remark, f"    {self.expression}" + ("" if is_same else f" as {self.name}")]


def case_of(branches: Sequence[tuple[str, str]], otherwise: str | None = None) -> str:
    """Return a case expression, one branch a line."""
    lines = [f"when {condition} then {value}" for condition, value in branches]
    lines += [] if otherwise is None else [f"else {otherwise}"]
    return "\n        ".join(["case", *lines]) + "\n    end"


def nothing(*columns: str) -> list[Selected]:
    named = (column.partition(":") for column in columns)
    return [Selected(name, f"null::{type_name or 'text'}") for name, _, type_name in named]


def number_of_status(table: Table) -> Column | None:
    return next(
        (
            column
            for column in table.columns
            if normal(column.name) in ("payment_status", "status", "state")
            and column.base_type in ("int2", "int4", "int8")
        ),
        None,
    )


def place_of(chosen: Candidate, found: Found) -> str:
    if found.joined is None:
        return f"base.{found.column.sql}"
    number = [*chosen.joins].index(found.joined.table_id) + 1
    return f"joined_{number}.{found.column.sql}"


def quoted(table: Table, name: str) -> str:
    column = table.column(name)
    return sql.Identifier(name).as_string() if column is None else column.sql


def cast_to(expression: str, type_name: str) -> str:
    is_simple = all(character not in expression for character in " (") or (
        expression.startswith("'") and expression.count("'") == 2  # noqa: PLR2004  # one literal
    )
    return f"{expression}::{type_name}" if is_simple else f"({expression})::{type_name}"


def contract_text(column: Column) -> str:
    """Return text for what the contract takes as text, and nothing for what needs a cast to it."""
    return "text" if column.base_type in ("text", "varchar") and not column.is_enum else ""


def as_text(place: str, column: Column) -> str:
    return place if contract_text(column) else f"{place}::text"


def instant_of(chosen: Candidate, found: Found) -> tuple[str, str]:
    place, base_type = place_of(chosen, found), found.column.base_type
    if base_type == "timestamptz":
        return place, guess_of(found)
    name = comment_text(found.column.name)
    if base_type == "date":
        remark = f"TODO {name} is a date: select the time at which it happened"
        return f"{place}::timestamp at time zone 'UTC'", remark
    return f"{place} at time zone 'UTC'", f"guess: {name} has no zone: is it written in UTC?"


def guess_of(found: Found) -> str:
    return "" if found.joined is None else f"guess: from {comment_text(found.joined.sql)}"


def values_of(column: Column) -> str:
    shown = ", ".join(column.values[:12])
    if not shown:
        return "its values are not known: which are there?"
    return f"{comment_text(column.name)} has {comment_text(shown)}"


def listed(words: Sequence[str]) -> str:
    return ", ".join(f"'{word}'" for word in words)


def comment_text(text: str) -> str:
    """Return a text that cannot end the line of a comment."""
    return " ".join(text.split())
