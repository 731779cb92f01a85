"""The register of closes: all versions of each period. One version is current."""

from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import psycopg
from psycopg.rows import DictRow

from closebook.closes import boundaries, checks, exceptions
from closebook.closes.checks import SelectedRows, TieOut
from closebook.closes.measures import ControlTotal
from closebook.closes.values import Close, Content, Correction, CurrentVersions, Draft, Reading
from closebook.errors import Transient, WrongData
from closebook.periods import Grain, Period, day_containing
from closebook.platform.source import Source
from closebook.postgres import violated_constraint
from closebook.settings import Replica, Run
from closebook.settings.code_version import code_version
from closebook.sql import query
from closebook.store.session import Store
from closebook.time_rules import rules_version

# The current version of each period that a transaction has locked, None before its first close.
Held = dict[tuple[Grain, datetime], DictRow | None]

# The check that fails when a month would change without a reason. While it fails, the month cannot
# be released.
SAME_AS_ISSUED = "same_as_issued"


class ConcurrentClose(Transient):
    """Another run closed the period after this run began: its rows may be newer."""


class ChangeWithoutReason(checks.TieOutFailed):
    """A run without a reason would change issued statements: nothing is written."""


class ReplicasDisagree(checks.TieOutFailed):
    """Two replicas gave different numbers for one period: nothing is written."""


def current_versions(store: Store, periods: Sequence[Period]) -> CurrentVersions:
    """Return the current close_id of those periods that are closed, by grain and start."""
    rows = store.execute(query("closes/current_versions"), _keys(periods))
    return {_key(row): row["close_id"] for row in rows}


def lock_periods(store: Store, reading: Reading, periods: Sequence[Period]) -> Held:
    """Lock periods until the transaction ends, so that no other run closes them.

    All callers lock months before days before hours, and each grain in order of time, so that no
    two of them deadlock. Returns their current versions. Raises ConcurrentClose if one was closed
    since the reading began.
    """
    if not periods:
        return {}
    wanted = _keys(periods)
    store.execute(query("closes/lock_periods"), wanted)
    # A second statement: it sees what the owners of these locks have committed.
    found = {_key(row): row for row in store.execute(query("closes/current_versions"), wanted)}
    held: Held = {}
    for period in periods:
        key = (period.grain, period.start)
        held[key] = found.get(key)
        current_id = found[key]["close_id"] if key in found else None
        # guard: store.version-of-the-reading
        if current_id != reading.versions_before.get(key):
            raise ConcurrentClose(
                "CB-RETRY-OVERTAKEN",
                f"{period}: another close of it was written meanwhile; run it again",
            )
    return held


def write(store: Store, reading: Reading, draft: Draft, held: Held) -> tuple[Close, list[TieOut]]:
    """Write the next version of a period, or confirm the current one if nothing changed.

    Takes the lock of the period first, unless it is among those that are ``held``. Returns the
    close and the results of its checks, which the caller records. Raises ConcurrentClose if the
    current version is not the one of ``reading.versions_before``, TieOutFailed if a check selects
    rows, BoundaryMoved if a day or a month does not meet the periods beside it.
    """
    period, content = draft.period, draft.content
    key = (period.grain, period.start)
    if key not in held:
        held = lock_periods(store, reading, [period])
    current = held[key]
    if period.grain is not Grain.HOUR:
        boundaries.refuse_boundary_mismatch(store, period, is_closed=current is not None)
    # guard: time.moved-end-is-a-version
    is_moved = current is not None and current["period_end"] != period.end
    if current is not None and not is_moved and _is_unchanged(store, current, content):
        # The rows of the current version equal those that would be written, so they are checked.
        tie_outs = _tie_outs(store, current["close_id"], period, content)
        written = None
    else:
        tie_outs, written = _write_version(store, reading, draft, current, is_moved=is_moved)
    if written is None:
        assert current is not None  # noqa: S101  # only an existing version can be confirmed
        store.execute(query("closes/confirm"), {"close_id": current["close_id"]})
        written = Close(current["close_id"], period, current["close_version"], "confirmed")
    # Here the month is as it was issued, or a run with a reason has changed it: the check passed.
    if content.change_needs_reason:
        # guard: issue.asked-change-is-no-obstacle
        tie_outs.append(checks.result_of(SAME_AS_ISSUED, period))
    if not content.exceptions:
        return written, tie_outs
    # As they are written: the codes of the platform as labels, which may be shown and logged.
    [left_out] = exceptions.of_closes(store, [written.close_id]).values()
    # guard: exceptions.shown-as-labels
    return replace(written, exceptions=tuple(left_out)), tie_outs


