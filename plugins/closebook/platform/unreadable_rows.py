"""Find the row for which a view of the source contract raises an error, such as a cast that fails.

PostgreSQL says which error it is, and neither the view nor the row. So parts of the views are read
again, within a limit of time: first each view, then each of its columns, then ever smaller ranges
of its keys. No value of a row is read or shown, only keys.
"""

import logging
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from typing import Any, Self

import psycopg
from psycopg import sql

from closebook.errors import WrongData
from closebook.periods import Grain, Period
from closebook.platform.contract import contract_of, optional_of
from closebook.platform.view_probes import (
    KEYS,
    ViewProbe,
    behind,
    between,
    both,
    of_period,
    percentile,
)

log = logging.getLogger(__name__)

SEARCH_SECONDS = 20.0
_LONGEST_KEY = 200  # characters of a key that an error shows


class UnreadableRow(WrongData):
    """A view of the source contract cannot compute a row."""

    def at(self, place: object) -> Self:
        """Return this error, whose text says the place now."""
        self.text = f"{self.text}; it is {place}"
        return self


@dataclass(frozen=True)
class _Place:
    """Where a view raises an error: for which column, and in which range of keys, if known."""

    view: str
    column: str | None
    first_key: object = None
    last_key: object = None

    def __str__(self) -> str:
        key, view = KEYS[self.view], f"the view {self.view}"
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
    except psycopg.Error as end:
        log.info("the search for the row ended early: %s", type(end).__name__)
    return error if found is None else error.at(found)


@dataclass(frozen=True)
class _Search:
    connection: psycopg.Connection[Any]
    period: Period
    in_major: Collection[str]
    probe: ViewProbe = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "probe", ViewProbe(self.connection, SEARCH_SECONDS))

    def places(self) -> Iterator[_Place]:
        """Yield ever smaller places. Raises psycopg.Error, also when no time is left."""
        optional = self.probe.optional_columns(self.in_major)
        for view, of_contract in contract_of(self.in_major).items():
            columns = [*of_contract, *optional_of(view, optional, self.in_major)]
            rows = self._of_period(view)
            if self.probe.fails(view, [*columns], rows):
                column = next(
                    (each for each in columns if self.probe.fails(view, [each], rows)), None
                )
                if self.probe.fails(view, [], rows):
                    column = None
                yield _Place(view, column)
                yield from self._ranges(view, column)
                return

    def _of_period(self, view: str) -> sql.Composable:
        # A month adds up each balance from the first entry on.
        is_month = self.period.grain is Grain.MONTH
        since_ever = is_month and view == "ledger_entries"
        return of_period(view, self.period, is_since_ever=since_ever)

    def _ranges(self, view: str, column: str | None) -> Iterator[_Place]:
        columns = [] if column is None else [column]
        rows, probe = self._of_period(view), self.probe
        if probe.fails(view, [KEYS[view]], rows):
            return
        ends = sql.SQL(", ").join([percentile(view, 0), percentile(view, 1)])
        first, last = probe.row(view, ends, rows)
        # A view that computes rows which nobody asked for fails for each range, also an empty one.
        # guard: unreadable.ranges-select
        if first is None or probe.fails(view, columns, both(rows, behind(view, last))):
            return
        while first != last:
            middle = probe.middle(view, first, last, rows)
            if probe.fails(view, columns, both(rows, between(view, first, middle))):
                last = middle
            else:
                left = both(rows, between(view, first, last))
                [first] = probe.row(view, percentile(view, 0), both(left, behind(view, middle)))
            yield _Place(view, column, first, last)
        yield _Place(view, column, first, last)
