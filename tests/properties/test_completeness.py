"""No committed row is missing from a period that was closed.

Random interleavings of transactions around the end of a period, on the real primary and its
replicas. The same with a weaker fence finds a missing row: the test can fail.
"""

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import LiteralString

import psycopg
import pytest
from hypothesis import HealthCheck, Phase, given
from hypothesis import settings as hypothesis_settings
from hypothesis.errors import Flaky
from psycopg import sql
from psycopg.rows import DictRow, dict_row

from closebook.periods import Period
from closebook.platform import fence, replicas
from closebook.platform.fence import Fence, cluster_name
from closebook.platform.history import History
from closebook.settings import Settings
from local.stack import Stack
from tests.books import Books
from tests.platform_rows import Platform
from tests.properties.interleavings import (
    InterleavingRunner,
    Plan,
    RowsMissing,
    interleaving_runner,
    plans,
)

INTERLEAVINGS = int(os.environ.get("CLOSEBOOK_TEST_INTERLEAVINGS", "200"))
# The first that has a row missing ends the search, mostly within 100.
ENOUGH_TO_FIND = 2000
PRIMARY_NOW: LiteralString = """
    select
        clock_timestamp() as observed_at,
        (pg_current_wal_lsn() - '0/0')::bigint as written_position,
        (pg_current_wal_insert_lsn() - '0/0')::bigint as insert_position,
        pg_snapshot_xmin(pg_current_snapshot())::text::bigint as oldest_running,
        pg_snapshot_xmax(pg_current_snapshot())::text::bigint as next_to_run,
        1 as timeline,
        system_identifier::text as system_identifier,
        current_database() as database_name
    from pg_control_system()
"""


@pytest.fixture
def runner(settings: Settings, platform: Platform, books: Books) -> Iterator[InterleavingRunner]:
    """A runner whose closes wait as long for a transaction as it takes."""
    patient = replace(settings, fence_grace_seconds=0.05, fence_wait_seconds=5.0)
    with interleaving_runner(patient, books, platform.conninfo) as runner:
        yield runner


@contextmanager
def wal_writer_delay(stack: Stack, delay: LiteralString) -> Iterator[None]:
    """Let asynchronous commits be flushed sooner or later than in 200 ms."""
    with psycopg.connect(stack.primary_admin(), autocommit=True) as admin:
        admin.execute(sql.SQL("alter system set wal_writer_delay = {}").format(sql.Literal(delay)))
        admin.execute("select pg_reload_conf()")
        try:
            yield
        finally:
            admin.execute("alter system reset wal_writer_delay")
            admin.execute("select pg_reload_conf()")


def run_many(runner: InterleavingRunner, count: int) -> None:
    """Run that many interleavings. Raises RowsMissing at the first that has one missing."""

    @hypothesis_settings(
        max_examples=count,
        deadline=None,
        database=None,
        # Time passes differently in each try: there is nothing to shrink.
        phases=[Phase.generate],
        suppress_health_check=[HealthCheck.too_slow],
    )
    @given(plans())
    def run(interleaving: list[Plan]) -> None:
        runner.run(interleaving)

    run()


def test_not_one_committed_row_is_missing_from_a_close_that_was_called_complete(
    stack: Stack, runner: InterleavingRunner
) -> None:
    # Each close of an asynchronous commit waits for its flush.
    with wal_writer_delay(stack, "10ms"):
        run_many(runner, INTERLEAVINGS)

    assert runner.closed_count >= INTERLEAVINGS
    # Otherwise the interleavings would prove nothing.
    assert runner.written_late_count > INTERLEAVINGS / 40


# ---- weaker fences ----------------------------------------------------------------------


def position_at_the_end(settings: Settings, period: Period) -> Fence:
    """Where the log stands as the period ends: what a wait for the replica alone would take."""
    wait_for_end(settings, period)
    seen = now_on_primary(settings)
    return fence_at(seen, seen["written_position"])


def oldest_running_transaction(settings: Settings, period: Period) -> Fence:
    """The log's position once all that had a transaction id at the period's end have ended."""
    wait_for_end(settings, period)
    next_to_run = now_on_primary(settings)["next_to_run"]
    while (seen := now_on_primary(settings))["oldest_running"] < next_to_run:
        time.sleep(0.005)
    return fence_at(seen, seen["insert_position"])


def written_position(settings: Settings, period: Period) -> Fence:
    """The fence itself, but with what is out of the primary's memory already."""
    exact = fence.take_fence(settings, period)
    return replace(
        exact, position=min(exact.position, now_on_primary(settings)["written_position"])
    )


@pytest.mark.parametrize(
    ("weaker", "flushed_after"),
    [
        (position_at_the_end, "200ms"),
        (oldest_running_transaction, "200ms"),
        (written_position, "2s"),
    ],
)
def test_a_weaker_fence_misses_a_row(
    monkeypatch: pytest.MonkeyPatch,
    stack: Stack,
    runner: InterleavingRunner,
    weaker: Callable[[Settings, Period], Fence],
    flushed_after: LiteralString,
) -> None:
    monkeypatch.setattr(replicas, "take_fence", weaker)

    # What went wrong once need not do so again when hypothesis tries.
    with wal_writer_delay(stack, flushed_after), pytest.raises((RowsMissing, Flaky)):
        run_many(runner, ENOUGH_TO_FIND)


def fence_at(seen: DictRow, position: int) -> Fence:
    history = History.from_row(seen | {"switch_points": ""})
    return Fence(position, history, seen["observed_at"], cluster_name(seen))


def now_on_primary(settings: Settings) -> DictRow:
    with psycopg.connect(settings.primary, row_factory=dict_row) as primary:
        row = primary.execute(PRIMARY_NOW).fetchone()
    assert row is not None
    return row


def wait_for_end(settings: Settings, period: Period) -> None:
    while now_on_primary(settings)["observed_at"] < period.end:
        time.sleep(0.001)
