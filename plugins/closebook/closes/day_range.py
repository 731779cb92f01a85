"""Close a range of days in one run. Each day is a close of its own.

A day that fails does not stop the other days. A range that takes long is closed by several tasks,
one after another.
"""

import logging
from collections import deque
from collections.abc import Sequence
from time import monotonic

from closebook.closes import boundaries
from closebook.closes.day import close_day
from closebook.closes.run_closes import closes_of_run
from closebook.closes.values import Close
from closebook.errors import ClosebookError, Misconfigured, NotReady, Transient, WrongData
from closebook.periods import Period
from closebook.settings import Run, Settings
from closebook.store.session import on_store

log = logging.getLogger(__name__)

RETRYABLE = (NotReady, Transient)
# After this many failures in a row, the last day of the range is tried. If that fails too, the
# servers are at fault and not these days, and the run stops.
FAILURES_BEFORE_LAST_DAY = 2
REASONS_SHOWN = 3


def close_days(settings: Settings, days: Sequence[Period], run: Run) -> list[Close] | None:
    """Close the days that this run has not closed yet, in order; return the closes of all days.

    Returns None once ``range_task_seconds`` have passed and days are left: another call closes
    those. A day that fails is logged, and the next day is closed. If days failed, raises NotReady
    or Transient at the end when a retry may close one of them, else WrongData. Misconfigured is
    raised at once.
    """
    ends_at = monotonic() + settings.range_task_seconds
    with on_store(settings) as store:
        days = boundaries.as_closed(store, days)
    queue = _days_to_close(settings, days, run)
    if len(queue) < len(days):
        log.info("%d of %d days were closed by this run before", len(days) - len(queue), len(days))
    is_any_closed = False
    failures: dict[Period, ClosebookError] = {}
    failures_in_a_row = 0
    # guard: range.lost-servers-end-a-try
    while queue and failures_in_a_row <= FAILURES_BEFORE_LAST_DAY:
        # Only after a day that was closed: so each call leaves fewer days to the next one.
        # guard: range.tasks-end-within-minutes
        if is_any_closed and monotonic() >= ends_at:
            log.info("%d of %d days are left to another task", len(queue), len(days))
            return None
        # The last day is the least likely to fail for the same reason as these days.
        # guard: range.unready-days-keep-no-other
        day = queue.pop() if failures_in_a_row == FAILURES_BEFORE_LAST_DAY else queue.popleft()
        try:
            close_day(settings, day, run)
        except Misconfigured:
            raise
        except ClosebookError as error:
            log.error("%s is not closed: %s", day.label, error)  # noqa: TRY400  # no bug of ours
            failures[day] = error
            failures_in_a_row = failures_in_a_row + 1 if isinstance(error, RETRYABLE) else 0
        else:
            failures_in_a_row, is_any_closed = 0, True
    if failures:
        raise _summary(failures, len(days), len(queue))
    with on_store(settings) as store:
        closed = closes_of_run(store, run, days)
    return [closed[day].close for day in days]


def _days_to_close(settings: Settings, days: Sequence[Period], run: Run) -> deque[Period]:
    """Return the days that this run has still to close.

    Those are the days that it has closed less often than the others. If it has closed all of them
    equally often, as when a task that had closed all days is cleared, those are all days. Days that
    an earlier task of the run tried in vain come last, so that the others do not wait for them.
    """
    with on_store(settings) as store:
        closed = closes_of_run(store, run, days)
    counts = [closed[day].count if day in closed else 0 for day in days]
    most = max(counts)
    # guard: range.closed-days-are-not-repeated
    left = [number for number, count in enumerate(counts) if count < most]
    # The last day may have been closed before its turn.
    tried = max((number for number, count in enumerate(counts[:-1]) if count == most), default=-1)
    # guard: range.failed-days-come-last
    left.sort(key=lambda number: number < tried)
    return deque([days[number] for number in left] or days)


def _summary(
    failures: dict[Period, ClosebookError], day_count: int, untried_count: int
) -> ClosebookError:
    errors = [*failures.values()]
    text = (
        f"{len(failures)} of {day_count} days failed ({', '.join(d.label for d in failures)}), "
        f"{untried_count} were not tried, all others are closed; correct the cause and clear the "
        f"task, which closes the remaining days: {'; '.join(map(str, errors[:REASONS_SHOWN]))}"
    )
    if any(isinstance(error, NotReady) for error in errors):
        return NotReady("CB-WAIT-DAYS-FAILED", text)
    if any(isinstance(error, Transient) for error in errors):
        return Transient("CB-RETRY-DAYS-FAILED", text)
    return WrongData("CB-DATA-DAYS-FAILED", text)
