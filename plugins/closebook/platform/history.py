"""A history: the log of one cluster along its timelines; and up to where two of them are the same.

A promotion ends the old primary's timeline for the new one and begins another. What the old primary
wrote beyond that position is no part of the new history. The number alone does not identify a
timeline: if two copies of a cluster are promoted separately, both begin a timeline of the same
number. So a history is its cluster, its timeline, and the positions where its earlier timelines
ended, as PostgreSQL keeps them in the file pg_wal/<timeline>.history.
"""

from dataclasses import dataclass
from typing import Self

from psycopg.rows import DictRow

# Greater than every position of a log, which has 64 bits.
END_OF_LOG = 2**64 - 1


@dataclass(frozen=True)
class SwitchPoint:
    """A timeline that ended, and the position (in bytes) at which the next one began."""

    timeline: int
    position: int

    def __str__(self) -> str:
        return f"{self.timeline}@{lsn(self.position)}"


@dataclass(frozen=True)
class History:
    """A cluster's log up to its present timeline.

    ``switch_points`` is None where the server could not read its timeline's file.
    """

    system_identifier: str
    timeline: int
    switch_points: tuple[SwitchPoint, ...] | None

    @classmethod
    def from_row(cls, row: DictRow) -> Self:
        """Return the history that a server, or the register, gave in columns of these names."""
        text = row["switch_points"]
        points = None if text is None else tuple(map(_switch_point, filter(None, text.split(","))))
        return cls(row["system_identifier"], row["timeline"], points)

    @property
    def switch_points_text(self) -> str | None:
        """The switch points as a text, such as ``1@0/3000148,2@0/5000060``."""
        return None if self.switch_points is None else ",".join(map(str, self.switch_points))

    def may_equal(self, other: "History") -> bool:
        """Return whether the two may be the same history: no value that is known differs."""
        return (
            (self.system_identifier, self.timeline) == (other.system_identifier, other.timeline)
            and (
                self.switch_points is None
                or other.switch_points is None
                or self.switch_points == other.switch_points
            )
        )  # fmt: skip


def end_of_common_log(old: History, new: History) -> int | None:
    """Return the position up to which two histories are the same log; None if not known.

    END_OF_LOG for two equal histories. Timelines are compared from the first one on: each lasts
    up to its switch point, the last one to the end of the log.
    """
    if old.system_identifier != new.system_identifier:
        return None
    if old.switch_points is None or new.switch_points is None:
        return None
    common = 0
    for ours, theirs in zip(_with_end(old), _with_end(new), strict=False):
        if ours.timeline != theirs.timeline:
            break
        common = min(ours.position, theirs.position)
        if ours.position != theirs.position:
            break
    return common


def lsn(position: int) -> str:
    """Return a position of the log as PostgreSQL writes it."""
    return f"{position >> 32:X}/{position & 0xFFFFFFFF:X}"


def position_of(text: str) -> int:
    """Return the position that a text such as ``0/3000148`` names. Raises ValueError."""
    high, slash, low = text.partition("/")
    if not slash or not 1 <= len(high) <= 8 or not 1 <= len(low) <= 8:  # noqa: PLR2004  # digits
        raise ValueError(text)
    return (int(high, 16) << 32) | int(low, 16)


def _with_end(history: History) -> tuple[SwitchPoint, ...]:
    points = history.switch_points or ()
    return (*points, SwitchPoint(history.timeline, END_OF_LOG))


def _switch_point(text: str) -> SwitchPoint:
    timeline, _, position = text.partition("@")
    return SwitchPoint(int(timeline), position_of(position))
