"""The statements of an issued month that differ from the release before it.

A reviewer sees each of them with the released version beside the new one, the lines that differ,
the reason of the run, and the requests that it answers.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from psycopg.rows import DictRow

from closebook.desk.search import StatementKey
from closebook.keys import Key, statement_name
from closebook.sql import query
from closebook.statements.release import IssuedMonth
from closebook.store.key_types import key_types_of
from closebook.store.session import Store

PAGE_STATEMENTS = 20
"""How many corrected statements one page shows."""
MAX_LINES = 20
"""How many differing lines of one statement a page shows. It says how many there are in all."""

_Of = tuple[Key, str]
"""The account and the currency of a statement."""


@dataclass(frozen=True)
class CorrectedStatement:
    """A statement that differs from the released one: its figures, lines and requests.

    ``figures`` is a row of sql/desk/corrected_statements.sql, ``lines`` are rows of
    corrected_lines.sql and ``requests`` of corrected_requests.sql.
    """

    figures: DictRow
    lines: Sequence[DictRow]
    requests: Sequence[DictRow]

    @property
    def is_new(self) -> bool:
        """Whether the release before had no such statement: it did not exist, or was left out."""
        return self.figures["old_close_id"] is None

    @property
    def is_gone(self) -> bool:
        """Whether the issued month has no statement of this account and currency any more."""
        return self.figures["new_close_id"] is None

    @property
    def name(self) -> str:
        """The name of the new version, or of the released one if the statement is gone."""
        of = self.figures
        close_id = of["old_close_id"] if self.is_gone else of["new_close_id"]
        return statement_name(close_id, of["account_id"], of["currency"])

    @property
    def line_counts(self) -> Mapping[str, int]:
        """How many lines were added, are gone, and have changed. A count of 0 is left out."""
        if not self.lines:
            return {}
        names = ("added", "gone", "changed")
        return {each: n for each in names if (n := self.lines[0][f"{each}_count"])}

    @property
    def hidden_line_count(self) -> int:
        """How many differing lines are not among ``lines``."""
        return sum(self.line_counts.values()) - len(self.lines)


@dataclass(frozen=True)
class Corrections:
    """One page of the differences between an issued month and the release before it.

    ``release`` is the row of sql/desk/release_before.sql, which counts all statements that differ.
    ``next_after`` is the key after which the next page begins, None on the last page.
    """

    release: DictRow
    statements: Sequence[CorrectedStatement]
    is_first: bool
    next_after: str | None


def corrections(store: Store, issued: IssuedMonth, after: str = "") -> Corrections | None:
    """Return the corrected statements that follow the key ``after``.

    None if no earlier close of the month was released.
    """
    close = {"close_id": issued.close_id}
    release = store.execute(query("desk/release_before"), close).fetchone()
    if release is None:
        return None
    last_shown = StatementKey.parse(after, key_types_of(store).accounts)
    rows = store.execute(
        query("desk/corrected_statements"),
        {
            **close,
            "after_account_id": last_shown.account_id if last_shown else None,
            "after_currency": last_shown.currency if last_shown else None,
            "row_count": PAGE_STATEMENTS + 1,
        },
    ).fetchall()
    shown = rows[:PAGE_STATEMENTS]
    lines, requests = _lines(store, issued, shown), _requests(store, issued, shown)
    statements = [
        CorrectedStatement(row, lines.get(_of(row), ()), requests.get(_of(row), ()))
        for row in shown
    ]
    next_after = statements[-1].name if len(rows) > PAGE_STATEMENTS else None
    return Corrections(release, statements, last_shown is None, next_after)


def _lines(store: Store, issued: IssuedMonth, shown: Sequence[DictRow]) -> dict[_Of, list[DictRow]]:
    parameters = {**_named(issued, shown), "most": MAX_LINES}
    return _by_statement(store.execute(query("desk/corrected_lines"), parameters).fetchall())


def _requests(
    store: Store, issued: IssuedMonth, shown: Sequence[DictRow]
) -> dict[_Of, list[DictRow]]:
    parameters = {
        **_named(issued, shown),
        "old_close_ids": [row["old_close_id"] for row in shown],
        "new_close_ids": [row["new_close_id"] for row in shown],
    }
    return _by_statement(store.execute(query("desk/corrected_requests"), parameters).fetchall())


def _named(issued: IssuedMonth, shown: Sequence[DictRow]) -> dict[str, object]:
    return {
        "close_id": issued.close_id,
        "account_ids": [row["account_id"] for row in shown],
        "currencies": [row["currency"] for row in shown],
    }


def _by_statement(rows: Sequence[DictRow]) -> dict[_Of, list[DictRow]]:
    found: dict[_Of, list[DictRow]] = defaultdict(list)
    for row in rows:
        found[_of(row)].append(row)
    return found


def _of(row: DictRow) -> _Of:
    return row["account_id"], row["currency"]
