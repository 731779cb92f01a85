"""A small sample platform, as the tests load it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import LiteralString

import psycopg
from psycopg import sql
from psycopg.rows import TupleRow

from local.sample_platform import (
    Progress,
    SampleFacts,
    SampleSize,
    load,
)

NEW_YORK = "America/New_York"
SIZE = SampleSize(transactions=2_000, users=120, merchants=60, promotions=12, days=60)
# Sixty days back from here, and July whole, hold no clock change: the last one was in March.
UNTIL = datetime(2026, 8, 15, 3, 0, 0, 123456, tzinfo=UTC)


def no_progress(_step: str, _done: int, _total: int) -> None:
    """Report no progress."""


@dataclass(frozen=True)
class Sample:
    """A loaded sample platform."""

    connection: psycopg.Connection[TupleRow]
    facts: SampleFacts
    steps: list[tuple[str, int, int]]

    def rows(
        self, query: LiteralString | sql.Composed, parameters: Mapping[str, object] | None = None
    ) -> list[TupleRow]:
        return self.connection.execute(query, parameters).fetchall()

    def column(
        self, query: LiteralString | sql.Composed, parameters: Mapping[str, object] | None = None
    ) -> list[object]:
        return [row[0] for row in self.rows(query, parameters)]


def load_small(conninfo: str, *, seed: int = 7, progress: Progress = no_progress) -> SampleFacts:
    return load(conninfo, SIZE, seed=seed, until=UNTIL, time_zone=NEW_YORK, progress=progress)
