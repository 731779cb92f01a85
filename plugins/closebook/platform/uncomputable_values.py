"""Search for the values that the platform's views cannot compute, and read all others.

PostgreSQL ends a whole query when one cast of one row fails. So after such an error the period is
searched for all values that fail, in the snapshot that is read then: the rows of a column are
halved by their time, or else by their key, until the keys are known (a binary search). Then the
period is read with null in place of these values, as if the views gave null there. The close leaves
out the accounts and currencies that lack a value.
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
from closebook.platform.contract import contract_of
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
"""If more values of a period fail, the view is wrong, and not single rows: the close stops."""

HOUR_COLUMNS = frozenset({"currency", "kind", "amount", "fee", "discount", "status"})
_DAY_COLUMNS = HOUR_COLUMNS | {"user_country", "merchant_id", "promotion_id"}
_BALANCE_COLUMNS = frozenset({"account_id", "currency", "amount"})
# The column by which a row is left out. If it cannot be computed, nobody knows what to leave out.
_OWNERS = {"transactions": "currency", "ledger_entries": "account_id"}
# A null in an optional column does not leave its account out. So whatever value of a row cannot be
# computed, this one is read as null too: no statement may lack it, and the account is left out.
_REQUIRED = {"ledger_entries": "description", "accounts": "holder_name"}
_UNITS = re.compile(r"_(?:minor|major)$")
_FROM_VIEW = re.compile(r"\b(from|join) reporting_source\.(\w+)\b")


@dataclass(frozen=True)
class UncomputableValue:
    """A value that a view cannot compute: its column, and the key, account and currency of its row.

    ``at`` is the row's time. Only rows of transactions and entries have a time, an account or a
    currency. ``currency`` is empty if it is the value that cannot be computed.
    """

    view: str
    column: str
    key: Key
    account_id: Key | None = None
    currency: str = ""
    at: datetime | None = None

    @property
    def is_of_an_hour(self) -> bool:
        """Whether the close of an hour reads it. The close of a day reads more columns."""
        return self.view == "transactions" and _plain(self.column) in HOUR_COLUMNS


class _NotLeftOut(Exception):
    """There are too many values, or it is not known which values or accounts to leave out."""


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

    # Its names are those of the contract, and the keys are bound parameters.
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
        # The balances of a month are sums of all entries since the first one.
        yield _Scope("ledger_entries", of_balance, is_since_ever=is_month)
        if is_month:
            optional = sorted(self.probe.optional_columns(self.in_major))
            of_lines = [each for each in others("ledger_entries") if each not in of_balance]
            yield _Scope("ledger_entries", [*of_lines, *optional])
            yield _Scope("accounts", others("accounts"))

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
        # Some views compute more rows than are selected: they fail for an empty selection too.
        if self.probe.fails(view, [column], within(view, end, end)):
            raise _NotLeftOut
        yield from self._halves(view, column, start, end)

    def _halves(
        self, view: str, column: str, start: datetime, end: datetime
    ) -> Iterator[sql.Composable]:
        """Yield the seconds in which the column fails, of a time in which it fails."""
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
        if (
            found is None or found[0][0] is None
        ):  # the key cannot be computed either, or there is no row
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
        """Yield the value of each row with this key, with the row's account and currency."""
        if view not in _OWNERS:
            yield UncomputableValue(view, column, key)
            return
        names = [_OWNERS[view], TIMES[view], "currency"]
        rows = self.probe.selected(view, _selected(names), condition)
        if rows is None:  # the currency of an entry cannot be computed either, or the owner
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
