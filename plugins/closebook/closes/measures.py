"""What a close counts: settled volume and ledger entries, and their control totals."""

from dataclasses import dataclass
from typing import Literal

Measure = Literal["volume", "ledger"]


@dataclass(frozen=True)
class ControlTotal:
    """The row count and sum of one measure in one currency, from a separate scan of the source.

    ``currency`` is as the platform has it, and empty for rows without one. The sum may be beyond
    bigint.
    """

    measure: Measure
    currency: str
    row_count: int
    amount_minor: int

    def __str__(self) -> str:
        rows = "row" if self.row_count == 1 else "rows"
        units = f"{self.amount_minor:,} minor units"
        return f"{self.measure} {self.currency} {self.row_count:,} {rows}, {units}"
