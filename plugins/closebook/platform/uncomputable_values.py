"""The values that the platform's views cannot compute, and reading its other values without them.

PostgreSQL ends a whole query when one cast of one row fails. So after such an error all values of
the period that fail are looked for, in the snapshot that is read then: a column's rows are halved
by their time, or else by their key, until the keys are known. Then the period is read with null in
place of these values, as if the views gave null there. What lacks a value is left out by its
account or currency.
"""

import logging
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, LiteralString

import psycopg
from psycopg import sql

from closebook.keys import Key
from closebook.periods import SECOND, Grain, Period
from closebook.platform.contract import contract_of, optional_of
from closebook.platform.view_probes import (
    ALL,
    KEYS,
    TIMES,
    ViewProbe,
    behind,
    between,
    both,
    of_period,
    percentile,
    within,
)

log = logging.getLogger(__name__)

SEARCH_SECONDS = 60.0
MOST_VALUES = 100
"""If more values of a period fail, the view is wrong and not a row: the close stops."""

HOUR_COLUMNS = frozenset({"currency", "kind", "amount", "fee", "discount", "status"})
_DAY_COLUMNS = HOUR_COLUMNS | {"user_country", "merchant_id", "promotion_id"}
_BALANCE_COLUMNS = frozenset({"account_id", "currency", "amount"})
# The column that says whose a row is. Without it, it may be a row of any account or currency.
_OWNERS = {"transactions": "currency", "ledger_entries": "account_id"}
# A value that may be missing leaves no account out. So a row with a value that cannot be computed
# lacks this one too, which no statement may lack.
_REQUIRED = {"ledger_entries": "description", "accounts": "holder_name"}
_UNITS = re.compile(r"_(?:minor|major)$")
_FROM_VIEW = re.compile(r"\b(from|join) reporting_source\.(\w+)\b")


@dataclass(frozen=True)
class UncomputableValue:
    """A value that a view cannot compute: its column, its row's key, and whose the row is.

    ``at`` is the row's time. The other views than those of transactions and entries have no time,
    and their rows belong to nobody. ``currency`` is empty where it is what cannot be computed.
    """

    view: str
    column: str
    key: Key
    account_id: Key | None = None
    currency: str = ""
    at: datetime | None = None

    @property
    def is_of_an_hour(self) -> bool:
        """Whether the close of an hour reads it; that of a day reads more columns."""
        return self.view == "transactions" and _plain(self.column) in HOUR_COLUMNS


class _NotLeftOut(Exception):
    """The values are too many to leave them out, or it is not known which or whose they are."""


def found_in(
    connection: psycopg.Connection[Any], period: Period, in_major: Collection[str]
) -> Sequence[UncomputableValue] | None:
    """Return all values that the views cannot compute for a close of the period.

    The open transaction of the connection goes on with its snapshot. Returns None if they cannot
    be left out: there are more than MOST_VALUES, the search takes longer than SEARCH_SECONDS, a key
    or time cannot be computed, or the account or currency of a row. Raises psycopg.Error if the
    server is lost.
    """
    search = _Search(ViewProbe(connection, SEARCH_SECONDS), period, in_major)
    try:
        # The limits of the search end with it.
        with connection.transaction(force_rollback=True):
            return search.values()
    except _NotLeftOut:
        log.info("%s: the values that cannot be computed cannot be left out", period)
    except psycopg.Error:
        if not search.probe.is_over:
            raise
    return None


def without(
    text: LiteralString,
    parameters: Mapping[str, object],
    values: Sequence[UncomputableValue],
    columns: Mapping[str, Collection[str]],
) -> tuple[LiteralString, Mapping[str, object]]:
    """Return a query and its parameters, with null in place of these values.

    ``columns`` are those of each view. Inside of a case PostgreSQL does not compute the value.
    """
    keys: dict[tuple[str, str], set[str]] = {}
    for value in values:
        required = {_REQUIRED.get(value.view, value.column)}
        for column in required | {value.column}:
            keys.setdefault((value.view, column), set()).add(str(value.key))
    bound = dict(parameters)

    def expression(view: str, column: str) -> str:
        if (view, column) not in keys:
            return column
        name = f"uncomputable_{view}_{column}"
        bound[name] = sorted(keys[view, column])
        # guard: uncomputable.null-in-its-place
        is_computable = f"{KEYS[view]}::text <> all(%({name})s::text[])"
        return f"case when {is_computable} then {column} end as {column}"

    def subquery(found: re.Match[str]) -> str:
        word, view = found.groups()
        if not any(each == view for each, _ in keys):
            return found.group()
        selected = ", ".join(expression(view, column) for column in columns[view])
        return f"{word} (select {selected} from reporting_source.{view}) as {view}"  # noqa: S608

    # All names in it are those of the contract, and the keys are bound.
    return _FROM_VIEW.sub(subquery, text), bound


@dataclass(frozen=True)
class _Scope:
    """The columns of a view that a close reads, and from which rows."""

    view: str
    columns: Sequence[str]
    is_since_ever: bool = False


