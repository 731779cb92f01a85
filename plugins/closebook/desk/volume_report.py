"""The volume of any range of closed days for finance, filtered and split, from the rollups."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import pairwise
from typing import Self
from urllib.parse import urlencode

from psycopg.rows import DictRow

from closebook.sql import query
from closebook.store.key_types import key_types_of
from closebook.store.session import Store, one_state

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
_SHOWN = ("transaction_count", "amount_minor", "fee_minor", "discount_minor")
"""The columns of a day whose old and new values the page shows."""


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
        first = first_day or _days_before(last, USUAL_DAYS - 1)
        first, last = min(first, last), max(first, last)
        first = max(first, _days_before(last, LONGEST_DAYS - 1))
        # Texts of the platform may begin or end with blanks; a merchant's id is typed by a person.
        texts = {name: text.replace("\0", "")[:_LONGEST_TEXT] for name, text in criteria.items()}
        texts["merchant"] = texts["merchant"].strip()
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

    @property
    def bounds(self) -> dict[str, date]:
        """The days as parameters of a query."""
        return {"first_day": self.first_day, "last_day": self.last_day}


@dataclass(frozen=True)
class VolumeReport:
    """What the store has for a report, all of it from one snapshot.

    ``sums`` covers the whole report, ``rows`` has only as many rows as were asked for. ``closed``
    are the days that are closed. ``choices`` has the values for each criterion of the filter.
    """

    sums: Sequence[DictRow]
    rows: Sequence[DictRow]
    closed: Sequence[DictRow]
    choices: Mapping[str, list[str]]


def read_report(
    store: Store, asked: VolumeRange, *, days_of_part: int, row_count: int
) -> VolumeReport:
    """Return the report: its sums by part of ``days_of_part`` days, and its first rows."""
    # Without one snapshot a close between two queries makes sums that the rows do not add up to.
    with one_state(store):
        return VolumeReport(
            volume_sums(store, asked, days_of_part),
            volume_rows(store, asked, row_count),
            store.execute(query("desk/volume_days_closed"), asked.bounds).fetchall(),
            choices(store, asked),
        )


def _days_before(day: date, count: int) -> date:
    """Return the day that is so many days earlier, or 1 January of the year 1."""
    return date.fromordinal(max(day.toordinal() - count, 1))


def volume_sums(store: Store, asked: VolumeRange, days_of_part: int) -> list[DictRow]:
    """Return the sums of a report by currency and kind, for each part of ``days_of_part`` days.

    ``part`` is a number from 0: part 0 begins with the first day. All rows of the report count.
    """
    parameters = _parameters(store, asked)
    if parameters is None:
        return []
    return store.execute(
        query("desk/volume_sums"),
        {**parameters, "days_of_part": days_of_part},
        # A query plan that PostgreSQL keeps for any range would read all days.
        prepare=False,
    ).fetchall()


def volume_rows(store: Store, asked: VolumeRange, row_count: int) -> list[DictRow]:
    """Return the rows of a report, newest day first, at most so many."""
    parameters = _parameters(store, asked)
    if parameters is None:
        return []
    return store.execute(
        query("desk/volume_report"),
        {**parameters, "split_by": [*asked.split_by], "row_count": row_count},
        # A query plan that PostgreSQL keeps for any range would read all days.
        prepare=False,
    ).fetchall()


def _parameters(store: Store, asked: VolumeRange) -> dict[str, object] | None:
    """Return the days and criteria of a report as parameters of its queries.

    None if the merchant is no key of this store, so that no row can match.
    """
    merchant = key_types_of(store).merchants.parse(asked.merchant) if asked.merchant else None
    if asked.merchant and merchant is None:
        return None
    texts = {name: text for name, text in asked.criteria.items() if name != "merchant"}
    return {**asked.bounds, **texts, "merchant_id": merchant}


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

    @property
    def is_of_other_columns(self) -> bool:
        """Whether the columns that the page shows are as before, and others differ."""
        return all(
            old is not None and new is not None and all(old[each] == new[each] for each in _SHOWN)
            for _, _, old, new in self.rows
        )


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
