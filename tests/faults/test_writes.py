"""Two closes of one period reach the store at the same time: one version, whoever is first."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from closebook.closes.hour import close_hour
from closebook.errors import Transient
from closebook.periods import hour_of
from closebook.settings import Settings
from local.addresses import REPLICAS
from local.stack import Stack
from tests.books import Books
from tests.close_fixtures import RUN, eventually, waiting_on_the_store
from tests.faults.held_read import held_reads
from tests.faults.outcome import assert_closed, assert_nothing_written
from tests.platform_rows import Platform, utc

EIGHT = hour_of(utc("2026-10-15T08:00Z"))
NINE = hour_of(utc("2026-10-15T09:00Z"))


def test_the_same_close_twice_at_once_with_both_about_to_write(
    stack: Stack, settings: Settings, platform: Platform, books: Books
) -> None:
    # Given a register that has the platform's history from an earlier close,
    close_hour(settings, EIGHT, RUN)
    platform.settle(NINE.start, 1000)
    with psycopg.connect(settings.store) as store:
        owner = stack.store_owner(store.info.dbname)
    with ThreadPoolExecutor() as pool, psycopg.connect(owner) as keeper:
        # and takes no rows for a while, so that neither is done too soon,
        keeper.execute("lock table reporting.closes in share mode")
        closes = [pool.submit(close_hour, settings, NINE, RUN) for _ in range(2)]
        eventually(lambda: waiting_on_the_store(owner) == len(closes))
        # when both go on,
        keeper.rollback()
        outcomes = {close.result(timeout=120).outcome for close in closes}

    # then one writes, and the other one reads again and finds the same.
    assert outcomes == {"new", "confirmed"}
    assert_closed(books, platform, NINE)


def test_a_store_that_ends_a_session_for_idling_while_the_replica_is_read(
    stack: Stack, settings: Settings, platform: Platform, books: Books
) -> None:
    platform.settle(NINE.start, 1000)
    # Given a store that ends a transaction in which nothing happens for a while,
    limit = "-c idle_in_transaction_session_timeout=50ms -c application_name=impatient"
    impatient = replace(settings, store=make_conninfo(settings.store, options=limit))
    with (
        ThreadPoolExecutor() as pool,
        held_reads(stack, platform, "transactions", "%row_count%") as hold,
    ):
        # when the replica takes longer over a query,
        closing = pool.submit(close_hour, impatient, NINE, RUN)
        hold.reached_on()
        eventually(lambda: not sessions_of_the_store(settings, "impatient"))
        hold.release()
        # then the store is at fault, not the platform's data.
        with pytest.raises(Transient, match=r"the reporting store failed: .*idle-in-transaction"):
            closing.result(timeout=120)

    assert_nothing_written(books)
    assert close_hour(settings, NINE, RUN).outcome == "new"
    assert_closed(books, platform, NINE)


def test_a_store_that_ends_a_session_for_idling_while_a_replica_is_waited_for(
    stack: Stack, settings: Settings, platform: Platform, books: Books
) -> None:
    # Given a store that ends a session with no transaction after a while,
    limit = "-c idle_session_timeout=1s -c application_name=impatient"
    impatient = replace(
        settings,
        store=make_conninfo(settings.store, options=limit),
        replica_wait_seconds=60,
    )
    with ThreadPoolExecutor() as pool:
        for replica in REPLICAS:
            stack.pause_replay(replica)
        try:
            # when the replicas are further behind than that,
            platform.settle(NINE.start, 1000)
            closing = pool.submit(close_hour, impatient, NINE, RUN)
            eventually(lambda: sessions_of_the_store(settings, "impatient"))
            eventually(lambda: not sessions_of_the_store(settings, "impatient"))
        finally:
            for replica in REPLICAS:
                stack.resume_replay(replica)
        # then the close held no transaction open meanwhile, and the task is tried again.
        with pytest.raises(Transient, match=r"the reporting store failed: .*idle-session"):
            closing.result(timeout=120)

    assert_nothing_written(books)
    assert close_hour(settings, NINE, RUN).outcome == "new"
    assert_closed(books, platform, NINE)


def sessions_of_the_store(settings: Settings, application: str) -> int:
    with psycopg.connect(settings.store) as store:
        row = store.execute(
            "select count(*) from pg_stat_activity where application_name = %s", [application]
        ).fetchone()
    assert row is not None
    return int(row[0])
