"""The register of closes: versions of a period, written whole in one transaction or not at all."""

import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import Literal

import psycopg
from psycopg.rows import DictRow, dict_row

from closebook import checks
from closebook.checks import TieOut
from closebook.errors import Transient, WrongData
from closebook.periods import Period
from closebook.queries import query
from closebook.replicas import Source
from closebook.settings import Run, Settings, code_version

log = logging.getLogger(__name__)

Store = psycopg.Connection[DictRow]
Outcome = Literal["new", "changed", "confirmed", "overtaken"]


@dataclass(frozen=True)
class Close:
    """The current version of a period after a close, and how the close came out.

    new: the first version; changed: it supersedes ``replaced_close_id``; confirmed: the same
    numbers as before; overtaken: a close with a later fence was there first and stays.
    """

    close_id: int
    period: Period
    version: int
    outcome: Outcome
    replaced_close_id: int | None = None


@dataclass(frozen=True)
class ControlTotal:
    """What a bare scan of the source counted and added up: a measure in one currency."""

    measure: Literal["volume", "ledger"]
    currency: str
    row_count: int
    amount_minor: int


@dataclass(frozen=True)
class Content:
    """What a close of one grain writes: its rows, its control totals, what proves them.

    ``insert`` writes the rows under a close_id. ``changes`` names tables, each with its
    sql/reporting/<table>_changes.sql; ``requirements`` and ``tie_outs`` name files of sql/checks/
    that must select nothing before and after the rows are in.
    """

    insert: Callable[[int], None]
    totals: Sequence[ControlTotal]
    changes: Sequence[str]
    tie_outs: Sequence[str]
    requirements: Sequence[str] = ()


@contextmanager
def writing(settings: Settings, period: Period, run: Run) -> Iterator[Store]:
    """One transaction on the reporting store: committed at the end, or nothing of it is.

    A check that failed is recorded all the same, in a transaction of its own. Raises Transient
    when the store is out of reach, WrongData when it refuses the rows.
    """
    try:
        with store_connection(settings) as store:
            yield store
    except checks.TieOutFailed as failure:
        with store_connection(settings) as store:
            checks.record(store, failure.tie_out, None, run)
        raise
    except psycopg.OperationalError as error:
        raise Transient(f"{period}: the reporting store failed: {error}") from error
    except psycopg.Error as error:
        # The server's detail would show the row, with names in it.
        where = error.diag.constraint_name or error.diag.column_name or error.diag.table_name
        raise WrongData(
            f"{period}: the reporting store refused the rows ({type(error).__name__} at {where}); "
            "compare the platform's data with docs/contract.md"
        ) from error


def store_connection(settings: Settings) -> Store:
    """Connect to the reporting store. Used as a context manager it is one transaction."""
    return psycopg.connect(settings.store, row_factory=dict_row)


def ledger_totals(source: Source, period: Period) -> list[ControlTotal]:
    """Add up the source's ledger entries of a period by currency, in a bare scan."""
    bounds = {"period_start": period.start, "period_end": period.end}
    return [
        ControlTotal("ledger", row["currency"], row["row_count"], row["amount_minor"])
        for row in source.rows("ledger_control_totals", bounds)
    ]


def write(store: Store, source: Source, period: Period, run: Run, content: Content) -> Close:
    """Write the next version of a period, or confirm the current one if nothing changed.

    Whoever holds the period's lock writes; a close whose fence is older than the current
    version's is discarded. Raises TieOutFailed when a check selects rows.
    """
    key = {"grain": period.grain, "period_start": period.start}
    store.execute(query("reporting/lock_period"), key)
    current = store.execute(query("reporting/current_close"), key).fetchone()
    if current is not None:
        _refuse_other_bounds(period, current)
        if current["fenced_at"] > source.fence.observed_at:
            log.info("%s: overtaken by a close with a later fence", period)
            return Close(current["close_id"], period, current["close_version"], "overtaken")
    close: Close | None = None
    with store.transaction():
        drafted = _draft(store, source, period, run)
        proved = _fill(store, drafted["close_id"], period, content)
        if current is None or _differs(store, current["close_id"], drafted["close_id"], content):
            close = Close(
                drafted["close_id"],
                period,
                drafted["close_version"],
                "new" if current is None else "changed",
                None if current is None else current["close_id"],
            )
            if current is not None:
                store.execute(query("reporting/retire_close"), {"close_id": current["close_id"]})
            store.execute(query("reporting/make_close_current"), {"close_id": close.close_id})
        else:
            raise psycopg.Rollback
    if close is None:
        assert current is not None  # noqa: S101  # only an existing version can be confirmed
        store.execute(query("reporting/confirm_close"), {"close_id": current["close_id"]})
        close = Close(current["close_id"], period, current["close_version"], "confirmed")
    for tie_out in proved:
        checks.record(store, tie_out, close.close_id, run)
    level = logging.DEBUG if close.outcome == "confirmed" else logging.INFO
    log.log(level, "%s: version %d, %s", period, close.version, close.outcome)
    return close


def _draft(store: Store, source: Source, period: Period, run: Run) -> DictRow:
    drafted = store.execute(
        query("reporting/draft_close"),
        {
            "grain": period.grain,
            "period_start": period.start,
            "period_end": period.end,
            "time_zone": period.time_zone,
            "fence_position": source.fence.position,
            "fenced_at": source.fence.observed_at,
            "snapshot_text": source.snapshot_text,
            "replica_name": source.replica.name,
            "code_version": code_version(),
            "run_id": run.run_id,
            "reason": run.reason,
        },
    ).fetchone()
    assert drafted is not None  # noqa: S101  # the insert returns its row
    return drafted


def _fill(store: Store, close_id: int, period: Period, content: Content) -> list[TieOut]:
    """Write a draft's rows and totals and prove them, even if they will only confirm others."""
    proved = [checks.tie_out(store, name, close_id, period) for name in content.requirements]
    for total in content.totals:
        store.execute(
            query("reporting/insert_close_total"), {"close_id": close_id, **asdict(total)}
        )
    content.insert(close_id)
    return proved + [checks.tie_out(store, name, close_id, period) for name in content.tie_outs]


def _differs(store: Store, old_close_id: int, new_close_id: int, content: Content) -> bool:
    parameters = {"old_close_id": old_close_id, "new_close_id": new_close_id}
    return any(
        store.execute(query(f"reporting/{table}_changes"), parameters).fetchone() is not None
        for table in content.changes
    )


def _refuse_other_bounds(period: Period, current: DictRow) -> None:
    if (current["period_end"], current["time_zone"]) != (period.end, period.time_zone):
        raise WrongData(
            f"{period} is closed already up to {current['period_end'].isoformat()} in "
            f"{current['time_zone']}: the business time zone must not change under closed periods"
        )
