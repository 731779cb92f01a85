"""A close reads a replica past the fence, never the primary, and another one after a failure."""

import re
import time
import traceback
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import psycopg
import pytest
from psycopg import sql

from closebook.closes.hour import close_hour
from closebook.errors import Misconfigured, NotReady, Transient, WrongData
from closebook.periods import hour_of
from closebook.platform import replicas
from closebook.platform import source as source_module
from closebook.platform.connections import connect_to
from closebook.platform.source import Source
from closebook.settings import Replica, Settings
from local.addresses import REPLICAS
from local.stack import Stack
from tests.books import Books
from tests.close_fixtures import (
    ONE_REPLICA,
    PATIENCE_SECONDS,
    RUN,
    eventually,
    hurried,
    with_session_setting,
)
from tests.platform_rows import Platform, utc

NINE = hour_of(utc("2026-10-15T09:00Z"))
# Half of the wait for a replica: whoever is not held up needs none of it.
MAX_SECONDS = PATIENCE_SECONDS / 2


def replica_read(books: Books) -> str:
    """The replica of the hour's last close."""
    name: str = books.versions(NINE)[-1]["replica_name"]
    return name


# ---- replay -----------------------------------------------------------------------------


@pytest.mark.parametrize(("paused", "other"), [REPLICAS, REPLICAS[::-1]])
def test_a_replica_that_does_not_replay_is_passed_over_for_the_other(
    stack: Stack, settings: Settings, platform: Platform, books: Books, paused: str, other: str
) -> None:
    stack.pause_replay(paused)
    platform.settle(NINE.start, 100)

    close_hour(settings, NINE, ONE_REPLICA)

    assert replica_read(books) == other
    assert books.hour(NINE) == platform.volume(NINE)


def test_when_no_replica_replays_the_error_says_how_far_each_is_behind(
    stack: Stack, settings: Settings, platform: Platform, books: Books
) -> None:
    for name in REPLICAS:
        stack.pause_replay(name)
    platform.settle(NINE.start, 100)

    with pytest.raises(NotReady) as refused:
        close_hour(hurried(settings), NINE, ONE_REPLICA)

    for name in REPLICAS:
        assert f"{name} is " in str(refused.value)
    assert len(re.findall(r"is \d+ bytes and \d+\.\d s behind", str(refused.value))) == 2
    assert str(refused.value).count("replay is paused") == 2
    assert books.versions(NINE) == []


def test_a_replica_that_catches_up_in_time_is_waited_for(
    stack: Stack, settings: Settings, platform: Platform, books: Books
) -> None:
    for name in REPLICAS:
        stack.pause_replay(name)
    platform.settle(NINE.start, 100)
    with ThreadPoolExecutor() as pool:
        closing = pool.submit(close_hour, settings, NINE, ONE_REPLICA)
        stack.resume_replay("replica_b")
        closing.result(timeout=120)

    assert replica_read(books) == "replica_b"
    assert books.hour(NINE) == platform.volume(NINE)


def test_the_less_busy_of_two_replicas_is_read(
    stack: Stack, settings: Settings, platform: Platform, books: Books
) -> None:
    platform.settle(NINE.start, 100)
    stack.replica_wait()
    with psycopg.connect(stack.replica_admin("replica_a", platform.database)) as report:
        report.execute("select 1")
        close_hour(settings, NINE, ONE_REPLICA)

    assert replica_read(books) == "replica_b"


# ---- servers that fail ------------------------------------------------------------------


def test_a_dead_replica_is_passed_over_and_taken_again_once_it_is_back(
    stack: Stack, settings: Settings, platform: Platform, books: Books
) -> None:
    platform.settle(NINE.start, 100)
    stack.kill("replica_a")

    started = time.monotonic()
    close_hour(settings, NINE, ONE_REPLICA)
    seconds = time.monotonic() - started
    assert replica_read(books) == "replica_b"

    stack.start("replica_a")
    stack.pause_replay("replica_b")
    platform.settle(NINE.start, 200)
    close_hour(settings, NINE, ONE_REPLICA)
    assert replica_read(books) == "replica_a"
    assert books.hour(NINE) == platform.volume(NINE)
    assert seconds < MAX_SECONDS


