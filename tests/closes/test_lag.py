"""How far a replica is behind: an idle primary is no lag, a connection that is cut is lag."""

import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import psycopg
import pytest

from closebook.closes.hour import close_hour
from closebook.errors import NotReady
from closebook.periods import hour_of
from closebook.platform.fence import take_fence
from closebook.platform.replica_status import ReplicaStatus, replica_status
from closebook.settings import Settings
from local.addresses import REPLICAS
from local.postgres import REPLICATION_USER
from local.stack import Stack
from tests.books import Books
from tests.close_fixtures import RUN, eventually, hurried
from tests.platform_rows import Platform, utc

NINE = hour_of(utc("2026-10-15T09:00Z"))
A, B = REPLICAS
WAIT_SECONDS = 1.5
TRIES = 5


def status_of(settings: Settings, name: str) -> ReplicaStatus:
    return next(replica_status(r) for r in settings.replicas if r.name == name)


def receiver_pid(stack: Stack, replica: str) -> int | None:
    with psycopg.connect(stack.replica_admin(replica)) as admin:
        row = admin.execute("select pid from pg_stat_wal_receiver").fetchone()
    return None if row is None else row[0]


@contextmanager
def frozen_link(stack: Stack, replica: str) -> Iterator[None]:
    """A WAL receiver whose connection passes nothing on and is not closed."""
    pid = receiver_pid(stack, replica)
    assert pid is not None
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


@contextmanager
def cut_links(stack: Stack, platform: Platform) -> Iterator[None]:
    """Replicas whose connections to the primary are ended and refused."""
    execute = platform.connection.execute
    execute(f"alter role {REPLICATION_USER} nologin")
    try:
        execute("select pg_terminate_backend(pid) from pg_stat_replication")
        eventually(lambda: all(receiver_pid(stack, name) is None for name in REPLICAS))
        yield
    finally:
        execute(f"alter role {REPLICATION_USER} login")
        eventually(lambda: all(receiver_pid(stack, name) is not None for name in REPLICAS))


def received_and_replayed_are_equal(stack: Stack, replica: str) -> bool:
    with psycopg.connect(stack.replica_admin(replica)) as admin:
        row = admin.execute(
            "select pg_last_wal_receive_lsn() = pg_last_wal_replay_lsn()"
        ).fetchone()
    return row == (True,)


def seconds_since_last_commit(status: ReplicaStatus) -> float:
    assert status.last_replayed_at is not None
    return (status.observed_at - status.last_replayed_at).total_seconds()


# ---- lag --------------------------------------------------------------------------------


def test_an_idle_primary_is_no_lag_however_old_its_last_commit(
    settings: Settings, platform: Platform
) -> None:
    platform.settle(NINE.start, 100)
    # Autovacuum may commit in between: an idle moment comes all the same.
    eventually(lambda: seconds_since_last_commit(status_of(settings, A)) >= WAIT_SECONDS)
    fence = take_fence(settings, NINE)
    # The last of an idle primary's log is sent when its background writer comes round.
    eventually(lambda: not status_of(settings, A).lag_bytes(fence), seconds=30)

    status = status_of(settings, A)

    assert (status.lag_bytes(fence), status.lag_seconds(fence)) == (0, 0.0)
    assert status.unfit_reason(fence) is None


def test_a_link_that_hangs_is_lag_though_all_that_was_received_is_replayed(
    stack: Stack, settings: Settings, platform: Platform, books: Books
) -> None:
    stack.replica_wait()
    with frozen_link(stack, A), frozen_link(stack, B):
        platform.settle(NINE.start, 100)
        time.sleep(WAIT_SECONDS)
        fence = take_fence(settings, NINE)
        status = status_of(settings, A)

        assert received_and_replayed_are_equal(stack, A)
        assert status.receiver_status == "streaming"
        assert status.lag_bytes(fence) > 0
        assert (status.lag_seconds(fence) or 0) >= WAIT_SECONDS
        with pytest.raises(NotReady) as refused:
            close_hour(hurried(settings), NINE, RUN)

    said = rf"{A} is \d+ bytes and [\d.]+ s behind: its WAL receiver is streaming, the last message"
    assert refused.match(said)
    assert books.versions(NINE) == []


