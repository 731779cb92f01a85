"""Tie-outs: each file sql/*/check_*.sql selects the rows that do not add up.

A check passes when its query selects no row.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg import sql
from psycopg.rows import DictRow
from psycopg.types.json import Jsonb

from closebook.errors import WrongData
from closebook.periods import Period
from closebook.settings import Run
from closebook.sql import query

SAMPLE_ROWS = 20
# The store counts the rows, since a month may have millions that differ. Materialized, so that
# PostgreSQL plans for all rows and not for the first twenty.
_COUNTED = sql.SQL("""
with selected as materialized (
{}
)

select selected.*, (select count(*) from selected) as selected_count from selected limit {}
""")


@dataclass(frozen=True)
class SelectedRows:
    """The rows that a query selected: their number, and the first SAMPLE_ROWS of them."""

    count: int = 0
    first: Sequence[Mapping[str, Any]] = ()


@dataclass(frozen=True)
class TieOut:
    """The result of one check of one period: the number of offending rows, and a sample as JSON."""

    check_name: str
    period: Period
    offending_count: int
    offending_sample: list[dict[str, Any]]


class TieOutFailed(WrongData):
    """A check selected rows, so the close stops and writes nothing.

    ``proof`` says what was compared, for example the file of the check.
    """

    def __init__(self, code: str, tie_out: TieOut, proof: str) -> None:
        self.tie_out = tie_out
        rows = "; ".join(
            ", ".join(f"{column}={value}" for column, value in row.items())
            for row in tie_out.offending_sample
        )
        super().__init__(
            code,
            f"{tie_out.period}: {tie_out.check_name} found {tie_out.offending_count} rows that do "
            f"not tie out ({proof}): {rows}",
        )


def tie_out(
    store: psycopg.Connection[DictRow], check_file: str, close_id: int, period: Period
) -> TieOut:
    """Run sql/<check_file>.sql on a close. Raises TieOutFailed if it selects rows."""
    result = run_check(store, check_file, close_id, period)
    if result.offending_count:
        # guard: store.tie-outs
        raise TieOutFailed("CB-DATA-CHECK-FAILED", result, proof=f"sql/{check_file}.sql")
    return result


def run_check(
    store: psycopg.Connection[DictRow], check_file: str, close_id: int, period: Period
) -> TieOut:
    """Run sql/<check_file>.sql on a close and return its result, whether it passes or not."""
    selected = count_and_sample(store, check_file, {"close_id": close_id})
    return result_of(check_name_of(check_file), period, selected)


def check_name_of(check_file: str) -> str:
    """Return the name of a check in the store: its file name without ``check_``."""
    return check_file.rpartition("/check_")[2]


def count_and_sample(
    store: psycopg.Connection[DictRow], name: str, parameters: Mapping[str, object]
) -> SelectedRows:
    """Run sql/<name>.sql: count all rows that it selects and fetch the first SAMPLE_ROWS."""
    # guard: store.fetches-few-offending-rows
    counted = _COUNTED.format(sql.SQL(query(name)), SAMPLE_ROWS)
    rows = store.execute(counted, parameters).fetchall()
    count = max((row.pop("selected_count") for row in rows), default=0)
    return SelectedRows(count, rows)  # guard: store.counts-all-offending-rows


def result_of(check_name: str, period: Period, selected: SelectedRows = SelectedRows()) -> TieOut:
    """Return the result of a check that selected these rows; without rows, one that passed."""
    sample = [
        {column: _json_value(value) for column, value in row.items()} for row in selected.first
    ]
    return TieOut(check_name, period, selected.count, sample)


def record(
    store: psycopg.Connection[DictRow], result: TieOut, close_id: int | None, run: Run
) -> None:
    """Write the result of a check to reporting.tie_outs.

    ``close_id`` is the close that was checked, or None if the check stopped that close.
    """
    record_all(store, [(result, close_id)], run)


def record_all(
    store: psycopg.Connection[DictRow], results: Sequence[tuple[TieOut, int | None]], run: Run
) -> None:
    """Write the results of checks at once, each with the close that was checked."""
    found = [result for result, _ in results]
    store.execute(
        query("tie_outs/insert"),
        {
            "close_ids": [close_id for _, close_id in results],
            "grains": [str(result.period.grain) for result in found],
            "period_starts": [result.period.start for result in found],
            "check_names": [result.check_name for result in found],
            "offending_counts": [result.offending_count for result in found],
            "offending_samples": [Jsonb(result.offending_sample) for result in found],
            "run_id": run.run_id,
        },
    )


def _json_value(value: object) -> object:
    return value if value is None or isinstance(value, bool | int | str) else str(value)
