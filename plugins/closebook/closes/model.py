"""The values of a close: what was read, what is to be written, and what came of it."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from closebook.periods import Grain, Period
from closebook.platform.source import Source
from closebook.settings import Replica, Run

Outcome = Literal["new", "changed", "confirmed"]
Measure = Literal["volume", "ledger"]
Basis = Mapping[tuple[Grain, datetime], int]


@dataclass(frozen=True)
class ControlTotal:
    """What a bare scan of the source counted and added up: a measure in one currency."""

    measure: Measure
    currency: str
    row_count: int
    amount_minor: int


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
    """The current version of a period after a close, and how the close came out.

    new: the first version; changed: it supersedes the version before, and ``corrections`` say
    by how much; confirmed: the same numbers as before.
    """

    close_id: int
    period: Period
    version: int
    outcome: Outcome
    corrections: tuple[Correction, ...] = ()


@dataclass(frozen=True)
class Reading:
    """An open read on a replica, and the versions that were current before its fence.

    ``basis`` is the close_id by grain and start. ``agrees_with`` is the replica from which the same
    was written already in this transaction: this reading may only confirm it.
    """

    source: Source
    basis: Basis
    agrees_with: Replica | None = None


@dataclass(frozen=True)
class Content:
    """What a close of one grain writes: its rows, its control totals, what proves them.

    ``insert`` writes the rows under a close_id. ``changes`` names tables, each with its
    sql/<table>/changes.sql; ``requirements`` and ``tie_outs`` name the files sql/*/check_*.sql
    that must select nothing before and after the rows are in. Where a ``change_needs_reason``, a
    run without one may only confirm. ``after_change`` runs under the close_id of a new version.
    """

    insert: Callable[[int], None]
    totals: Sequence[ControlTotal]
    changes: Sequence[str]
    tie_outs: Sequence[str]
    requirements: Sequence[str] = ()
    change_needs_reason: bool = False
    after_change: Callable[[int], None] = lambda _: None


@dataclass(frozen=True)
class Draft:
    """A period that is to be closed: its content, and the run that its record names."""

    period: Period
    run: Run
    content: Content


@dataclass(frozen=True)
class Plan:
    """The drafts of one transaction: each is written before the next one is made.

    ``held`` are the periods that nobody else may close from before the first draft is written:
    months before days before hours, and each in order, so that no two closes wait for each other.
    """

    drafts: Iterable[Draft]
    held: Sequence[Period] = ()
