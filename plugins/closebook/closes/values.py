"""The values of a close: the reading, the plan of what is written, and the outcome."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from closebook.closes.exceptions import CloseException
from closebook.closes.measures import ControlTotal, Measure
from closebook.periods import Grain, Period
from closebook.platform.source import Source
from closebook.settings import Replica, Run

Outcome = Literal["new", "changed", "confirmed"]
CurrentVersions = Mapping[tuple[Grain, datetime], int]


@dataclass(frozen=True)
class Correction:
    """How a measure in one currency changed from the version before: rows and minor units."""

    measure: Measure
    currency: str
    old_row_count: int
    new_row_count: int
    old_amount_minor: int
    new_amount_minor: int

    @property
    def is_difference(self) -> bool:
        """Whether rows or minor units are more or less than before."""
        old = (self.old_row_count, self.old_amount_minor)
        return old != (self.new_row_count, self.new_amount_minor)

    def __str__(self) -> str:
        return (
            f"{self.measure} {self.currency} {self.old_row_count} -> {self.new_row_count} rows, "
            f"{self.old_amount_minor} -> {self.new_amount_minor} minor units"
        )


@dataclass(frozen=True)
class Close:
    """The current version of a period after a close, and the outcome of the close.

    ``new``: the first version. ``changed``: it replaces the version before, and ``corrections``
    are the differences. ``confirmed``: the numbers are the same, and no version was added.
    ``exceptions`` are what it leaves out. ``totals`` are the control totals as the register has
    them, and ``replica`` is the name of the one that was read.
    """

    close_id: int
    period: Period
    version: int
    outcome: Outcome
    corrections: tuple[Correction, ...] = ()
    exceptions: tuple[CloseException, ...] = ()
    totals: tuple[ControlTotal, ...] = field(default=(), compare=False)
    replica: str = field(default="", compare=False)


@dataclass(frozen=True)
class Reading:
    """An open read on a replica, and the versions that were current before its fence.

    ``versions_before`` is the close_id by grain and start. ``cross_checked_with`` is set in the
    second reading of a cross-check: it is the replica whose numbers were written before, and this
    reading may only confirm them.
    """

    source: Source
    versions_before: CurrentVersions
    cross_checked_with: Replica | None = None


@dataclass(frozen=True)
class Content:
    """What a close of one grain writes: its rows, its control totals, and its checks.

    ``insert`` writes the rows under a close_id, without the ``exceptions``. ``changes`` are the
    tables that are compared with the version before, by sql/<table>/changes.sql; the exceptions
    are always compared. ``tie_outs`` are the checks that run after the insert. If
    ``change_needs_reason`` is true, a run without a reason may confirm the period and not change
    it. ``after_change`` is called with the close_id of a new version. ``is_unchanged``
    gets the close_id of the current version, and returns whether ``insert`` would write the rows
    that it has: then nothing is written to confirm it. Without it they are written and compared.
    """

    insert: Callable[[int], None]
    totals: Sequence[ControlTotal]
    changes: Sequence[str]
    tie_outs: Sequence[str]
    exceptions: Sequence[CloseException] = ()
    change_needs_reason: bool = False
    after_change: Callable[[int], None] = lambda _: None
    is_unchanged: Callable[[int], bool] | None = None


@dataclass(frozen=True)
class Draft:
    """A period that is to be closed: its content, and the run for the register."""

    period: Period
    run: Run
    content: Content


@dataclass(frozen=True)
class Plan:
    """The drafts of one transaction. Each draft is written before the next one is computed.

    ``locked`` are the periods that are locked before the first draft is written, so that no other
    run closes them. Months come before days, days before hours, and each grain in order of time:
    two closes that lock in one order cannot deadlock.
    """

    drafts: Iterable[Draft]
    locked: Sequence[Period] = ()
