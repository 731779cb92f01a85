"""After a failover: acknowledge the new history, and close again what a lost log may have touched.

docs/failover.md is the runbook.
"""

import logging
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Self

from closebook.closes import histories
from closebook.closes.day import close_day
from closebook.closes.histories import KnownHistory
from closebook.closes.hour import close_hour
from closebook.closes.month import close_month
from closebook.closes.register import ChangeWithoutReason
from closebook.closes.values import Close
from closebook.errors import Misconfigured, WrongData
from closebook.periods import Grain, Period
from closebook.platform import fence
from closebook.platform.fence import Fence
from closebook.platform.history import History, end_of_common_log, lsn, position_of
from closebook.settings import Run, Settings
from closebook.sql import query
from closebook.store.session import Store, on_store
from closebook.typed_text import typed_text

log = logging.getLogger(__name__)

CLOSE = {Grain.HOUR: close_hour, Grain.DAY: close_day, Grain.MONTH: close_month}


@dataclass(frozen=True)
class Acknowledgement:
    """The timeline that a person acknowledges, as they name it.

    ``common_position`` is the last position (in bytes) of the former history that the new one
    shares. It is needed only where the primary cannot report it. Where the primary reports one too,
    the smaller of the two counts.
    """

    timeline: int
    common_position: int | None = None

    @classmethod
    def parsed(cls, timeline: object, common_lsn: str | None) -> Self:
        """Return what a person typed. Raises Misconfigured for what is no timeline or position."""
        try:
            position = position_of(common_lsn) if common_lsn else None
            return cls(int(str(timeline)), position)
        except ValueError as error:
            raise Misconfigured(
                "CB-CONFIG-NOT-A-TIMELINE",
                f"timeline {timeline!r} and common_lsn {common_lsn!r}: write a timeline as 2 and a "
                "position as 0/3000148",
            ) from error


def acknowledge(settings: Settings, run: Run, acknowledgement: Acknowledgement) -> bool:
    """Make the primary's present history the one that closes are read from.

    Returns False when it is the current history already, or nothing was closed yet: there is
    nothing to acknowledge then. Waits for closes that are being written. Raises
    Misconfigured when the primary does not write the timeline that is named, when the run has no
    reason or person, or when it is not known up to where both histories are the same.
    """
    primary = fence.end_of_log(settings)
    named = acknowledgement.timeline
    if primary.history.timeline != named:  # guard: failover.named-timeline
        raise Misconfigured(
            "CB-CONFIG-OTHER-TIMELINE-NAMED",
            f"closebook_primary writes timeline {primary.history.timeline}, and timeline {named} "
            "is to be acknowledged: see that the connection leads to the new primary",
        )
    # A cleared run has neither: both belong to its earlier start.
    if not typed_text(run.reason) or not typed_text(run.requested_by):
        raise Misconfigured(
            "CB-CONFIG-ACKNOWLEDGEMENT-INCOMPLETE",
            "this run has no person or no reason, and an acknowledgement is recorded with both: "
            "trigger a new run with a reason, in the UI",
        )
    with on_store(settings) as store:
        store.execute(query("platform_histories/lock"))
        known = histories.current(store)
        if known is None or _continues(known, primary):
            return False
        common = _common_positions(store, known, primary, acknowledgement.common_position)
        written = store.execute(
            query("platform_histories/acknowledge"),
            {
                **histories.columns(primary.history),
                "acknowledged_by": run.requested_by,
                "reason": run.reason,
                "run_id": run.run_id,
            },
        ).fetchone()
        assert written is not None  # noqa: S101  # the insert returns its row
        for history_id, common_position in common.items():
            row = {"history_id": history_id, "common_position": common_position}
            store.execute(
                query("lost_logs/insert"), row | {"acknowledged_history_id": written["history_id"]}
            )
    log.warning(
        "%s acknowledged timeline %d: up to %s it has the same log as the former history",
        run.requested_by,
        named,
        lsn(common[known.history_id]),
    )
    return True