def _write_version(
    store: Store, reading: Reading, draft: Draft, current: DictRow | None, *, is_moved: bool
) -> tuple[list[TieOut], Close | None]:
    """Write a draft and make it current; return its checks.

    If it does not differ from the current version, what was written is rolled back, and there is no
    new close.
    """
    period, run, content = draft.period, draft.run, draft.content
    written: Close | None = None
    # A first version is never rolled back alone: it needs no savepoint, which is two more requests.
    with store.transaction() if current is not None else nullcontext():
        drafted = _draft(store, reading.source, period, run)
        close_id = drafted["close_id"]
        tie_outs = _fill(store, close_id, period, content)
        if current is None:
            _make_current(store, close_id, period)
            written = Close(close_id, period, drafted["close_version"], "new")
        else:
            changes = _changes(store, current["close_id"], close_id, content)
            if not changes.count and not is_moved:
                raise psycopg.Rollback
            # guard: cross-check.only-confirms
            if changes.count and reading.cross_checked_with is not None:
                raise _disagreement(
                    reading.cross_checked_with, reading.source.replica, period, changes
                )
            # guard: issue.change-needs-a-reason
            if changes.count and content.change_needs_reason and run.reason is None:
                raise _change_without_reason(period, changes, run)
            store.execute(query("closes/retire"), {"close_id": current["close_id"]})
            _make_current(store, close_id, period)
            corrections = _corrections(store, close_id)
            written = Close(close_id, period, drafted["close_version"], "changed", corrections)
        content.after_change(close_id)
    return tie_outs, written


def _is_unchanged(store: Store, current: DictRow, content: Content) -> bool:
    """Return whether a draft certainly equals the current version, without writing it.

    A draft for which this is false may still be equal: it is then written and compared.
    """
    if content.is_unchanged is None:
        return False
    close_ids = [current["close_id"]]
    totals = {
        (row["measure"], row["currency"], row["row_count"], int(row["amount_minor"]))
        for row in store.execute(query("close_totals/of_closes"), {"close_ids": close_ids})
    }
    left_out = [each for some in exceptions.of_closes(store, close_ids).values() for each in some]
    return (
        totals
        == {
            (each.measure, each.currency, each.row_count, each.amount_minor)
            for each in content.totals
        }
        and set(left_out) == set(content.exceptions)  # guard: exceptions.others-are-not-confirmed
        and content.is_unchanged(current["close_id"])
    )


def with_totals(store: Store, written: Sequence[Close], replica: Replica) -> list[Close]:
    """Return closes with the replica that was read and their totals, as the register has them.

    There the codes of currencies are labels, which may be logged.
    """
    totals: dict[int, list[ControlTotal]] = {}
    close_ids = [each.close_id for each in written]
    rows = store.execute(query("close_totals/of_closes"), {"close_ids": close_ids}).fetchall()
    for row in sorted(rows, key=lambda row: (row["measure"], row["currency"])):
        total = ControlTotal(
            row["measure"], row["currency"], row["row_count"], int(row["amount_minor"])
        )
        totals.setdefault(row["close_id"], []).append(total)
    return [
        replace(each, replica=replica.name, totals=tuple(totals.get(each.close_id, ())))
        for each in written
    ]


def _keys(periods: Sequence[Period]) -> dict[str, object]:
    """Return the parameters of a query about periods."""
    return {
        "grains": [str(period.grain) for period in periods],
        "starts": [period.start for period in periods],
    }


def _key(row: DictRow) -> tuple[Grain, datetime]:
    return Grain(row["grain"]), row["period_start"].astimezone(UTC)


def _draft(store: Store, source: Source, period: Period, run: Run) -> DictRow:
    is_hour = period.grain is Grain.HOUR
    closed_on = day_containing(datetime.now(UTC), period.time_zone).first_date
    drafted = store.execute(
        query("closes/insert_draft"),
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
            "requested_by": run.requested_by,
            "holder_reason": run.holder_reason,
            "holder_text": run.holder_text,
            "first_date": None if is_hour else period.first_date,
            "last_date": None if is_hour else period.last_date,
            "closed_on": closed_on,
            "tzdata_version": rules_version(period.time_zone),
        },
    ).fetchone()
    assert drafted is not None  # noqa: S101  # the insert returns its row
    return drafted


