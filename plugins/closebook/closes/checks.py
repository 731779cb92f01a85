"""Tie-outs: files sql/*/check_*.sql that select the rows that do not add up; none means they do."""

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
# The store counts; a month has millions of rows that may differ. Materialized, so that the plan is
# one for all rows, not for the first twenty.
_COUNTED = sql.SQL("""
with selected as materialized (
{}
)

select selected.*, (select count(*) from selected) as selected_count from selected limit {}
""")


@dataclass(frozen=True)
class Selected:
    """How many rows a query of offending rows selects, and the first SAMPLE_ROWS of them."""

    count: int = 0
    first: Sequence[Mapping[str, Any]] = ()


@dataclass(frozen=True)
class TieOut:
    """One check of one period: how many rows offended, and the first of them as JSON values."""

    check_name: str
    period: Period
    offending_count: int
    offending_sample: list[dict[str, Any]]


class TieOutFailed(WrongData):
    """A check selected rows: the close stops and nothing of it is written.

    ``proof`` says what was compared, such as the check's file.
    """

    def __init__(self, tie_out: TieOut, proof: str) -> None:
        self.tie_out = tie_out
        rows = "; ".join(
            ", ".join(f"{column}={value}" for column, value in row.items())
            for row in tie_out.offending_sample
        )
        super().__init__(
            f"{tie_out.period}: {tie_out.check_name} found {tie_out.offending_count} rows that do "
            f"not tie out ({proof}): {rows}"
        )


def tie_out(
    store: psycopg.Connection[DictRow], check_file: str, close_id: int, period: Period
) -> TieOut:
    """Run sql/<check_file>.sql on a close. Raises TieOutFailed if it selects rows."""
    result = look(store, check_file, close_id, period)
    if result.offending_count:
        raise TieOutFailed(result, proof=f"sql/{check_file}.sql")  # guard: store.tie-outs
    return result


def look(
    store: psycopg.Connection[DictRow], check_file: str, close_id: int, period: Period
) -> TieOut:
    """Run sql/<check_file>.sql on a close, whatever it selects."""
    selected = select(store, check_file, {"close_id": close_id})
    return found(check_name_of(check_file), period, selected)


def check_name_of(check_file: str) -> str:
    """Return the name that the store keeps: ``hours_equal_day`` of its file."""
    return check_file.rpartition("/check_")[2]


def select(
    store: psycopg.Connection[DictRow], name: str, parameters: Mapping[str, object]
) -> Selected:
    """Run sql/<name>.sql, whose rows offend: all are counted, SAMPLE_ROWS of them are fetched."""
    # guard: store.fetches-few-offending-rows
    counted = _COUNTED.format(sql.SQL(query(name)), SAMPLE_ROWS)
    rows = store.execute(counted, parameters).fetchall()
    count = max((row.pop("selected_count") for row in rows), default=0)
    return Selected(count, rows)  # guard: store.counts-all-offending-rows


def found(check_name: str, period: Period, selected: Selected = Selected()) -> TieOut:
    """Return a check's result: how many rows offend, and the first of them."""
    sample = [
        {column: _json_value(value) for column, value in row.items()} for row in selected.first
    ]
    return TieOut(check_name, period, selected.count, sample)


def record(
    store: psycopg.Connection[DictRow], result: TieOut, close_id: int | None, run: Run
) -> None:
    """Add a tie-out to the store: close_id is that of the close that it is about.

    Without close_id for a check that stopped its close.
    """
    store.execute(
        query("tie_outs/insert"),
        {
            "close_id": close_id,
            "grain": result.period.grain,
            "period_start": result.period.start,
            "check_name": result.check_name,
            "offending_count": result.offending_count,
            "offending_sample": Jsonb(result.offending_sample),
            "run_id": run.run_id,
        },
    )


def _json_value(value: object) -> object:
    return value if value is None or isinstance(value, bool | int | str) else str(value)