def test_a_link_that_is_cut_is_lag_though_all_that_was_received_is_replayed(
    stack: Stack, settings: Settings, platform: Platform, books: Books
) -> None:
    stack.replica_wait()
    with cut_links(stack, platform):
        platform.settle(NINE.start, 100)
        time.sleep(WAIT_SECONDS)
        fence = take_fence(settings, NINE)
        status = status_of(settings, A)

        assert received_and_replayed_are_equal(stack, A)
        assert status.receiver_status is None
        assert status.lag_bytes(fence) > 0
        assert (status.lag_seconds(fence) or 0) >= WAIT_SECONDS
        with pytest.raises(NotReady, match=rf"{A} is .* behind: it is not connected"):
            close_hour(hurried(settings), NINE, RUN)

    assert books.versions(NINE) == []
    close_hour(settings, NINE, RUN)
    assert books.hour(NINE) == platform.volume(NINE)


def test_a_replica_that_lost_its_link_after_it_passed_the_fence_serves(
    stack: Stack, settings: Settings, platform: Platform, books: Books
) -> None:
    platform.settle(NINE.start, 100)
    stack.replica_wait()
    fence = take_fence(settings, NINE)
    with cut_links(stack, platform):
        assert status_of(settings, A).unfit_reason(fence) is None


def test_the_seconds_behind_count_from_the_last_message_if_all_before_it_is_replayed(
    stack: Stack, settings: Settings, platform: Platform
) -> None:
    """The last commit may have been long before: nothing was missing since."""
    # Autovacuum, of any database, commits too: then it is tried again.
    for _ in range(TRIES):
        platform.settle(NINE.start, 100)
        time.sleep(WAIT_SECONDS)
        platform.connection.execute("select pg_logical_emit_message(false, 'not', 'a commit')")
        eventually(lambda: silent_seconds(status_of(settings, A)) < WAIT_SECONDS / 2)
        with frozen_link(stack, A):
            platform.settle(NINE.start, 200)
            fence = take_fence(settings, NINE)

            status = status_of(settings, A)
        assert status.last_replayed_at is not None
        if (status.observed_at - status.last_replayed_at).total_seconds() >= WAIT_SECONDS:
            break
    else:
        pytest.fail(f"somebody else committed in each of {TRIES} tries")

    assert status.lag_bytes(fence) > 0
    assert status.lag_seconds(fence) == silent_seconds(status)


def silent_seconds(status: ReplicaStatus) -> float:
    """How long ago the last message came, seen from when the replica was asked."""
    assert status.last_message_at is not None
    return (status.observed_at - status.last_message_at).total_seconds()


def test_what_is_received_and_not_replayed_is_told_apart(
    stack: Stack, settings: Settings, platform: Platform
) -> None:
    stack.pause_replay(A)
    platform.settle(NINE.start, 100)
    fence = take_fence(settings, NINE)
    eventually(lambda: status_of(settings, A).received_position >= fence.position)
    paused = status_of(settings, A)
    held_up = replace(paused, replay_paused=False)

    assert "replay is paused (pg_wal_replay_resume())" in (paused.unfit_reason(fence) or "")
    assert "it has received the log and not replayed it yet" in (held_up.unfit_reason(fence) or "")


def test_a_replica_that_lost_its_link_is_known_by_the_timeline_that_it_replayed(
    stack: Stack, settings: Settings, platform: Platform
) -> None:
    fence = take_fence(settings, NINE)
    # The fence is where the log was inserted, which the primary may write out a moment later.
    eventually(lambda: status_of(settings, A).unfit_reason(fence) is None)
    with cut_links(stack, platform):
        status = status_of(settings, A)

        assert status.unfit_reason(fence) is None
        of_timeline_2 = replace(fence, history=replace(fence.history, timeline=2))
        assert "follows timeline 1" in (status.unfit_reason(of_timeline_2) or "")
