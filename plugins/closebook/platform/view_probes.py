"""Queries that show whether a view of the source contract can compute some of its rows.

They have a limit of time, and read no values but those of the columns that a caller names.
"""

import time
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import psycopg
from psycopg import sql
from psycopg.rows import TupleRow, dict_row, tuple_row

from closebook.periods import Period, hour_of
from closebook.platform.contract import OPTIONAL, optional_columns
from closebook.postgres import Fault, answer_within, fault_of, seconds_until
from closebook.sql import query

ANSWER_SECONDS = 5.0
KEYS = {
    "transactions": "transaction_id",
    "ledger_entries": "entry_id",
    "accounts": "account_id",
    "merchants": "merchant_id",
    "promotions": "promotion_id",
}
TIMES = {"transactions": "settled_at", "ledger_entries": "posted_at"}
"""The column by which a period's rows are selected. The other views have none."""

ALL = sql.SQL("true")


@dataclass(frozen=True)
class ViewProbe:
    """A connection to a replica, and the time until which queries may be sent.

    Each query is a transaction of its own, or a savepoint where one is open. So an error of one
    query does not end the next.
    """

    connection: psycopg.Connection[Any]
    seconds: float
    deadline: float = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "deadline", time.monotonic() + self.seconds)

    @property
    def is_over(self) -> bool:
        """Whether no time is left."""
        return time.monotonic() >= self.deadline

    def optional_columns(self, in_major: Collection[str]) -> frozenset[str]:
        """Return the optional columns of the contract that the views have."""
        with self.connection.transaction(), self.connection.cursor(row_factory=dict_row) as cursor:
            views = {"views": [*OPTIONAL]}
            columns = cursor.execute(query("replica/contract_columns"), views).fetchall()
        return optional_columns(columns, in_major)

    def fails(self, view: str, columns: Sequence[str], condition: sql.Composable) -> bool:
        """Whether the view raises an error for one of these columns in one of these rows.

        Raises psycopg.Error for a server that is lost, and when no time is left.
        """
        counts = [sql.SQL("count({})").format(sql.Identifier(column)) for column in columns]
        selected = sql.SQL(", ").join([sql.SQL("count(*)"), *counts])
        return self.selected(view, selected, condition) is None

    def selected(
        self, view: str, expressions: sql.Composable, condition: sql.Composable
    ) -> list[TupleRow] | None:
        """Return the rows of these expressions, or None if the view cannot compute them."""
        try:
            return self._rows(view, expressions, condition)
        except psycopg.Error as error:
            if fault_of(error) is Fault.ROWS:
                return None
            raise

    def row(self, view: str, expressions: sql.Composable, condition: sql.Composable) -> TupleRow:
        """Return the one row of aggregates over these rows."""
        [found] = self._rows(view, expressions, condition)
        return found

    def middle(self, view: str, first: object, last: object, rows: sql.Composable) -> Any:
        """Return a key of the range, but not its last one, with about half of its rows above."""
        before_last = sql.SQL("{} < {}").format(sql.Identifier(KEYS[view]), last)
        condition = both(both(rows, between(view, first, last)), before_last)
        return self.row(view, percentile(view, 0.5), condition)[0]

    def _rows(
        self, view: str, expressions: sql.Composable, condition: sql.Composable
    ) -> list[TupleRow]:
        seconds = seconds_until(self.deadline)
        text = sql.SQL("select {} from {} where {}").format(
            expressions, sql.Identifier("reporting_source", view), condition
        )
        limit = sql.SQL("set local statement_timeout = {}").format(f"{seconds:.3f}s")
        with (
            answer_within(self.connection, seconds + ANSWER_SECONDS),
            self.connection.transaction(),
        ):
            self.connection.execute(limit)  # guard: unreadable.bounded-time
            with self.connection.cursor(row_factory=tuple_row) as cursor:
                return cursor.execute(text).fetchall()


def within(view: str, start: datetime | None, end: datetime) -> sql.Composable:
    """Return the condition of the rows of a time; without a start it has no lower bound."""
    time_column = sql.Identifier(TIMES[view])
    parts = [sql.SQL("{} < {}").format(time_column, end)]
    if start is not None:
        parts.append(sql.SQL("{} >= {}").format(time_column, start))
        if view == "transactions":
            # As in shared/settled_transactions.sql: the index is over the hour.
            hour = sql.SQL("date_bin('1 hour', {}, timestamptz '2000-01-01 00:00:00+00')").format(
                time_column
            )
            parts.append(sql.SQL("{} < {}").format(hour, end))
            parts.append(sql.SQL("{} >= {}").format(hour, hour_of(start).start))
    return sql.SQL(" and ").join(parts)


def of_period(view: str, period: Period, *, is_since_ever: bool = False) -> sql.Composable:
    """Return the condition of the rows that a close of the period reads of a view."""
    if view not in TIMES:
        return ALL
    return within(view, None if is_since_ever else period.start, period.end)


def both(first: sql.Composable, second: sql.Composable) -> sql.Composable:
    """Return the condition of the rows that are in both."""
    return sql.SQL("{} and {}").format(first, second)


def percentile(view: str, share: float) -> sql.Composable:
    """Return the expression of the key before which this share of the rows is."""
    # Of all types of keys: PostgreSQL has no min of uuid before version 18.
    return sql.SQL("percentile_disc({}) within group (order by {})").format(
        share, sql.Identifier(KEYS[view])
    )


def between(view: str, first: object, last: object) -> sql.Composable:
    """Return the condition of the rows whose key is one of a range, both ends included."""
    return sql.SQL("{} between {} and {}").format(sql.Identifier(KEYS[view]), first, last)


def behind(view: str, key: object) -> sql.Composable:
    """Return the condition of the rows whose key is larger."""
    return sql.SQL("{} > {}").format(sql.Identifier(KEYS[view]), key)