def touched_periods(settings: Settings) -> list[Period]:
    """Return the closed periods that a lost log may have touched: hours, days, then months."""
    with on_store(settings) as store:
        rows = store.execute(query("closes/touched_by_lost_log")).fetchall()
    return [Period.from_register(row) for row in rows]


def close_again(settings: Settings, run: Run) -> list[Close]:
    """Close each touched period again, in order, and return the closes of this try.

    A period that is closed again is no longer touched, so a run that was interrupted continues
    where it stopped: closed_again has the closes of all of its tries. A month is only confirmed
    here: to change it, run monthly_statements with a reason. Raises WrongData in the end with the
    periods that are not closed again, NotReady or Transient at once.
    """
    closes: list[Close] = []
    failures: list[WrongData] = []
    reasons = ["closed again after a failover", *filter(None, [run.reason])]
    again = replace(run, reason=": ".join(reasons))
    for period in touched_periods(settings):
        is_month = period.grain is Grain.MONTH
        try:
            made = CLOSE[period.grain](
                settings, period, replace(run, reason=None) if is_month else again
            )
        except WrongData as error:
            failures.append(error)
        else:
            closes.append(made)
            log.info("%s: version %d, %s", period, made.version, made.outcome)
    if failures:
        raise WrongData(
            "CB-DATA-NOT-CLOSED-AGAIN", _summary(failures, len(closed_again(settings, run)))
        )
    return closes


def closed_again(settings: Settings, run: Run) -> list[int]:
    """Return the ids of all closes that a run has read from the current history, in all tries.

    The hours of a day that was closed again are among them.
    """
    with on_store(settings) as store:
        rows = store.execute(query("closes/closed_again_by_run"), {"run_id": run.run_id}).fetchall()
    return [row["close_id"] for row in rows]


def _continues(known: KnownHistory, primary: Fence) -> bool:
    """Whether closes of the primary continue the current history, and nothing is to be done."""
    is_behind = known.newest_position is not None and primary.position < known.newest_position
    return known.history.may_equal(primary.history) and not is_behind


def _common_positions(
    store: Store, known: KnownHistory, primary: Fence, given: int | None
) -> dict[int, int]:
    """Return, by history_id, the position up to which each former history is the primary's log.

    ``given`` is an upper bound for the histories of the current one's cluster. It is the only bound
    where the primary has another cluster's log, cannot read its history, or is a restored copy
    whose history looks like the current one.
    """
    new = primary.history
    positions: dict[int, int] = {}
    rows = store.execute(query("platform_histories/all")).fetchall()
    for row in reversed(rows):
        history = History.from_row(row)
        is_copy = known.history.may_equal(new)
        common = end_of_common_log(history, known.history if is_copy else new)
        if row["history_id"] == known.history_id:
            if given is None and (common is None or is_copy):
                raise Misconfigured(
                    "CB-CONFIG-COMMON-POSITION-UNKNOWN",
                    "the primary cannot tell up to where its history is that of the closes: give "
                    "the last position that both share as common_lsn (docs/failover.md says where "
                    "to find it)",
                )
            is_comparable = common is not None
            common = _least([common, given])
        else:
            is_comparable = history.system_identifier == known.history.system_identifier
            former = row["common_lsn"]
            bounds = [common, None if former is None else position_of(former)]
            common = _least([*bounds, positions[known.history_id]] if is_comparable else bounds)
        positions[row["history_id"]] = common
    return positions


def _least(bounds: Iterable[int | None]) -> int:
    return min(bound for bound in bounds if bound is not None)


def _summary(failures: list[WrongData], closed_count: int) -> str:
    months = [str(error) for error in failures if isinstance(error, ChangeWithoutReason)]
    others = [str(error) for error in failures if not isinstance(error, ChangeWithoutReason)]
    parts = [f"{closed_count} periods are closed again, {len(failures)} are not"]
    if months:
        parts.append(
            "a month would change: run monthly_statements for it with a reason, which issues the "
            f"statements that differ again: {'; '.join(months)}"
        )
    if others:
        parts.append(f"correct the cause and run this again: {'; '.join(others)}")
    return "; ".join(parts)