def _fill(store: Store, close_id: int, period: Period, content: Content) -> list[TieOut]:
    """Write the rows, totals and exceptions of a draft; run its checks and return their results."""
    totals = {
        "close_id": close_id,
        "measures": [total.measure for total in content.totals],
        "currencies": [total.currency for total in content.totals],
        "row_counts": [total.row_count for total in content.totals],
        "amounts_minor": [total.amount_minor for total in content.totals],
    }
    store.execute(query("close_totals/insert"), totals)
    exceptions.write(store, close_id, content.exceptions)
    content.insert(close_id)
    return _tie_outs(store, close_id, period, content)


def _tie_outs(store: Store, close_id: int, period: Period, content: Content) -> list[TieOut]:
    """Run the checks of a close. Raises TieOutFailed if one of them selects rows."""
    return [checks.tie_out(store, name, close_id, period) for name in content.tie_outs]


def _changes(store: Store, old_close_id: int, new_close_id: int, content: Content) -> SelectedRows:
    """Return the rows of the first table in which two versions differ, with old and new values."""
    parameters = {"old_close_id": old_close_id, "new_close_id": new_close_id}
    for table in (*content.changes, "close_exceptions"):  # guard: exceptions.make-a-new-version
        selected = checks.count_and_sample(store, f"{table}/changes", parameters)
        if selected.count:
            return selected
    return SelectedRows()


def _corrections(store: Store, close_id: int) -> tuple[Correction, ...]:
    rows = store.execute(query("close_totals/corrections"), {"close_id": close_id})
    return tuple(
        Correction(
            **row
            | {
                "old_amount_minor": int(row["old_amount_minor"]),
                "new_amount_minor": int(row["new_amount_minor"]),
            }
        )
        for row in rows
    )


def _disagreement(
    first: Replica, second: Replica, period: Period, changes: SelectedRows
) -> ReplicasDisagree:
    found = checks.result_of("replicas_agree", period, _without_texts(changes))
    return ReplicasDisagree(
        "CB-DATA-REPLICAS-DISAGREE",
        found,
        proof=f"old_ columns: {first.name}; new_ columns: {second.name}",
    )


def _change_without_reason(period: Period, changes: SelectedRows, run: Run) -> ChangeWithoutReason:
    earlier = (
        "the reason of this run was given for an earlier start of it and does not count; "
        if run.has_earlier_reason
        else ""
    )
    return ChangeWithoutReason(
        "CB-DATA-CHANGE-WITHOUT-REASON",
        checks.result_of(SAME_AS_ISSUED, period, _without_texts(changes)),
        proof="old_ columns: as issued; new_ columns: what the platform has now; "
        f"{earlier}to issue them again on purpose, run it again with a reason: press Trigger, "
        "choose Single Run and write it in the field Reason; or choose Backfill, tick 'Override "
        "parameters on existing runs' and write it there",
    )


def _without_texts(changes: SelectedRows) -> SelectedRows:
    first = [
        {column: value for column, value in row.items() if _is_safe_to_show(column, value)}
        for row in changes.first
    ]
    return replace(changes, first=first)


def _is_safe_to_show(column: str, value: Any) -> bool:
    """Return whether an error may show a value: a key or a whole number.

    No other value is shown, since a text of the platform may be a name. The keys are the columns
    without an old and a new value.
    """
    return isinstance(value, int) or not column.startswith(("old_", "new_"))


def _make_current(store: Store, close_id: int, period: Period) -> None:
    try:
        store.execute(query("closes/make_current"), {"close_id": close_id})
    except psycopg.Error as error:
        if violated_constraint(error) != "closes_do_not_overlap":
            raise
        raise WrongData(
            "CB-DATA-PERIOD-OVERLAPS",
            f"{period} ({period.time_zone}) overlaps a period that was closed in another time "
            "zone, or under other rules of it: set CLOSEBOOK_TIME_ZONE back if it was changed, and "
            "see docs/time.md",
        ) from None
