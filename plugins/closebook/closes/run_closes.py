"""What a run has closed, by the store: in all of its tries and tasks, and not in the last one only.

A task may be killed after a close was written and before it reports it. Its next try only confirms
the close.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from closebook.closes.values import Close
from closebook.periods import Period
from closebook.settings import Run, Settings
from closebook.sql import query
from closebook.store.session import Store, on_store


@dataclass(frozen=True)
class RunClose:
    """The last close of a period by a run, and how often the run has closed the period.

    Its outcome is that of the whole run: the version is new or changed if the run has made it.
    """

    close: Close
    count: int


def closes_of_run(store: Store, run: Run, periods: Iterable[Period]) -> dict[Period, RunClose]:
    """Return those periods that a run has closed or confirmed, each with its last close."""
    asked = {(str(period.grain), period.start): period for period in periods}
    rows = store.execute(
        query("closes/of_run"),
        {
            "run_id": run.run_id,
            "grains": [grain for grain, _ in asked],
            "starts": [start for _, start in asked],
        },
    ).fetchall()
    found: dict[Period, RunClose] = {}
    for row in rows:
        period = asked[row["grain"], row["period_start"]]
        close = Close(row["close_id"], period, row["close_version"], row["outcome"])
        found[period] = RunClose(close, row["close_count"])
    return found


def as_of_run(settings: Settings, run: Run, closes: Sequence[Close]) -> list[Close]:
    """Return closes with the outcomes of the whole run. What this try has made needs no look."""
    confirmed = [each.period for each in closes if each.outcome == "confirmed"]
    if not confirmed:
        return [*closes]
    with on_store(settings) as store:
        of_run = closes_of_run(store, run, confirmed)
    return [
        # guard: events.outcome-of-the-whole-run
        replace(each, outcome=of_run[each.period].close.outcome) if each.period in of_run else each
        for each in closes
    ]
