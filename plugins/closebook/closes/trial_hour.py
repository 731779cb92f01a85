"""A trial of an hour: it is read and checked as its close would do it, and nothing is written.

A first close cannot be taken back: the register keeps the history of its primary, and the counter
begins with its hour. A trial shows before whether the views of a platform are right.
"""

import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass

from psycopg.rows import DictRow

from closebook.closes import hour as closing
from closebook.closes.measures import ControlTotal
from closebook.errors import WrongData
from closebook.keys import BIGINT_KEYS, KeyTypes
from closebook.money import known_currencies, to_major
from closebook.periods import Period
from closebook.platform import replicas
from closebook.platform.source import Source
from closebook.settings import Settings

_HEADER = ("currency", "kind", "transactions", "amount", "fee", "discount")


@dataclass(frozen=True)
class TrialTotal:
    """The row count of an hour in one currency and kind, and the sums in minor units."""

    currency: str
    kind: str
    transaction_count: int
    amount_minor: int
    fee_minor: int
    discount_minor: int


@dataclass(frozen=True)
class TrialHour:
    """The totals of an hour, what its close would leave out and why, and how it was read."""

    hour: Period
    replica: str
    fence_lsn: str
    totals: Sequence[TrialTotal]
    left_out: Mapping[str, str]
    seconds: float

    @property
    def text(self) -> str:
        """The trial as a text for a person, with a table of totals in major units."""
        lines = [
            f"{self.hour}, read on {self.replica} past {self.fence_lsn} in {self.seconds:.2f} s; "
            "nothing was written",
            *_table([_HEADER, *map(_cells, self.totals)]),
        ]
        if not self.totals:
            lines[1:] = ["no transaction was settled in this hour"]
        lines += [
            f"left out: {currency or '(no currency)'} ({reason}): docs/operations.md#exceptions"
            for currency, reason in self.left_out.items()
        ]
        return "".join(f"{line}\n" for line in lines)

    @property
    def as_json(self) -> dict[str, object]:
        """The trial as a value for JSON, with amounts in minor units."""
        return {
            "hour": self.hour.start.isoformat(),
            "replica": self.replica,
            "fence_lsn": self.fence_lsn,
            "seconds": round(self.seconds, 3),
            "totals": [asdict(total) for total in self.totals],
            "left_out": dict(self.left_out),
        }


def try_hour(settings: Settings, hour: Period, keys: KeyTypes = BIGINT_KEYS) -> TrialHour:
    """Read an hour on a replica past the fence, and check it. Writes nothing.

    Raises NotReady, Transient or Misconfigured as a close does; WrongData if its rows are not the
    rows of the second count.
    """
    began = time.monotonic()

    def work(source: Source) -> TrialHour:
        rows = source.rows("hourly_volume/read", hour.bounds)
        control = closing.control_totals(source, hour).get(hour.start, [])
        left_out = {each.total.currency: each.reason for each in control if each.reason}
        _require_equal(hour, rows, [each.total for each in control], left_out)
        seconds = time.monotonic() - began
        totals = [_total(row) for row in rows]
        return TrialHour(hour, source.replica.name, source.fence.lsn, totals, left_out, seconds)

    return replicas.read(settings, hour, work, keys=keys)


def _total(row: DictRow) -> TrialTotal:
    amount, fee, discount = (
        int(row[name] or 0) for name in ("amount_minor", "fee_minor", "discount_minor")
    )
    return TrialTotal(
        row["currency"] or "", row["kind"] or "", row["transaction_count"], amount, fee, discount
    )


def _require_equal(
    hour: Period,
    rows: Sequence[DictRow],
    control: Sequence[ControlTotal],
    left_out: Mapping[str, str],
) -> None:
    """Compare the rows of each currency that is not left out with its control total."""
    for total in control:
        if total.currency in left_out:
            continue
        of_currency = [row for row in rows if (row["currency"] or "") == total.currency]
        row_count = sum(row["transaction_count"] for row in of_currency)
        amount_minor = sum(int(row["amount_minor"]) for row in of_currency)
        # guard: trial.equals-the-second-count
        if (row_count, amount_minor) != (total.row_count, total.amount_minor):
            raise WrongData(
                "CB-DATA-TRIAL-DIFFERS",
                f"{hour}: {total.currency} has {row_count} rows and {amount_minor} minor units, "
                f"and the second count of the same snapshot {total.row_count} and "
                f"{total.amount_minor}: a view does not give the same rows twice, or an index is "
                "damaged",
            )


def _cells(total: TrialTotal) -> tuple[str, ...]:
    def text(amount_minor: int) -> str:
        if total.currency not in known_currencies():
            return f"{amount_minor} minor"
        return f"{to_major(amount_minor, total.currency):f}"

    amounts = (total.amount_minor, total.fee_minor, total.discount_minor)
    return total.currency, total.kind, str(total.transaction_count), *map(text, amounts)


def _table(rows: Sequence[Sequence[str]]) -> list[str]:
    """Return the lines of a table. The first two columns have words, the others numbers."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [
        "  ".join(
            cell.ljust(width) if place < 2 else cell.rjust(width)  # noqa: PLR2004  # two of words
            for place, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]
