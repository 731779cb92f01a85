"""The register of closes: versions of a period, written whole in one transaction or not at all."""

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Literal, TypeVar

import psycopg
from psycopg.rows import DictRow, dict_row

from closebook import checks, replicas
from closebook.checks import TieOut
from closebook.errors import Transient, WrongData
from closebook.periods import Grain, Period
from closebook.queries import query
from closebook.replicas import Source
from closebook.settings import Run, Settings, code_version

log = logging.getLogger(__name__)

Store = psycopg.Connection[DictRow]
Outcome = Literal["new", "changed", "confirmed"]
Result = TypeVar("Result")

ATTEMPTS = 5


class Overtaken(Transient):
    """Another close of the period was written since this one began: its rows may be newer."""


@dataclass(frozen=True)
class Close:
    """The current version of a period after a close, and how the close came out.

    new: the first version; changed: it supersedes ``replaced_close_id``; confirmed: the same
    numbers as before.
    """

    close_id: int
    period: Period
    version: int
    outcome: Outcome
    replaced_close_id: int | None = None


@dataclass(frozen=True)
class Reading:
    """An open read on a replica, and the versions that were current before its fence.

    ``basis`` is the close_id by grain and start.
    """

    source: Source
    basis: Mapping[tuple[str, datetime], int]


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


def close(
    settings: Settings, period: Period, grains: Sequence[Grain], work: Callable[[Reading], Result]
) -> Result:
    """Read a period from a replica and write it, or its parts: all that ``grains`` names.

    A version that was written since by somebody else may hold rows that this reading does not:
    then everything is thrown away and read again. What is read after a version was seen holds
    all that this version held, whichever the replica. Raises NotReady, Transient, WrongData.
    """
    for attempts_left in reversed(range(ATTEMPTS)):
        basis = _current_versions(settings, period, grains)

        def read(source: Source, basis: Mapping[tuple[str, datetime], int] = basis) -> Result:
            return work(Reading(source, basis))

        try:
            return replicas.read(settings, period, read)
        except Overtaken:
            if not attempts_left:
                raise
            log.info("%s: another close of it was faster; it is read again", period)
    raise AssertionError("unreachable")


def _current_versions(
    settings: Settings, period: Period, grains: Sequence[Grain]
) -> dict[tuple[str, datetime], int]:
    wanted = {**period.bounds, "grains": [*grains]}
    with on_store(settings) as store:
        rows = store.execute(query("reporting/current_versions"), wanted).fetchall()
    return {(row["grain"], row["period_start"].astimezone(UTC)): row["close_id"] for row in rows}


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
        raise Transient(f"{period}: {_store_failure(error)}") from None
    except psycopg.Error as error:
        # The server's detail would show the row, with names in it.
        where = error.diag.constraint_name or error.diag.column_name or error.diag.table_name
        raise WrongData(
            f"{period}: the reporting store refused the rows ({type(error).__name__} at {where}); "
            "compare the platform's data with docs/contract.md"
        ) from None


@contextmanager
def on_store(settings: Settings) -> Iterator[Store]:
    """One transaction on the reporting store. Raises Transient when it is out of reach."""
    try:
        with store_connection(settings) as store:
            yield store
    except psycopg.OperationalError as error:
        raise Transient(_store_failure(error)) from None


def store_connection(settings: Settings) -> Store:
    """Connect to the reporting store. Used as a context manager it is one transaction."""
    store = psycopg.connect(settings.store, row_factory=dict_row)
    # Whoever waited for a lock must see what its holder wrote.
    store.isolation_level = psycopg.IsolationLevel.READ_COMMITTED
    return store


def _store_failure(error: psycopg.Error) -> str:
    # The first line only: the rest may show the row that was being written, with names in it.
    return f"the reporting store failed: {str(error).strip().splitlines()[0]}"


def ledger_totals(source: Source, period: Period) -> list[ControlTotal]:
    """Add up the source's ledger entries of a period by currency, in a bare scan."""
    return [
        ControlTotal("ledger", row["currency"], row["row_count"], row["amount_minor"])
        for row in source.rows("ledger_control_totals", period.bounds)
    ]


def write(store: Store, reading: Reading, period: Period, run: Run, content: Content) -> Close:
    """Write the next version of a period, or confirm the current one if nothing changed.

    Whoever holds the period's lock writes. Raises Overtaken when the current version is not the
    one that this reading began with, TieOutFailed when a check selects rows.
    """
    key = {"grain": period.grain, "period_start": period.start}
    store.execute(query("reporting/lock_period"), key)
    current = store.execute(query("reporting/current_close"), key).fetchone()
    current_id = None if current is None else current["close_id"]
    if current_id != reading.basis.get((period.grain, period.start)):
        raise Overtaken(f"{period}: another close of it was written meanwhile; run it again")
    written: Close | None = None
    with store.transaction():
        drafted = _draft(store, reading.source, period, run)
        proved = _fill(store, drafted["close_id"], period, content)
        if current is None or _differs(store, current["close_id"], drafted["close_id"], content):
            written = Close(
                drafted["close_id"],
                period,
                drafted["close_version"],
                "new" if current is None else "changed",
                None if current is None else current["close_id"],
            )
            if current is not None:
                store.execute(query("reporting/retire_close"), {"close_id": current["close_id"]})
            _make_current(store, written)
        else:
            raise psycopg.Rollback
    if written is None:
        assert current is not None  # noqa: S101  # only an existing version can be confirmed
        store.execute(query("reporting/confirm_close"), {"close_id": current["close_id"]})
        written = Close(current["close_id"], period, current["close_version"], "confirmed")
    for tie_out in proved:
        checks.record(store, tie_out, written.close_id, run)
    level = logging.DEBUG if written.outcome == "confirmed" else logging.INFO
    log.log(level, "%s: version %d, %s", period, written.version, written.outcome)
    return written


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


def _make_current(store: Store, close: Close) -> None:
    try:
        store.execute(query("reporting/make_close_current"), {"close_id": close.close_id})
    except psycopg.errors.ExclusionViolation:
        raise WrongData(
            f"{close.period} ({close.period.time_zone}) overlaps a period that was closed in "
            "another time zone: set CLOSEBOOK_TIME_ZONE back, it must not change under closed "
            "periods"
        ) from None
