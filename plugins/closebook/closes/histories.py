"""The histories of the platform that closes were read from; a close continues the current one.

A close is refused when the primary on which its fence was taken does not write the history that
the register knows as the current one. Otherwise an old primary that is back, a restored copy, or a
replica that was promoted separately could replace numbers by those of another history.

Limits: where a server cannot read the history file of its timeline, only the cluster and the number
of the timeline are known. Another history of the same number is then refused only if its position
is before the newest position that was read. The same is true of a copy that was restored without a
promotion.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from closebook.errors import Misconfigured, NotReady
from closebook.platform.fence import Fence
from closebook.platform.history import History, lsn
from closebook.platform.source import Source
from closebook.settings import Run
from closebook.sql import query
from closebook.store.session import Store

_WHAT_TO_DO = (
    "point closebook_primary and CLOSEBOOK_REPLICAS at the servers of that history; if the "
    "platform goes on with this one on purpose, acknowledge the failover (docs/failover.md)"
)


class OtherHistory(Misconfigured):
    """The primary does not write the history that the closes were read from."""


class FailoverNotAcknowledged(NotReady):
    """The primary writes a newer timeline, and nobody has acknowledged the failover yet."""


class HistoryReplaced(NotReady):
    """A failover was acknowledged after this run began: the run has to read again."""


@dataclass(frozen=True)
class KnownHistory:
    """The current history of the register, and the newest position of its log that was read."""

    history_id: int
    history: History
    newest_position: int | None


def current(store: Store) -> KnownHistory | None:
    """Return the history that closes are read from now, or None before the first close."""
    row = store.execute(query("platform_histories/current")).fetchone()
    if row is None:
        return None
    return KnownHistory(row["history_id"], History.from_row(row), row["newest_position"])


def require_continuation(known: KnownHistory | None, fence: Fence) -> None:
    """Refuse a fence that does not continue the history that was known before it was taken.

    Raises FailoverNotAcknowledged for a newer timeline. Raises OtherHistory for another cluster, an
    older timeline, another history of the same timeline, or a position before one that was read
    already: the primary is an old one, or a copy of one.
    """
    if known is None:
        return
    ours, theirs = known.history, fence.history
    if theirs.system_identifier != ours.system_identifier:  # guard: history.cluster
        raise OtherHistory(
            "CB-CONFIG-OTHER-CLUSTER",
            f"the primary is a server of cluster {theirs.system_identifier}, and the closes were "
            f"read from cluster {ours.system_identifier}: {_WHAT_TO_DO}",
        )
    if theirs.timeline > ours.timeline:  # guard: history.newer-timeline
        raise FailoverNotAcknowledged(
            "CB-WAIT-FAILOVER-NOT-ACKNOWLEDGED",
            f"the primary writes timeline {theirs.timeline}, and the closes were read from "
            f"timeline {ours.timeline}: the platform failed over; acknowledge it "
            "(docs/failover.md), and what the lost log may have touched is closed again",
        )
    if theirs.timeline < ours.timeline:  # guard: history.older-timeline
        raise OtherHistory(
            "CB-CONFIG-OLDER-TIMELINE",
            f"the primary writes timeline {theirs.timeline}, and the closes were read from "
            f"timeline {ours.timeline}: it is an old primary, or restored from an old backup; "
            f"{_WHAT_TO_DO}",
        )
    if not theirs.may_equal(ours):  # guard: history.other-promotion
        raise OtherHistory(
            "CB-CONFIG-OTHER-PROMOTION",
            f"the primary writes another timeline {theirs.timeline} than the closes were read "
            f"from: its switch points are {theirs.switch_points_text}, and those of the closes are "
            f"{ours.switch_points_text}; "
            f"{_WHAT_TO_DO}",
        )
    newest = known.newest_position
    if newest is not None and fence.position < newest:  # guard: history.earlier-position
        raise OtherHistory(
            "CB-CONFIG-EARLIER-POSITION",
            f"the primary's log ends at {fence.lsn}, and closes were read up to {lsn(newest)} of "
            f"timeline {theirs.timeline}: it is a restored copy, or lost a part of its log; "
            f"{_WHAT_TO_DO}",
        )


def lock_current_history(store: Store, known: KnownHistory | None, source: Source) -> None:
    """Keep the current history from being replaced by an operator while a close is written.

    Raises HistoryReplaced when the current history is not the one that was known before the fence.
    """
    store.execute(query("platform_histories/lock_shared"))
    _refuse_replaced(current(store), known, source.fence.history)


def record_readings(
    store: Store, close_ids: Sequence[int], known: KnownHistory | None, source: Source, run: Run
) -> None:
    """Write that versions were written or confirmed by this reading of the history.

    The first close adopts its primary's history here, as its last step before the commit, since
    another first close has to wait from then on. Raises HistoryReplaced if another first close has
    adopted another history meanwhile.
    """
    history = source.fence.history
    if known is None:
        store.execute(query("platform_histories/adopt"), {**columns(history), "run_id": run.run_id})
    now = current(store)
    assert now is not None  # noqa: S101  # one is known, or was adopted just now
    _refuse_replaced(now, known, history)  # guard: history.one-is-adopted
    store.execute(
        query("close_readings/insert"),
        {
            "close_ids": [*close_ids],
            "history_id": now.history_id,
            "fence_position": source.fence.position,
            "read_position": source.replay_position,
            "replica_name": source.replica.name,
            "run_id": run.run_id,
        },
    )


def _refuse_replaced(
    now: KnownHistory | None, known: KnownHistory | None, history: History
) -> None:
    if now is None:  # before the first close
        return
    is_replaced = (
        now.history_id != known.history_id if known else not now.history.may_equal(history)
    )
    if is_replaced:  # guard: history.same-when-written
        raise HistoryReplaced(
            "CB-WAIT-HISTORY-REPLACED",
            f"closes are read from timeline {now.history.timeline} by now, and this run has read "
            f"timeline {history.timeline}: run it again",
        )


def columns(history: History) -> dict[str, object]:
    """Return the columns of a history in the register."""
    return {
        "system_identifier": history.system_identifier,
        "timeline": history.timeline,
        "switch_points": history.switch_points_text,
    }
