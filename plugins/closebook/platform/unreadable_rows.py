"""Find the row for which a view of the source contract raises an error, such as a cast that fails.

PostgreSQL says which error it is, and neither the view nor the row. So parts of the views are read
again, within a limit of time: first each view, then each of its columns, then ever smaller ranges
of its keys. No value of a row is read or shown, only keys.
"""

import logging
import time
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Self

import psycopg
from psycopg import sql
from psycopg.rows import dict_row, tuple_row

from closebook.errors import WrongData
from closebook.periods import Grain, Period, hour_of
from closebook.platform.contract import OPTIONAL, contract_of, optional_columns
from closebook.postgres import Fault, answer_within, fault_of
from closebook.sql import query

log = logging.getLogger(__name__)

SEARCH_SECONDS = 20.0
_ANSWER_SECONDS = 5.0
_LONGEST_KEY = 200  # characters of a key that an error shows
_KEYS = {
    "transactions": "transaction_id",
    "ledger_entries": "entry_id",
    "accounts": "account_id",
    "merchants": "merchant_id",
    "promotions": "promotion_id",
}
# The time by which a period's rows are selected. The other views have none.
_TIMES = {"transactions": "settled_at", "ledger_entries": "posted_at"}
_ALL = sql.SQL("true")


class UnreadableRow(WrongData):
    """A view of the source contract cannot compute a row."""

    def at(self, place: object) -> Self:
        """Return this error, whose text says the place now."""
        self.text = f"{self.text}; it is {place}"
        return self


class _OutOfTime(Exception):
    """The search has no time left for another query."""


@dataclass(frozen=True)
class _Place:
    """Where a view raises an error: for which column, and in which range of keys, if known."""

    view: str
    column: str | None
    first_key: object = None
    last_key: object = None

    def __str__(self) -> str:
        key, view = _KEYS[self.view], f"the view {self.view}"
        # Without a column the rows cannot even be counted.
        where = f"{view}, already for its rows to be found" if self.column is None else view
        where = where if self.column is None else f"the column {self.column} of {where}"
        if self.first_key is None:
            return where
        first, last = (str(each)[:_LONGEST_KEY] for each in (self.first_key, self.last_key))
        if self.first_key == self.last_key:
            return f"{where}, in the row with {key} {first}"
        return f"{where}, in a row with {key} from {first} to {last}"


def located(
    connection: psycopg.Connection[Any],
    period: Period,
    in_major: Collection[str],
    error: UnreadableRow,
) -> UnreadableRow:
    """Return the error with the view, the column and the key of a row, as far as they are found.

    The transaction of the connection is rolled back, and the rows are read again in new ones. If
    several rows fail, the one with the lowest key is named. Never raises.
    """
    found: _Place | None = None
    try:
        connection.rollback()
        for found in _Search(connection, period, in_major).places():
            log.debug("a row that cannot be computed is in %s", found)
    except (psycopg.Error, _OutOfTime) as end:
        log.info("the search for the row ended early: %s", type(end).__name__)
    return error if found is None else error.at(found)


