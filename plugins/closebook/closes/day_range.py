"""A range of days in one run: each closes by itself, and one that fails leaves the others be."""

import logging
from collections import deque
from collections.abc import Sequence

from closebook.closes import boundaries
from closebook.closes.day import close_day
from closebook.errors import ClosebookError, Misconfigured, NotReady, Transient, WrongData
from closebook.periods import Period
from closebook.settings import Run, Settings
from closebook.sql import query
from closebook.store.session import on_store

log = logging.getLogger(__name__)

TRIED_AGAIN = (NotReady, Transient)
# Days beside each other can be too much for their servers. If one far from them is too, it is the
# servers.
UNREADY_IN_A_ROW = 2
REASONS_SHOWN = 3


def close_days(settings: Settings, days: Sequence[Period], run: Run) -> list[int]:
    """Close those of the days that this run has not closed yet, in order; return their close ids.

    A day that fails is told and passed over. Raises in the end what Airflow should do about the
    days that are left: NotReady or Transient if trying again can close one of them, else
    WrongData. Misconfigured stops at once.
    """
    with on_store(settings) as store:
        days = boundaries.as_closed(store, days)
    left = _left(settings, days, run)
    if len(left) < len(days):
        log.info("%d of %d days were closed by this run before", len(days) - len(left), len(days))
    close_ids: list[int] = []
    failures: dict[Period, ClosebookError] = {}
    unready_in_a_row = 0
    queue = deque(left)
    while queue and unready_in_a_row <= UNREADY_IN_A_ROW:
        # The farthest day then tells whether it is those days or the servers.
        day = queue.pop() if unready_in_a_row == UNREADY_IN_A_ROW else queue.popleft()
        try:
            close_ids.append(close_day(settings, day, run).close_id)
        except Misconfigured:
            raise
        except ClosebookError as error:
            log.error("%s is not closed: %s", day.label, error)  # noqa: TRY400  # no bug of ours
            failures[day] = error
            unready_in_a_row = unready_in_a_row + 1 if isinstance(error, TRIED_AGAIN) else 0
        else:
            unready_in_a_row = 0
    if failures:
        raise _summary(failures, len(days), len(queue))
    return close_ids


def _left(settings: Settings, days: Sequence[Period], run: Run) -> list[Period]:
    """The days that the run has closed less often than the others; all of them, if it has closed
    all equally often and begins again."""
    asked = {"run_id": run.run_id, "starts": [day.start for day in days]}
    with on_store(settings) as store:
        rows = store.execute(query("closes/days_closed_by_run"), asked).fetchall()
    counts = {row["period_start"]: row["close_count"] for row in rows}
    most = max(counts.values(), default=0)
    return [day for day in days if counts.get(day.start, 0) < most] or [*days]


def _summary(
    failures: dict[Period, ClosebookError], day_count: int, untried_count: int
) -> ClosebookError:
    errors = [*failures.values()]
    kinds = [k for k in TRIED_AGAIN if any(isinstance(error, k) for error in errors)]
    kind = kinds[0] if kinds else WrongData
    return kind(
        f"{len(failures)} of {day_count} days failed ({', '.join(d.label for d in failures)}), "
        f"{untried_count} were not tried, all others are closed; mend what is wrong and clear the "
        f"task, which closes the rest: {'; '.join(map(str, errors[:REASONS_SHOWN]))}"
    )
