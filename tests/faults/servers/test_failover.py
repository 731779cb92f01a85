"""The primary dies, a replica is promoted or rebuilt: no close reads the wrong server."""

import shutil
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from closebook.closes.hour import close_hour
from closebook.errors import NotReady, Transient
from closebook.periods import hour_of
from closebook.settings import Settings
from local.addresses import PRIMARY
from local.stack import Stack
from tests.books import Books
from tests.close_fixtures import ONE_REPLICA, asked_since, eventually, hurried
from tests.faults.held_read import held_reads
from tests.faults.network_proxy import NetworkProxy
from tests.faults.outcome import assert_closed, assert_nothing_written
from tests.faults.server_restart import start_again
from tests.faults.servers.promotion import data_of, promotable, promote
from tests.platform_rows import Platform, utc

NINE = hour_of(utc("2026-10-15T09:00Z"))


@pytest.fixture
def only_a(settings: Settings) -> Settings:
    """Settings that know replica_a and no other."""
    return replace(settings, replicas=settings.replicas[:1])


def fill(platform: Platform) -> None:
    platform.settle(NINE.start, 1000, fee_minor=30)
    platform.settle(NINE.end - timedelta(microseconds=1), 250, "JPY")
    platform.settle(NINE.end, 99)


# ---- the primary ------------------------------------------------------------------------


def test_the_primary_is_down_at_the_fence(
    stack: Stack, settings: Settings, platform: Platform, books: Books
) -> None:
    fill(platform)
    stack.replica_wait()
    stack.kill(PRIMARY)

    # Both replicas have every row: without a fence nobody can know, and nothing is written.
    with pytest.raises(Transient, match="the primary cannot be asked for a fence") as refused:
        close_hour(settings, NINE, ONE_REPLICA)
    assert str(stack.ports[PRIMARY]) in str(refused.value)
    assert_nothing_written(books)

    start_again(stack, PRIMARY)
    assert close_hour(settings, NINE, ONE_REPLICA).outcome == "new"
    assert_closed(books, platform, NINE)


# ---- a promoted replica -----------------------------------------------------------------


def test_a_replica_that_is_promoted_during_the_run_is_not_read_again(
    stack: Stack, settings: Settings, platform: Platform, books: Books
) -> None:
    with promotable(stack, "replica_a"), ThreadPoolExecutor() as pool:
        # Given a close that reads replica_a, since replica_b is behind
        stack.pause_replay("replica_b")
        fill(platform)
        with held_reads(stack, platform, "transactions", "copy%", replicas=["replica_a"]) as hold:
            closing = pool.submit(close_hour, settings, NINE, ONE_REPLICA)
            assert hold.reached_on() == "replica_a"
            # when that is promoted, takes a payment that the platform never had,
            promote(stack, "replica_a")
            take_payment_of_its_own(stack, "replica_a", platform)
            lost_at = platform.now()
            # and the read is lost,
            end_reads(stack, "replica_a", platform)
        eventually(lambda: asked_since(stack, "replica_b", platform.database, lost_at))
        stack.resume_replay("replica_b")

        # then the close waits for replica_b.
        assert closing.result(timeout=120).outcome == "new"
        assert_closed(books, platform, NINE)
        assert books.versions(NINE)[-1]["replica_name"] == "replica_b"


def take_payment_of_its_own(stack: Stack, replica: str, platform: Platform) -> None:
    conninfo = stack.replica_admin(replica, platform.database)
    with psycopg.connect(conninfo) as connection:
        connection.execute(
            "insert into platform.transactions (transaction_id, user_id, merchant_id, kind,"
            " currency, amount_minor, status, settled_at)"
            " values (1, 1, 10, 'payment', 'USD', 66600, 'settled', %s)",
            [NINE.start],
        )


def end_reads(stack: Stack, replica: str, platform: Platform) -> None:
    with psycopg.connect(stack.replica_admin(replica, platform.database)) as admin:
        ended = admin.execute(
            "select pg_terminate_backend(pid) from pg_stat_activity"
            " where usename = 'closebook_reader' and datname = current_database()"
            " and xact_start is not null"
        ).fetchall()
    assert ended


def test_a_replica_that_is_promoted_between_the_choice_and_the_read_is_not_read(
    stack: Stack, only_a: Settings, platform: Platform, books: Books
) -> None:
    fill(platform)
    stack.replica_wait()
    with promotable(stack, "replica_a"):
        with ThreadPoolExecutor() as pool, proxy_of_reads(stack, only_a) as (proxy, through_proxy):
            closing = pool.submit(close_hour, hurried(through_proxy, 2), NINE, ONE_REPLICA)
            proxy.wait_until_reached()
            promote(stack, "replica_a")
            take_payment_of_its_own(stack, "replica_a", platform)
            proxy.release()
            with pytest.raises(NotReady, match="replica_a was promoted: it is not a replica"):
                closing.result(timeout=120)
        assert_nothing_written(books)

    assert close_hour(only_a, NINE, ONE_REPLICA).outcome == "new"
    assert_closed(books, platform, NINE)


