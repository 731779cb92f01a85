"""One close from its fence to its commit: read, written, compared, whole or not at all."""

import logging
from collections.abc import Callable, Sequence

import psycopg

from closebook.closes import checks, register
from closebook.closes.checks import TieOut, TieOutFailed
from closebook.closes.model import Close, Plan, Reading
from closebook.closes.register import Overtaken, ReplicasDisagree
from closebook.errors import ClosebookError
from closebook.periods import Grain, Period
from closebook.platform import replicas
from closebook.platform.replicas import OpenSource
from closebook.platform.source import Source
from closebook.settings import Run, Settings
from closebook.sql import query
from closebook.store.session import Store, on_store, writing

log = logging.getLogger(__name__)

Work = Callable[[Store, Reading], Plan]

ATTEMPTS = 5
# By the grain of a close: what proves the enclosing or following one against it.
PROOF_OF_DEPENDENT = {
    Grain.HOUR: "hourly_volume/check_hours_equal_day",
    Grain.DAY: "daily_account_movement/check_days_equal_statements",
    Grain.MONTH: "statements/check_opening_equals_previous_closing",
}


def close(
    settings: Settings, period: Period, run: Run, compared: Sequence[Period], work: Work
) -> list[Close]:
    """Read a period from a replica and write the drafts that ``work`` makes of it, or nothing.

    ``compared`` are the periods that the drafts are of, or tie out against. When one of
    them was closed since by somebody else, it may hold rows that this reading does not: then
    everything is thrown away and read again. What is read after a version was seen holds all
    that this version held, whichever the replica. Raises NotReady, Transient, WrongData.
    """
    attempts_left = ATTEMPTS
    while True:
        attempts_left -= 1
        try:
            written, left_behind = _attempt(settings, period, run, compared, work)
        except (Overtaken, TieOutFailed) as failure:
            # A late row between two snapshots lets replicas disagree for a moment.
            if attempts_left and isinstance(failure, Overtaken | ReplicasDisagree):
                log.info("%s; it is read again", failure)
                continue
            if isinstance(failure, TieOutFailed):
                _record(settings, failure.tie_out, run)  # guard: issue.unasked-change-is-recorded
            raise
        _report(written, left_behind)
        return written


def _attempt(
    settings: Settings, period: Period, run: Run, compared: Sequence[Period], work: Work
) -> tuple[list[Close], list[TieOut]]:
    """Return what was written, and what does not tie out with it any more."""
    # One connection for all of it: to open another takes as long as to write an hour.
    with on_store(settings) as store:
        with store.transaction():  # guard: store.no-transaction-while-waiting
            basis = register.current_versions(store, compared)

        def write(
            first: Source, second: OpenSource | None = None
        ) -> tuple[list[Close], list[TieOut]]:
            with writing(store, period):
                written = _write(store, Reading(first, basis), work)
                if second is not None:
                    _cross_check(store, first, second, compared, work)
                    _record_agreement(store, written, run)
                return written, _tie_out_dependents(store, written, run)

        if run.cross_check:
            return replicas.read_both(settings, period, write)
        return replicas.read(settings, period, write)


def _cross_check(
    store: Store, first: Source, second: OpenSource, compared: Sequence[Period], work: Work
) -> None:
    """Close everything again from the second replica, which may only confirm it; undo that."""
    first.close()
    basis = register.current_versions(store, compared)
    with second() as source, store.transaction(force_rollback=True):
        _write(store, Reading(source, basis, agrees_with=first.replica), work)


def _write(store: Store, reading: Reading, work: Work) -> list[Close]:
    plan = work(store, reading)
    register.hold(store, reading, plan.held)
    return [register.write(store, reading, draft) for draft in plan.drafts]


def _record_agreement(store: Store, written: Sequence[Close], run: Run) -> None:
    for made in written:
        agreed = checks.found("replicas_agree", made.period)
        checks.record(store, agreed, made.close_id, run)


def _tie_out_dependents(store: Store, written: Sequence[Close], run: Run) -> list[TieOut]:
    """Tie out the day of an hour, the month of a day and the month after one, if closed.

    One that does not tie out any more stands, and has to be closed again: that is recorded under
    its close, and fails nothing. Returns those.
    """
    parameters = {
        "changed_ids": [c.close_id for c in written if c.outcome != "confirmed"],
        "written_ids": [c.close_id for c in written],
    }
    left_behind = []
    for row in store.execute(query("closes/dependent"), parameters).fetchall():
        check_file = PROOF_OF_DEPENDENT[Grain(row["changed_grain"])]
        tie_out = checks.look(store, check_file, row["close_id"], Period.from_register(row))
        checks.record(store, tie_out, row["close_id"], run)
        if tie_out.offending_count:
            left_behind.append(tie_out)
    return left_behind


def _record(settings: Settings, tie_out: TieOut, run: Run) -> None:
    """Keep what failed a close, in a transaction of its own; its error must get out in any case."""
    try:
        with on_store(settings) as store:
            checks.record(store, tie_out, None, run)
    except (ClosebookError, psycopg.Error) as error:
        log.warning(
            "%s: the failed check is not in reporting.tie_outs: %s",
            tie_out.period,
            type(error).__name__,
        )


def _report(written: Sequence[Close], left_behind: Sequence[TieOut]) -> None:
    """Tell the task's log what came of a close, once it is committed."""
    for made in written:
        if made.outcome == "changed":
            differing = [str(c) for c in made.corrections if c.is_difference]
            log.warning(
                "corrected: %s is version %d now: %s",
                made.period,
                made.version,
                "; ".join(differing) or "the same rows and amounts, otherwise described",
            )
        else:
            level = logging.DEBUG if made.outcome == "confirmed" else logging.INFO
            log.log(level, "%s: version %d, %s", made.period, made.version, made.outcome)
    for tie_out in left_behind:
        log.warning(
            "%s has to be closed again: %s finds %d rows that do not tie out any more",
            tie_out.period,
            tie_out.check_name,
            tie_out.offending_count,
        )