@dataclass(frozen=True)
class _Search:
    probe: ViewProbe
    period: Period
    in_major: Collection[str]

    def values(self) -> list[UncomputableValue]:
        """Return all values. Raises _NotLeftOut, and psycopg.Error also when no time is left."""
        values: list[UncomputableValue] = []
        for scope in self._scopes():
            for value in self._of_scope(scope):
                values.append(value)
                if len(values) > MOST_VALUES:  # guard: uncomputable.bounded-number
                    raise _NotLeftOut
        return values

    def _scopes(self) -> Iterator[_Scope]:
        grain, contract = self.period.grain, contract_of(self.in_major)

        def chosen(view: str, plain: Collection[str]) -> list[str]:
            return [each for each in contract[view] if _plain(each) in plain]

        def others(view: str) -> list[str]:
            aside = {KEYS[view], TIMES.get(view)}
            return [each for each in contract[view] if each not in aside]

        columns = HOUR_COLUMNS if grain is Grain.HOUR else _DAY_COLUMNS
        yield _Scope("transactions", chosen("transactions", columns))
        if grain is Grain.HOUR:
            return
        yield _Scope("merchants", others("merchants"))
        yield _Scope("promotions", others("promotions"))
        of_balance = chosen("ledger_entries", _BALANCE_COLUMNS)
        is_month = grain is Grain.MONTH
        # A month adds up each balance from the first entry on.
        yield _Scope("ledger_entries", of_balance, is_since_ever=is_month)
        if is_month:
            found = self.probe.optional_columns(self.in_major)

            def optional(view: str) -> list[str]:
                return optional_of(view, found, self.in_major)

            of_lines = [each for each in others("ledger_entries") if each not in of_balance]
            yield _Scope("ledger_entries", [*of_lines, *optional("ledger_entries")])
            yield _Scope("accounts", [*others("accounts"), *optional("accounts")])

    def _of_scope(self, scope: _Scope) -> Iterator[UncomputableValue]:
        view, probe = scope.view, self.probe
        rows = of_period(view, self.period, is_since_ever=scope.is_since_ever)
        if not probe.fails(view, scope.columns, rows):
            return
        for column in scope.columns:
            if probe.fails(view, [column], rows):
                for part in self._failing_parts(scope, column):
                    for key in self._failing_keys(view, column, part):
                        yield from self._rows_with(
                            view, column, key, both(part, between(view, key, key))
                        )

    def _failing_parts(self, scope: _Scope, column: str) -> Iterator[sql.Composable]:
        """Yield the conditions of the seconds in which the column fails, or of all rows."""
        view = scope.view
        if view not in TIMES:
            yield ALL
            return
        start, end = self.period.start, self.period.end
        if scope.is_since_ever:
            earliest = sql.SQL("min({})").format(sql.Identifier(TIMES[view]))
            rows = of_period(view, self.period, is_since_ever=True)
            start = self.probe.row(view, earliest, rows)[0].astimezone(UTC)
        # A view that computes rows which nobody asked for fails for each part, also an empty one.
        if self.probe.fails(view, [column], within(view, end, end)):
            raise _NotLeftOut
        yield from self._halves(view, column, start, end)

    def _halves(
        self, view: str, column: str, start: datetime, end: datetime
    ) -> Iterator[sql.Composable]:
        """Yield the failing seconds of a time in which the column fails."""
        if end - start <= SECOND:
            yield within(view, start, end)
            return
        middle = start + (end - start) / 2
        is_in_first = self.probe.fails(view, [column], within(view, start, middle))
        if is_in_first:
            yield from self._halves(view, column, start, middle)
        if not is_in_first or self.probe.fails(view, [column], within(view, middle, end)):
            yield from self._halves(view, column, middle, end)

    def _failing_keys(self, view: str, column: str, part: sql.Composable) -> Iterator[Key]:
        """Yield the keys of the rows for which the column fails, in a part in which it fails."""
        ends = sql.SQL(", ").join([percentile(view, 0), percentile(view, 1)])
        found = self.probe.selected(view, ends, part)
        if found is None or found[0][0] is None:  # the key itself, or a row that is not there
            raise _NotLeftOut
        first, last = found[0]
        if self.probe.fails(view, [column], both(part, behind(view, last))):
            raise _NotLeftOut
        ranges = [(first, last)]
        while ranges:
            first, last = ranges.pop()
            of_range = both(part, between(view, first, last))
            if not self.probe.fails(view, [column], of_range):
                continue
            if first == last:
                yield first
                continue
            middle = self.probe.middle(view, first, last, part)
            right = both(of_range, behind(view, middle))
            [after] = self.probe.row(view, percentile(view, 0), right)
            ranges += [(after, last), (first, middle)]

    def _rows_with(
        self, view: str, column: str, key: Key, condition: sql.Composable
    ) -> Iterator[UncomputableValue]:
        """Yield the value of each row with this key, with whose row it is."""
        if view not in _OWNERS:
            yield UncomputableValue(view, column, key)
            return
        names = [_OWNERS[view], TIMES[view], "currency"]
        rows = self.probe.selected(view, _selected(names), condition)
        if rows is None:  # the currency of an entry, or whose row it is
            rows = self.probe.selected(view, _selected(names[:2]), condition)
        if rows is None:  # guard: uncomputable.owner-is-known
            raise _NotLeftOut
        for owner, at, *currency in rows:
            yield UncomputableValue(
                view,
                column,
                key,
                account_id=owner if view == "ledger_entries" else None,
                currency=(currency[0] if currency else None) or "",
                at=at.astimezone(UTC),
            )


def _selected(columns: Sequence[str]) -> sql.Composable:
    return sql.SQL(", ").join(map(sql.Identifier, columns))


def _plain(column: str) -> str:
    """Return the name of a column without the unit of its amounts."""
    return _UNITS.sub("", column)
