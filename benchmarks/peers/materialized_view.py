"""A materialized view of all days on the primary, refreshed plain and concurrently."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql

from benchmarks.legacy.old_report import COLUMNS, Row
from closebook.periods import Period

DEFINITION = Path(__file__).with_name("materialized_view.sql")
KEY = ("business_day", *COLUMNS[:6])
WORK_MEM = "64MB"
"""The setting of the reader's role, by which Closebook reads."""


@dataclass(frozen=True)
class MaterializedView:
    """The view, in the schema `peers` of the platform's database on the primary."""

    connection: psycopg.Connection[Any]

    @classmethod
    @contextmanager
    def make(cls, conninfo: str, time_zone: str) -> Iterator["MaterializedView"]:
        """Make the view with its rows; drop it at the end."""
        # A file of this repository, never input.
        definition = sql.SQL(DEFINITION.read_text(encoding="utf-8"))
        with psycopg.connect(conninfo, autocommit=True) as connection:
            connection.execute("select set_config('work_mem', %s, false)", [WORK_MEM])
            connection.execute("create schema if not exists peers")
            connection.execute("drop materialized view if exists peers.daily_volume")
            connection.execute(
                sql.SQL("create materialized view peers.daily_volume as {}").format(
                    definition.format(time_zone=sql.Literal(time_zone))
                )
            )
            # Needed to refresh concurrently.
            key = sql.SQL(", ").join(map(sql.Identifier, KEY))
            connection.execute(
                sql.SQL("create unique index on peers.daily_volume ({})").format(key)
            )
            connection.execute("analyze peers.daily_volume")
            try:
                yield cls(connection)
            finally:
                connection.execute("drop materialized view peers.daily_volume")

    def refresh(self) -> None:
        """Compute all days again; nobody can read meanwhile."""
        self.connection.execute("refresh materialized view peers.daily_volume")

    def refresh_concurrently(self) -> None:
        """Compute all days again while others read, and write what differs."""
        self.connection.execute("refresh materialized view concurrently peers.daily_volume")

    def day_count(self) -> int:
        """How many days it holds, all of which a refresh computes."""
        [(count,)] = self.connection.execute(
            "select count(distinct business_day) from peers.daily_volume"
        ).fetchall()
        return int(count)

    def rows(self, day: Period) -> list[Row]:
        """The rows of one day, in the order of COLUMNS."""
        return rows_of(self.connection, "daily_volume", day)


def rows_of(connection: psycopg.Connection[Any], table: str, day: Period) -> list[Row]:
    """The rows that a table of the schema `peers` has of one day, in the order of COLUMNS."""
    columns = sql.SQL(", ").join(map(sql.Identifier, COLUMNS))
    return connection.execute(
        sql.SQL("select {} from peers.{} where business_day = %s").format(
            columns, sql.Identifier(table)
        ),
        [day.first_date],
    ).fetchall()