@dataclass(frozen=True)
class _Search:
    connection: psycopg.Connection[Any]
    period: Period
    in_major: Collection[str]
    deadline: float = field(default_factory=lambda: time.monotonic() + SEARCH_SECONDS)

    def places(self) -> Iterator[_Place]:
        """Yield ever smaller places. Raises _OutOfTime, and what psycopg raises."""
        optional = self._optional_columns()
        for view, of_contract in contract_of(self.in_major).items():
            columns = [*of_contract, *(sorted(optional) if view in OPTIONAL else ())]
            if self._fails(view, [*columns]):
                column = next((each for each in columns if self._fails(view, [each])), None)
                if self._fails(view, []):
                    column = None
                yield _Place(view, column)
                yield from self._ranges(view, column)
                return

    def _optional_columns(self) -> Collection[str]:
        with self.connection.transaction(), self.connection.cursor(row_factory=dict_row) as cursor:
            views = {"views": [*OPTIONAL]}
            columns = cursor.execute(query("replica/contract_columns"), views).fetchall()
        return optional_columns(columns, self.in_major)

    def _ranges(self, view: str, column: str | None) -> Iterator[_Place]:
        columns = [] if column is None else [column]
        key = sql.Identifier(_KEYS[view])

        def selected(share: float) -> sql.Composable:
            # Of all types of keys: PostgreSQL has no min of uuid before version 18.
            return sql.SQL("percentile_disc({}) within group (order by {})").format(share, key)

        def is_within(first: object, last: object) -> sql.Composable:
            return sql.SQL("{} between {} and {}").format(key, first, last)

        if self._fails(view, [_KEYS[view]]):
            return
        first, last = self._row(view, sql.SQL(", ").join([selected(0), selected(1)]), _ALL)
        # A view that computes rows which nobody asked for fails for each range, also an empty one.
        # guard: unreadable.ranges-select
        if first is None or self._fails(view, columns, sql.SQL("{} > {}").format(key, last)):
            return
        while first != last:
            [middle] = self._row(view, selected(0.5), is_within(first, last))
            if self._fails(view, columns, is_within(first, middle)):
                last = middle
            else:
                behind = sql.SQL("{} > {}").format(key, middle)
                [first] = self._row(
                    view, selected(0), sql.SQL(" and ").join([is_within(first, last), behind])
                )
            yield _Place(view, column, first, last)
        yield _Place(view, column, first, last)

    def _fails(self, view: str, columns: Sequence[str], condition: sql.Composable = _ALL) -> bool:
        """Whether the view raises an error for one of these columns in one of its rows."""
        counts = [sql.SQL("count({})").format(sql.Identifier(column)) for column in columns]
        try:
            self._row(view, sql.SQL(", ").join([sql.SQL("count(*)"), *counts]), condition)
        except psycopg.Error as error:
            if fault_of(error) is Fault.ROWS:
                return True
            raise
        return False

    def _row(self, view: str, selected: sql.Composable, condition: sql.Composable) -> Any:
        """Read one row of aggregates, in a transaction of its own. Raises _OutOfTime."""
        seconds = self.deadline - time.monotonic()
        if seconds <= 0:
            raise _OutOfTime
        text = sql.SQL("select {} from {} where {} and {}").format(
            selected, sql.Identifier("reporting_source", view), self._of_period(view), condition
        )
        limit = sql.SQL("set local statement_timeout = {}").format(f"{seconds:.3f}s")
        with (
            answer_within(self.connection, seconds + _ANSWER_SECONDS),
            self.connection.transaction(),
        ):
            self.connection.execute(limit)  # guard: unreadable.bounded-time
            with self.connection.cursor(row_factory=tuple_row) as cursor:
                return cursor.execute(text).fetchone()

    def _of_period(self, view: str) -> sql.Composable:
        """The condition that selects the rows that a close of the period reads."""
        if view not in _TIMES:
            return _ALL
        time_column = sql.Identifier(_TIMES[view])
        parts = [sql.SQL("{} < {}").format(time_column, self.period.end)]
        # A month adds up each balance from the first entry on.
        if view != "ledger_entries" or self.period.grain is not Grain.MONTH:
            parts.append(sql.SQL("{} >= {}").format(time_column, self.period.start))
        if view == "transactions":
            # As in shared/settled_transactions.sql: the index is over the hour.
            hour = sql.SQL("date_bin('1 hour', {}, timestamptz '2000-01-01 00:00:00+00')").format(
                time_column
            )
            parts.append(sql.SQL("{} < {}").format(hour, self.period.end))
            parts.append(sql.SQL("{} >= {}").format(hour, hour_of(self.period.start).start))
        return sql.SQL(" and ").join(parts)