def test_a_replica_that_hangs_does_not_hold_up_the_close(
    stack: Stack, settings: Settings, platform: Platform, books: Books
) -> None:
    platform.settle(NINE.start, 100)
    close_hour(settings, NINE, RUN)  # both poolers have connections now, as they do in real life
    platform.settle(NINE.start, 200)
    stack.replica_wait()
    with ThreadPoolExecutor() as pool:
        stack.freeze("replica_a")
        try:
            closing = pool.submit(close_hour, settings, NINE, ONE_REPLICA)
            close = closing.result(timeout=MAX_SECONDS)
        finally:
            stack.thaw("replica_a")

    assert close.outcome == "changed"
    assert replica_read(books) == "replica_b"


def test_a_dead_pooler_is_passed_over_for_the_other_replica(
    stack: Stack, settings: Settings, platform: Platform, books: Books
) -> None:
    platform.settle(NINE.start, 100)
    stack.stop("pgbouncer_replica_a")
    try:
        close_hour(settings, NINE, ONE_REPLICA)
    finally:
        stack.start("pgbouncer_replica_a")

    assert replica_read(books) == "replica_b"


def test_a_read_that_is_cut_off_begins_again_on_the_other_replica(
    stack: Stack, settings: Settings, platform: Platform
) -> None:
    platform.settle(NINE.start, 100)
    read: list[str] = []

    def work(source: Source) -> list[dict[str, Any]]:
        read.append(source.replica.name)
        if len(read) == 1:
            row = source.connection.execute("select pg_backend_pid() as pid").fetchone()
            assert row is not None
            with psycopg.connect(stack.replica_admin(source.replica.name)) as admin:
                admin.execute("select pg_terminate_backend(%s)", [row["pid"]])
        return source.rows("hourly_volume/read", NINE.bounds)

    rows = replicas.read(settings, NINE, work)

    assert sorted(read) == sorted(REPLICAS)
    assert [row["amount_minor"] for row in rows] == [100]


def test_a_second_reader_that_comes_when_the_snapshot_is_gone_begins_again_on_the_other_replica(
    stack: Stack, monkeypatch: pytest.MonkeyPatch, settings: Settings, platform: Platform
) -> None:
    """A recovery conflict can end the first reader while the second waits for its connection."""
    platform.settle(NINE.start, 100)
    read: list[str] = []

    def work(source: Source) -> list[dict[str, Any]]:
        read.append(source.replica.name)
        row = source.connection.execute("select pg_backend_pid() as pid").fetchone()
        assert row is not None

        def connected_too_late(replica: Replica) -> psycopg.Connection[Any]:
            if len(read) == 1:
                with psycopg.connect(stack.replica_admin(replica.name)) as admin:
                    admin.execute("select pg_terminate_backend(%s, 5000)", [row["pid"]])
            return connect_to(replica)

        with monkeypatch.context() as patch:
            patch.setattr(source_module, "connect_to", connected_too_late)
            with source.second_reader() as beside:
                return beside.rows("hourly_volume/read", NINE.bounds)

    rows = replicas.read(settings, NINE, work)

    assert sorted(read) == sorted(REPLICAS)
    assert [row["amount_minor"] for row in rows] == [100]


def test_a_replica_that_ends_an_idle_session_counts_as_lost(
    stack: Stack, settings: Settings, platform: Platform
) -> None:
    """A cross-check's second replica idles while the first is read."""
    impatient = with_session_setting(
        stack, settings, "replica_a", "idle_in_transaction_session_timeout=50ms"
    )

    def work(source: Source) -> None:
        with psycopg.connect(stack.replica_admin("replica_a")) as admin:
            eventually(lambda: not is_there(admin, source.connection.info.backend_pid))
        source.rows("close_totals/read_volume", NINE.bounds)

    with pytest.raises(Transient, match="idle-in-transaction timeout"):
        replicas.read(replace(settings, replicas=(impatient,), read_attempts=1), NINE, work)


