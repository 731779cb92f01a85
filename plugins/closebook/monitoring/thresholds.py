"""The thresholds of a healthy server, and the comparison of a server's metrics with them.

docs/health.md lists the alerts, and what an operator does about each of them.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Self

INDEX_HIT_RATE_MIN = 0.99
# A rate of fewer blocks is left out: a server that was just started, or that nobody queries, would
# raise an alert for a few reads from disk.
INDEX_BLOCKS_MIN = 10_000
LAG_SECONDS_MAX = 60.0
CONNECTION_SHARE_MAX = 0.8
LONG_QUERY_SECONDS = 60.0
SLOW_QUERY_MS = 1_000.0
# Machines that a time service keeps are within milliseconds of each other.
CLOCK_OFFSET_SECONDS_MAX = 2.0


@dataclass(frozen=True)
class ClockOffset:
    """How far a server's clock is ahead of the one here (below zero: behind), in seconds.

    It is known to within ``uncertainty_seconds``, half of the time that the answer took.
    """

    seconds: float
    uncertainty_seconds: float

    @classmethod
    def measured(cls, asked_at: datetime, server_time: datetime, answered_at: datetime) -> Self:
        """Return the offset of a server that said its time between two times of this machine."""
        half = (answered_at - asked_at) / 2
        return cls((server_time - asked_at - half).total_seconds(), half.total_seconds())

    @property
    def is_wrong(self) -> bool:
        """Whether the clocks differ by more than CLOCK_OFFSET_SECONDS_MAX, whatever is unknown."""
        certain_seconds = abs(self.seconds) - self.uncertainty_seconds
        return certain_seconds > CLOCK_OFFSET_SECONDS_MAX  # guard: health.clock

    def __str__(self) -> str:
        where = "ahead of" if self.seconds > 0 else "behind"
        return f"{abs(self.seconds):.1f} s {where}"


@dataclass(frozen=True)
class Alert:
    """One problem of one server: a metric exceeds its threshold, or a query plan has changed.

    ``name`` is the stored code of the alert, such as replication_lag.
    """

    name: str
    detail: str


@dataclass(frozen=True)
class SlowQuery:
    """A query of another role, with its calls and its total time in one interval."""

    role_name: str
    query_id: int
    call_count: int
    total_ms: float

    @property
    def mean_ms(self) -> float:
        """The mean time of a call."""
        return self.total_ms / self.call_count


@dataclass(frozen=True)
class ServerMetrics:
    """The metrics of one server that have a threshold. None means that a value is not known.

    Index blocks and slow queries are those of the interval since the last collection. The other
    values are those of the moment of the collection. ``lag_seconds`` is None on a primary, and on a
    replica that has never caught up with the primary.
    """

    index_blocks_hit: int | None
    index_blocks_read: int | None
    lag_bytes: int | None
    lag_seconds: float | None
    connection_count: int
    connection_limit: int
    long_query_count: int
    longest_query_seconds: float
    slow_queries: tuple[SlowQuery, ...]
    clock_offset: ClockOffset | None = None

    @property
    def index_hit_rate(self) -> float | None:
        """The share of index blocks that were in memory, or None as in ``hit_rate``."""
        return hit_rate(self.index_blocks_hit, self.index_blocks_read)


def hit_rate(blocks_hit: int | None, blocks_read: int | None) -> float | None:
    """Return the share of blocks that were found in memory.

    Returns None if the counts are not known, or if they are fewer than INDEX_BLOCKS_MIN together.
    """
    if blocks_hit is None or blocks_read is None:
        return None
    blocks = blocks_hit + blocks_read
    return None if blocks < INDEX_BLOCKS_MIN else blocks_hit / blocks


def exceeded_thresholds(metrics: ServerMetrics) -> Iterator[Alert]:
    """Yield one alert for each threshold that the metrics of a server exceed."""
    rate = metrics.index_hit_rate
    if rate is not None and rate < INDEX_HIT_RATE_MIN:
        yield Alert(
            "index_hit_rate",
            f"{rate:.2%} of the index blocks were in memory; "
            f"the minimum is {INDEX_HIT_RATE_MIN:.0%}",
        )
    lag_seconds = metrics.lag_seconds
    # guard: health.idle-primary-has-no-lag
    if metrics.lag_bytes and (lag_seconds is None or lag_seconds > LAG_SECONDS_MAX):
        caught_up = "at an unknown time" if lag_seconds is None else f"{lag_seconds:.0f} s ago"
        yield Alert(
            "replication_lag",
            f"the replica is {metrics.lag_bytes} bytes behind the primary and was last up to date "
            f"{caught_up}; the maximum is {LAG_SECONDS_MAX:.0f} s",
        )
    if metrics.connection_count > CONNECTION_SHARE_MAX * metrics.connection_limit:
        yield Alert(
            "connections",
            f"{metrics.connection_count} of {metrics.connection_limit} connections are in use; the "
            f"maximum is {CONNECTION_SHARE_MAX:.0%}",
        )
    if metrics.long_query_count:
        yield Alert(
            "long_queries",
            f"{_queries(metrics.long_query_count, 'has', 'have')} run for more than "
            f"{LONG_QUERY_SECONDS:.0f} s; the longest has run for "
            f"{metrics.longest_query_seconds:.0f} s",
        )
    offset = metrics.clock_offset
    if offset is not None and offset.is_wrong:
        yield Alert(
            "clock_skew",
            f"the server's clock is {offset} the worker's; the maximum is "
            f"{CLOCK_OFFSET_SECONDS_MAX:.0f} s",
        )
    yield from _slow_queries_alert(metrics.slow_queries)


def _slow_queries_alert(queries: Iterable[SlowQuery]) -> Iterator[Alert]:
    slow = sorted(
        (one for one in queries if one.mean_ms >= SLOW_QUERY_MS), key=lambda one: -one.total_ms
    )
    if slow:
        costliest = slow[0]
        yield Alert(
            "slow_statements",
            f"{_queries(len(slow), 'took', 'took')} {SLOW_QUERY_MS:.0f} ms or more on average; the "
            f"one with the longest total time is queryid {costliest.query_id} of the role "
            f"{costliest.role_name}, with {costliest.call_count} calls of "
            f"{costliest.mean_ms:.0f} ms on average",
        )


def _queries(count: int, singular_verb: str, plural_verb: str) -> str:
    return f"1 query {singular_verb}" if count == 1 else f"{count} queries {plural_verb}"
