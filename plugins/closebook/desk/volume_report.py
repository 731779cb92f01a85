"""The volume of any range of closed days for finance, filtered and split, from the rollups."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from itertools import pairwise
from typing import Self
from urllib.parse import urlencode

from psycopg.rows import DictRow

from closebook.periods import DAY
from closebook.sql import query
from closebook.store.key_types import key_types_of
from closebook.store.session import Store

KINDS = ("payment", "refund", "chargeback")
SPLITS: Mapping[str, str] = {
    "merchant": "merchant_id",
    "category": "merchant_category",
    "country": "user_country",
    "funding": "promotion_funding",
}
"""What rows can be split by, each with the column that has its value."""
USUAL_DAYS = 31
LONGEST_DAYS = 3_660
SHOWN_ROWS = 500
MOST_ROWS = 50_000
"""The most rows of a file. If there are more, the person has to narrow the range."""
_LONGEST_TEXT = 200


@dataclass(frozen=True)
class VolumeRange:
    """The days of a report, both included, and its criteria. An empty one matches everything.

    ``split_by`` are the columns that the rows are split by, beside day, currency and kind.
    """

    first_day: date
    last_day: date
    currency: str = ""
    kind: str = ""
    merchant: str = ""
    category: str = ""
    country: str = ""
    funding: str = ""
    split_by: tuple[str, ...] = ()

    @classmethod
    def from_url(
        cls,
        last_closed: date,
        first_day: date | None,
        last_day: date | None,
        split_by: Sequence[str],
        **criteria: str,
    ) -> Self:
        """Return the report of a URL. Without dates it has the 31 days up to the last closed one.

        Dates in the wrong order are turned around, and the range is never longer than ten years.
        """
        last = last_day or last_closed
        first = first_day or last - DAY * (USUAL_DAYS - 1)
        first, last = min(first, last), max(first, last)
        first = max(first, last - DAY * (LONGEST_DAYS - 1))
        texts = {
            name: " ".join(text.replace("\0", "").split())[:_LONGEST_TEXT]
            for name, text in criteria.items()
        }
        texts["kind"] = texts["kind"] if texts["kind"] in KINDS else ""
        chosen = tuple(name for name in SPLITS if name in split_by)
        return cls(first, last, split_by=chosen, **texts)

    @property
    def url_query(self) -> str:
        """The query of the URL with this report."""
        pairs = [("first_day", f"{self.first_day}"), ("last_day", f"{self.last_day}")]
        pairs += [(name, text) for name, text in self.criteria.items() if text]
        return urlencode([*pairs, *(("split_by", name) for name in self.split_by)])

    @property
    def criteria(self) -> dict[str, str]:
        """The criteria by name."""
        names = ("currency", "kind", "merchant", "category", "country", "funding")
        return {name: getattr(self, name) for name in names}

    @property
    def label(self) -> str:
        """The days of the report, such as ``2026-10-01 to 2026-10-31``."""
        return f"{self.first_day} to {self.last_day}"

    def unsplit(self) -> Self:
        """Return the report by day, currency and kind alone."""
        return replace(self, split_by=())

    @property
    def bounds(self) -> dict[str, date]:
        """The days as parameters of a query."""
        return {"first_day": self.first_day, "last_day": self.last_day}


def volume_rows(store: Store, asked: VolumeRange, row_count: int) -> list[DictRow]:
    """Return the rows of a report, newest day first, at most so many.

    A merchant that is no key of this store has no rows.
    """
    merchant = key_types_of(store).merchants.parse(asked.merchant) if asked.merchant else None
    if asked.merchant and merchant is None:
        return []
    return store.execute(
        query("desk/volume_report"),
        {
            **asked.bounds,
            **{name: text for name, text in asked.criteria.items() if name != "merchant"},
            "merchant_id": merchant,
            "split_by": [*asked.split_by],
            "row_count": row_count,
        },
        # A plan for any range would read all days.
        prepare=False,
    ).fetchall()


def choices(store: Store, asked: VolumeRange) -> Mapping[str, list[str]]:
    """Return what the days of a report can be narrowed to, by criterion."""
    found: dict[str, list[str]] = defaultdict(list)
    for row in store.execute(query("desk/volume_choices"), asked.bounds).fetchall():
        found[row["choice"]].append(row["value"])
    return {name: found[name] for name in ("currency", "category", "country", "funding")}


@dataclass(frozen=True)
class VersionChange:
    """What a version of a day changed: the old and the new row of each currency and kind."""

    close: DictRow
    rows: tuple[tuple[str, str, DictRow | None, DictRow | None], ...]


def version_changes(rows: Sequence[DictRow]) -> tuple[VersionChange, ...]:
    """Return what each later version of a day changed, newest first.

    ``rows`` are those of the query desk/volume_day_versions.
    """
    versions: dict[int, dict[tuple[str, str], DictRow]] = {}
    closes: dict[int, DictRow] = {}
    for row in rows:
        of_version = versions.setdefault(row["close_version"], {})
        closes[row["close_version"]] = row
        if row["currency"] is not None:
            of_version[row["currency"], row["kind"]] = row
    numbers = sorted(versions)
    return tuple(
        VersionChange(
            closes[new],
            tuple(
                (*key, versions[old].get(key), versions[new].get(key))
                for key in sorted(versions[old].keys() | versions[new].keys())
            ),
        )
        for old, new in reversed([*pairwise(numbers)])
    )
