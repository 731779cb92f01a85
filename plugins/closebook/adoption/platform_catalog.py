"""The tables of a platform, from its database's catalog: columns, types, keys, references.

No row of these tables is read.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import psycopg
from psycopg.rows import dict_row

from closebook.errors import Misconfigured, Transient
from closebook.postgres import Fault, answer_within, connect, described, fault_of
from closebook.server_identity import command_conninfo
from closebook.sql import query

ANSWER_SECONDS = 60.0


@dataclass(frozen=True)
class Column:
    """A column. ``sql`` is its name as SQL writes it; ``values`` are those that are known."""

    name: str
    sql: str
    base_type: str
    type_name: str
    is_enum: bool = False
    is_nullable: bool = True
    is_key: bool = False
    is_primary: bool = False
    values: Sequence[str] = ()


@dataclass(frozen=True)
class Reference:
    """A foreign key of one column to a column of another table."""

    column: str
    table_id: int
    referred_column: str


@dataclass(frozen=True)
class Table:
    """A table or a view. ``sql`` is its name as SQL writes it."""

    table_id: int
    schema: str
    name: str
    sql: str
    row_estimate: int = 0
    columns: Sequence[Column] = ()
    references: Sequence[Reference] = field(default=())

    def column(self, name: str) -> Column | None:
        """The column of this name, or None."""
        return next((each for each in self.columns if each.name == name), None)

    @property
    def primary_key(self) -> Column | None:
        """The one column of the primary key, or None if the key has several or there is none."""
        return next((each for each in self.columns if each.is_primary), None)


Catalog = Mapping[int, Table]


def read_catalog(conninfo: str) -> Catalog:
    """Read the tables of a database, in a transaction that can write nothing.

    Raises Misconfigured for a connection string or a log-in that is refused, Transient for a server
    that cannot be reached.
    """
    try:
        with connect(command_conninfo(conninfo), row_factory=dict_row) as connection:
            connection.read_only = True
            with answer_within(connection, ANSWER_SECONDS):
                columns = connection.execute(query("adoption/columns")).fetchall()
                references = connection.execute(query("adoption/references")).fetchall()
    except psycopg.Error as error:
        if fault_of(error) is Fault.LOST:
            raise Transient(
                "CB-RETRY-PLATFORM-UNREACHABLE",
                f"the platform's database cannot be reached: {described(error)}",
            ) from None
        raise Misconfigured(
            "CB-CONFIG-PLATFORM-REFUSES",
            f"the platform's database refuses to show its catalog: {described(error)}",
        ) from None
    return catalog_of(columns, references)


def catalog_of(
    columns: Sequence[Mapping[str, Any]], references: Sequence[Mapping[str, Any]] = ()
) -> Catalog:
    """Return the tables that rows of sql/adoption/columns.sql and references.sql describe."""
    by_table: dict[int, list[Mapping[str, Any]]] = {}
    for row in columns:
        by_table.setdefault(row["table_id"], []).append(row)
    referring: dict[int, list[Reference]] = {}
    for row in references:
        reference = Reference(
            row["column_name"], row["referred_table_id"], row["referred_column_name"]
        )
        referring.setdefault(row["table_id"], []).append(reference)
    return {
        table_id: Table(
            table_id,
            rows[0]["schema_name"],
            rows[0]["table_name"],
            rows[0]["table_sql"],
            rows[0]["row_estimate"],
            tuple(map(_column, rows)),
            tuple(referring.get(table_id, ())),
        )
        for table_id, rows in by_table.items()
    }


def _column(row: Mapping[str, Any]) -> Column:
    return Column(
        row["column_name"],
        row["column_sql"],
        row["base_type"],
        row["type_name"],
        row["is_enum"],
        row["is_nullable"],
        row["is_key"],
        row["is_primary"],
        tuple(row["labels"]),
    )
