"""Run one close: fence, read, checks and write, in one transaction of the store."""

import logging
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from time import monotonic

from closebook.closes import checks, exceptions, histories, register
from closebook.closes.checks import TieOut, TieOutFailed
from closebook.closes.register import ConcurrentClose, ReplicasDisagree
from closebook.closes.values import Close, Plan, Reading
from closebook.errors import ClosebookError
from closebook.periods import Grain, Period
from closebook.platform import replicas
from closebook.platform.replicas import OpenSource
from closebook.platform.source import Source
from closebook.settings import Run, Settings
from closebook.sql import query
from closebook.store.key_types import key_types_of
from closebook.store.session import Store, on_store, writing

log = logging.getLogger(__name__)

Work = Callable[[Store, Reading], Plan]

ATTEMPTS = 5
# By the grain of the close that changed: the check of the close that depends on it.
CHECK_OF_DEPENDENT = {
    Grain.HOUR: "hourly_volume/check_hours_equal_day",
    Grain.DAY: "daily_account_movement/check_days_equal_statements",
    Grain.MONTH: "statements/check_opening_equals_previous_closing",
}


def close(
    settings: Settings,
    store: Store,
    period: Period,
    run: Run,
    compared: Sequence[Period],
    work: Work,
) -> list[Close]:
    """Read a period from a replica and write all drafts that ``work`` plans, or none of them.

    ``compared`` are the periods of the drafts and the periods that they tie out against. If
    another run closed one of them in the meantime, that version may hold rows that this reading
    does not have, so everything is read again. The transaction of ``store`` ends before the
    wait for the fence; the connection stays, since another one takes as long as writing an hour.
    The versions are looked up before the fence, and
    so each reading holds every row that these versions hold, on any replica of the same history.
    Raises NotReady, Transient, WrongData.
    """
    attempts_left = ATTEMPTS
    began_at = monotonic()
    while True:
        attempts_left -= 1
        try:
            written, no_longer_tied_out = _attempt(settings, store, period, run, compared, work)
        except (ConcurrentClose, TieOutFailed) as failure:
            # ReplicasDisagree may pass: a row that was committed between the two snapshots is in
            # one of them only.
            if attempts_left and isinstance(failure, ConcurrentClose | ReplicasDisagree):
                log.info("%s; it is read again", failure)
                continue
            if isinstance(failure, TieOutFailed):
                _record(settings, failure.tie_out, run)  # guard: issue.unasked-change-is-recorded
            raise
        _report(written, no_longer_tied_out, period, monotonic() - began_at)
        return written


def _attempt(
    settings: Settings,
    store: Store,
    period: Period,
    run: Run,
    compared: Sequence[Period],
    work: Work,
) -> tuple[list[Close], list[TieOut]]:
    """Return the closes that were written, and the checks of other closes that fail now."""
    versions_before = register.current_versions(store, compared)
    known = histories.current(store)
    keys = key_types_of(store)
    store.commit()  # guard: store.no-transaction-while-waiting
    check_fence = partial(histories.require_continuation, known)

    def write(first: Source, second: OpenSource | None = None) -> tuple[list[Close], list[TieOut]]:
        with writing(store, period):
            histories.lock_current_history(store, known, first)
            reading = Reading(first, versions_before)
            written = _write(store, reading, work, run)
            if second is not None:
                _cross_check(store, reading, second, compared, work, run)
                _record_agreement(store, written, run)
            no_longer_tied_out = _tie_out_dependents(store, written, run)
            with_totals = register.with_totals(store, written, first.replica)
            close_ids = [made.close_id for made in written]
            histories.record_readings(store, close_ids, known, first, run)
            return with_totals, no_longer_tied_out

    if run.cross_check:
        return replicas.read_both(settings, period, write, check_fence, keys)
    return replicas.read(settings, period, write, check_fence, keys)


def _cross_check(
    store: Store,
    first: Reading,
    second: OpenSource,
    compared: Sequence[Period],
    work: Work,
    run: Run,
) -> None:
    """Compute the close again from the second replica, and roll that back.

    Raises ReplicasDisagree when its numbers differ.
    """
    first.source.close()
    versions_before = register.current_versions(store, compared)
    with second() as source, store.transaction(force_rollback=True):
        confirming = replace(
            first,
            source=source,
            versions_before=versions_before,
            cross_checked_with=first.source.replica,
        )
        _write(store, confirming, work, run)


def _write(store: Store, reading: Reading, work: Work, run: Run) -> list[Close]:
    plan = work(store, reading)
    held = register.lock_periods(store, reading, plan.locked)
    written = [register.write(store, reading, draft, held) for draft in plan.drafts]
    results = [(result, made.close_id) for made, tie_outs in written for result in tie_outs]
    checks.record_all(store, results, run)
    return [made for made, _ in written]


def _record_agreement(store: Store, written: Sequence[Close], run: Run) -> None:
    agreed = [(checks.result_of("replicas_agree", each.period), each.close_id) for each in written]
    checks.record_all(store, agreed, run)


def _tie_out_dependents(store: Store, written: Sequence[Close], run: Run) -> list[TieOut]:
    """Check the day of an hour, the month of a day and the month after a month, if closed.

    Returns the checks that fail now. Such a close stays current and has to be closed again; the
    result is recorded under it and does not fail this run.
    """
    parameters = {
        "changed_ids": [c.close_id for c in written if c.outcome != "confirmed"],
        "written_ids": [c.close_id for c in written],
    }
    no_longer_tied_out = []
    for row in store.execute(query("closes/dependent"), parameters).fetchall():
        check_file = CHECK_OF_DEPENDENT[Grain(row["changed_grain"])]
        tie_out = checks.run_check(store, check_file, row["close_id"], Period.from_register(row))
        checks.record(store, tie_out, row["close_id"], run)
        if tie_out.offending_count:
            no_longer_tied_out.append(tie_out)
    return no_longer_tied_out


def _record(settings: Settings, tie_out: TieOut, run: Run) -> None:
    """Record the check that stopped a close, in its own transaction. Never raises.

    The caller raises the error of the check.
    """
    try:
        with on_store(settings) as store:
            checks.record(store, tie_out, None, run)
    except ClosebookError as error:
        log.warning(
            "%s: the failed check could not be recorded in reporting.tie_outs: %s",
            tie_out.period,
            error.code,
        )


def _report(
    written: Sequence[Close], no_longer_tied_out: Sequence[TieOut], asked: Period, seconds: float
) -> None:
    """Log the outcome of each close once it is committed.

    A confirmed part of the period that was asked for, such as an hour of a day, is logged as debug.
    """
    for made in written:
        if made.outcome == "changed":
            differing = [str(c) for c in made.corrections if c.is_difference]
            log.warning(
                "corrected: %s is version %d now: %s",
                made.period,
                made.version,
                "; ".join(differing) or "the same row counts and totals; other values changed",
            )
        is_asked = made.period == asked
        log.log(
            logging.INFO if is_asked or made.outcome != "confirmed" else logging.DEBUG,
            "%s: %s, version %d: %s; read from %s%s",
            made.period,
            made.outcome,
            made.version,
            "; ".join(map(str, made.totals)) or "no rows",
            made.replica,
            f"; took {seconds:.1f} s" if is_asked else "",
        )
        if made.exceptions:
            log.error("%s", exceptions.named(made.period, made.exceptions))
    for tie_out in no_longer_tied_out:
        log.warning(
            "%s has to be closed again: %s finds %d rows that do not tie out any more",
            tie_out.period,
            tie_out.check_name,
            tie_out.offending_count,
        )
