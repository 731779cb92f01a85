"""Close a range of days in one run. Each day is a close of its own.

A day that fails does not stop the other days.
"""

import logging
from collections import deque
from collections.abc import Sequence

from closebook.closes import boundaries
from closebook.closes.day import close_day
from closebook.closes.values import Close
from closebook.errors import ClosebookError, Misconfigured, NotReady, Transient, WrongData
from closebook.periods import Period
from closebook.settings import Run, Settings
from closebook.sql import query
from closebook.store.session import on_store

log = logging.getLogger(__name__)

RETRYABLE = (NotReady, Transient)
# After this many failures in a row, the last day of the range is tried. If that fails too, the
# servers are at fault and not these days, and the run stops.
FAILURES_BEFORE_LAST_DAY = 2
REASONS_SHOWN = 3


def close_days(settings: Settings, days: Sequence[Period], run: Run) -> list[Close]:
    """Close the days that this run has not closed yet, in order; return their closes.

    A day that fails is logged, and the next day is closed. If days failed, raises NotReady or
    Transient at the end when a retry may close one of them, else WrongData. Misconfigured is
    raised at once.
    """
    with on_store(settings) as store:
        days = boundaries.as_closed(store, days)
    remaining = _days_to_close(settings, days, run)
    if len(remaining) < len(days):
        log.info(
            "%d of %d days were closed by this run before", len(days) - len(remaining), len(days)
        )
    closed: list[Close] = []
    failures: dict[Period, ClosebookError] = {}
    failures_in_a_row = 0
    queue = deque(remaining)
    # guard: range.lost-servers-end-a-try
    while queue and failures_in_a_row <= FAILURES_BEFORE_LAST_DAY:
        # The last day is the least likely to fail for the same reason as these days.
        # guard: range.unready-days-keep-no-other
        day = queue.pop() if failures_in_a_row == FAILURES_BEFORE_LAST_DAY else queue.popleft()
        try:
            closed.append(close_day(settings, day, run))
        except Misconfigured:
            raise
        except ClosebookError as error:
            log.error("%s is not closed: %s", day.label, error)  # noqa: TRY400  # no bug of ours
            failures[day] = error
            failures_in_a_row = failures_in_a_row + 1 if isinstance(error, RETRYABLE) else 0
        else:
            failures_in_a_row = 0
    if failures:
        raise _summary(failures, len(days), len(queue))
    return closed


def _days_to_close(settings: Settings, days: Sequence[Period], run: Run) -> list[Period]:
    """Return the days that this run has still to close.

    Those are the days that it has closed less often than the others. If it has closed all of them
    equally often, as when a task that had closed all days is cleared, those are all days.
    """
    asked = {"run_id": run.run_id, "starts": [day.start for day in days]}
    with on_store(settings) as store:
        rows = store.execute(query("closes/days_closed_by_run"), asked).fetchall()
    counts = {row["period_start"]: row["close_count"] for row in rows}
    most = max(counts.values(), default=0)
    # guard: range.closed-days-are-not-repeated
    return [day for day in days if counts.get(day.start, 0) < most] or [*days]


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