@contextmanager
def proxy_of_reads(stack: Stack, only_a: Settings) -> Iterator[tuple[NetworkProxy, Settings]]:
    """A proxy of replica_a that delays a read after its choice, at the transaction's begin."""
    with NetworkProxy(stack.ports["pgbouncer_replica_a"], at=b"REPEATABLE READ") as proxy:
        [replica] = only_a.replicas
        through_proxy = replace(replica, conninfo=make_conninfo(replica.conninfo, port=proxy.port))
        yield proxy, replace(only_a, replicas=(through_proxy,))


# ---- a rebuilt replica ------------------------------------------------------------------


@contextmanager
def backup_of(stack: Stack, replica: str, folder: Path) -> Iterator[Path]:
    """Copy the data of a replica as it is now; afterwards the replica is a new one."""
    with psycopg.connect(stack.primary_admin(), autocommit=True) as admin:
        admin.execute("alter system set autovacuum = off")
        admin.execute("select pg_reload_conf()")
        admin.execute("checkpoint")
    stack.replica_wait(replica)
    with psycopg.connect(stack.replica_admin(replica), autocommit=True) as admin:
        admin.execute("checkpoint")  # so that a start from here replays no commit
    stack.stop(replica)
    backup = folder / "backup"
    subprocess.run(["cp", "--archive", data_of(stack, replica), backup], check=True)
    stack.start(replica)
    try:
        yield backup
    finally:
        stack.stop(replica)
        shutil.rmtree(data_of(stack, replica))
        stack.up()


def rebuild_behind(stack: Stack, replica: str, backup: Path) -> None:
    """Kill a replica and start it from a backup; it receives all, and replays no commit yet."""
    stack.kill(replica)
    data = data_of(stack, replica)
    shutil.rmtree(data)
    backup.rename(data)
    with (data / "postgresql.auto.conf").open("a") as configuration:
        configuration.write("recovery_min_apply_delay = '1h'\n")
    start_again(stack, replica)


def catch_up(stack: Stack, replica: str) -> None:
    """Let a replica replay that was rebuilt behind."""
    with psycopg.connect(stack.replica_admin(replica), autocommit=True) as admin:
        admin.execute("alter system reset recovery_min_apply_delay")
        admin.execute("select pg_reload_conf()")
    stack.replica_wait(replica)


def test_a_replica_that_is_rebuilt_behind_the_fence_during_the_run_is_waited_for(
    stack: Stack, only_a: Settings, platform: Platform, books: Books, tmp_path: Path
) -> None:
    with backup_of(stack, "replica_a", tmp_path) as backup:
        fill(platform)
        with (
            ThreadPoolExecutor() as pool,
            held_reads(stack, platform, "transactions", "copy%", replicas=["replica_a"]) as hold,
        ):
            stack.replica_wait("replica_a")  # for the choice, which does not wait long
            closing = pool.submit(close_hour, hurried(only_a, 2), NINE, ONE_REPLICA)
            hold.reached_on()
            rebuild_behind(stack, "replica_a", backup)

            # The one that came back has none of the rows: it is the same name, not the same data.
            with pytest.raises(NotReady, match=r"replica_a (is \d+ bytes|failed)"):
                closing.result(timeout=120)
        assert_nothing_written(books)

        with pytest.raises(NotReady, match=r"replica_a is \d+ bytes"):
            close_hour(hurried(only_a), NINE, ONE_REPLICA)
        catch_up(stack, "replica_a")
        assert close_hour(only_a, NINE, ONE_REPLICA).outcome == "new"
        assert_closed(books, platform, NINE)


def test_a_replica_that_is_rebuilt_between_the_choice_and_the_read_is_not_read(
    stack: Stack, only_a: Settings, platform: Platform, books: Books, tmp_path: Path
) -> None:
    with backup_of(stack, "replica_a", tmp_path) as backup:
        fill(platform)
        stack.replica_wait()
        with ThreadPoolExecutor() as pool, proxy_of_reads(stack, only_a) as (proxy, through_proxy):
            closing = pool.submit(close_hour, hurried(through_proxy, 2), NINE, ONE_REPLICA)
            proxy.wait_until_reached()
            rebuild_behind(stack, "replica_a", backup)
            proxy.release()
            with pytest.raises(NotReady, match=r"replica_a (is \d+ bytes|failed)"):
                closing.result(timeout=120)
        assert_nothing_written(books)

        catch_up(stack, "replica_a")
        assert close_hour(only_a, NINE, ONE_REPLICA).outcome == "new"
        assert_closed(books, platform, NINE)
