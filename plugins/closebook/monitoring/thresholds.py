"""What is healthy: the one place of the thresholds, and the judgement of a server by them.

docs/operations.md lists the alerts, and what to do about each.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

INDEX_HIT_RATE_MIN = 0.99
# Below it a rate says nothing: a server that was just started, or that nobody asks.
INDEX_BLOCKS_JUDGED_MIN = 10_000
LAG_SECONDS_MAX = 60.0
CONNECTION_SHARE_MAX = 0.8
LONG_QUERY_SECONDS = 60.0
SLOW_STATEMENT_MS = 1_000.0


@dataclass(frozen=True)
class Alert:
    """What is beyond its threshold, or not as it is meant, on one server."""

    name: str
    detail: str


@dataclass(frozen=True)
class SlowStatement:
    """A statement of another role, and what came to its counters in the interval."""

    role_name: str
    query_id: int
    call_count: int
    total_ms: float

    @property
    def mean_ms(self) -> float:
        return self.total_ms / self.call_count


@dataclass(frozen=True)
class Vitals:
    """The four of one server, of an interval where they are counters. None: not known.

    ``lag_seconds`` is None on a primary, and on a replica that was never abreast.
    """

    index_blocks_hit: int | None
    index_blocks_read: int | None
    lag_bytes: int | None
    lag_seconds: float | None
    connection_count: int
    connection_limit: int
    long_query_count: int
    longest_query_seconds: float
    slow_statements: tuple[SlowStatement, ...]

    @property
    def index_hit_rate(self) -> float | None:
        """The share of index blocks found in memory; None where there were too few to say."""
        return hit_rate(self.index_blocks_hit, self.index_blocks_read)


def hit_rate(blocks_hit: int | None, blocks_read: int | None) -> float | None:
    """The share of blocks found in memory; None where they are too few to say, or not known."""
    if blocks_hit is None or blocks_read is None:
        return None
    blocks = blocks_hit + blocks_read
    return None if blocks < INDEX_BLOCKS_JUDGED_MIN else blocks_hit / blocks


def judge(vitals: Vitals) -> Iterator[Alert]:
    """Say which of the four are beyond their thresholds."""
    rate = vitals.index_hit_rate
    if rate is not None and rate < INDEX_HIT_RATE_MIN:
        yield Alert(
            "index_hit_rate",
            f"{rate:.2%} of index blocks were in memory, and {INDEX_HIT_RATE_MIN:.0%} should be",
        )
    # guard: health.idle-primary-has-no-lag
    if vitals.lag_bytes and (vitals.lag_seconds is None or vitals.lag_seconds > LAG_SECONDS_MAX):
        age = "an unknown time" if vitals.lag_seconds is None else f"{vitals.lag_seconds:.0f} s"
        yield Alert(
            "replication_lag",
            f"{vitals.lag_bytes} bytes and {age} behind, and {LAG_SECONDS_MAX:.0f} s are allowed",
        )
    if vitals.connection_count > CONNECTION_SHARE_MAX * vitals.connection_limit:
        yield Alert(
            "connections",
            f"{vitals.connection_count} of {vitals.connection_limit} connections are taken, and "
            f"{CONNECTION_SHARE_MAX:.0%} may be",
        )
    if vitals.long_query_count:
        yield Alert(
            "long_queries",
            f"{vitals.long_query_count} have run for more than {LONG_QUERY_SECONDS:.0f} s, the "
            f"longest for {vitals.longest_query_seconds:.0f} s",
        )
    yield from _slow(vitals.slow_statements)


def _slow(statements: Iterable[SlowStatement]) -> Iterator[Alert]:
    slow = sorted(
        (one for one in statements if one.mean_ms >= SLOW_STATEMENT_MS), key=lambda o: -o.total_ms
    )
    if slow:
        worst = slow[0]
        yield Alert(
            "slow_statements",
            f"{len(slow)} took {SLOW_STATEMENT_MS:.0f} ms or more on average; most time went to "
            f"queryid {worst.query_id} of {worst.role_name}: {worst.call_count} calls, "
            f"{worst.mean_ms:.0f} ms each",
        )