def is_there(admin: psycopg.Connection[Any], pid: int) -> bool:
    """Whether a server has a process of that number."""
    found = admin.execute("select 1 from pg_stat_activity where pid = %s", [pid]).fetchone()
    admin.rollback()
    return found is not None


def test_a_read_that_conflicts_with_recovery_begins_again(
    stack: Stack, settings: Settings, platform: Platform
) -> None:
    platform.settle(NINE.start, 100)
    read: list[str] = []

    def work(source: Source) -> list[dict[str, Any]]:
        read.append(source.replica.name)
        source.rows("close_totals/read_volume", NINE.bounds)
        if len(read) == 1:
            with platform.connection.transaction():
                platform.connection.execute(
                    "lock table platform.transactions in access exclusive mode"
                )
                platform.open_account(1)
            stack.replica_wait(source.replica.name)
        return source.rows("hourly_volume/read", NINE.bounds)

    for name in REPLICAS:
        set_standby_delay(stack, name, "0")
    try:
        rows = replicas.read(settings, NINE, work)
    finally:
        for name in REPLICAS:
            set_standby_delay(stack, name, "default")

    assert len(read) == 2
    assert [row["amount_minor"] for row in rows] == [100]


def set_standby_delay(stack: Stack, replica: str, value: str) -> None:
    with psycopg.connect(stack.replica_admin(replica), autocommit=True) as admin:
        admin.execute(
            sql.SQL("alter system set max_standby_streaming_delay = {}").format(
                sql.SQL({"0": "0", "default": "default"}[value])
            )
        )
        admin.execute("select pg_reload_conf()")


def test_when_every_read_is_cut_off_a_retry_is_asked_for(
    stack: Stack, settings: Settings, platform: Platform
) -> None:
    read: list[str] = []

    def work(source: Source) -> None:
        read.append(source.replica.name)
        row = source.connection.execute("select pg_backend_pid() as pid").fetchone()
        assert row is not None
        with psycopg.connect(stack.replica_admin(source.replica.name)) as admin:
            admin.execute("select pg_terminate_backend(%s)", [row["pid"]])
        source.rows("close_totals/read_volume", NINE.bounds)

    with pytest.raises(Transient, match="failed 3 times"):
        replicas.read(settings, NINE, work)

    assert len(read) == 3
    assert set(read) == set(REPLICAS)


def test_a_query_that_times_out_counts_as_a_lost_replica(
    settings: Settings, platform: Platform
) -> None:
    def work(source: Source) -> None:
        source.connection.execute("select set_config('statement_timeout', '20ms', true)")
        with source.reading():
            source.connection.execute("select pg_sleep(5)")

    with pytest.raises(Transient, match="statement timeout"):
        replicas.read(replace(settings, read_attempts=1), NINE, work)


def test_a_source_that_does_not_keep_the_contract_is_misconfigured(
    settings: Settings, platform: Platform
) -> None:
    execute = platform.connection.execute
    execute("alter view reporting_source.transactions rename column settled_at to settled")
    try:
        with pytest.raises(Misconfigured, match=r"transactions\.settled_at .* is missing"):
            close_hour(settings, NINE, ONE_REPLICA)
    finally:
        execute("alter view reporting_source.transactions rename column settled to settled_at")


def test_the_error_of_a_refused_query_quotes_no_value_of_a_row(
    settings: Settings, platform: Platform
) -> None:
    def work(source: Source) -> None:
        with source.reading():
            source.connection.execute("select 'Zdeňka Tajná'::text::integer")

    with pytest.raises(WrongData, match=r"InvalidTextRepresentation, 22P02") as refused:
        replicas.read(settings, NINE, work)

    assert "Zdeňka" not in "".join(traceback.format_exception(refused.value))
