"""The reporting store is down before, during and after the write: never half a close, never two."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress

import psycopg
import pytest

from closebook.closes.hour import close_hour
from closebook.errors import Transient
from closebook.periods import hour_of
from closebook.settings import Settings
from local.addresses import STORE
from local.stack import Stack
from tests.books import Books
from tests.close_fixtures import RUN, eventually, store_held, waiting_to_write
from tests.faults.held_read import held_reads
from tests.faults.outcome import assert_closed, assert_nothing_written
from tests.faults.server_restart import start_again
from tests.platform_rows import Platform, utc

NINE = hour_of(utc("2026-10-15T09:00Z"))
LOST = r"the reporting store failed: .+"


def fill(platform: Platform) -> None:
    platform.settle(NINE.start, 1000, fee_minor=30)
    platform.settle(NINE.start, 250, "JPY")


def books_again(stack: Stack, settings: Settings) -> Books:
    """The reporting store, by a connection that its crash has not cut."""
    with psycopg.connect(settings.store) as store:
        return Books(stack.store(store.info.dbname))


def assert_it_closes_once_the_store_is_back(
    stack: Stack, settings: Settings, platform: Platform
) -> None:
    """Nothing was written; run again, the close is the first of its period."""
    start_again(stack, STORE)
    books = books_again(stack, settings)
    assert_nothing_written(books)
    assert close_hour(settings, NINE, RUN).outcome == "new"
    assert_closed(books, platform, NINE)


def test_the_store_is_down_before_the_write(
    stack: Stack, settings: Settings, platform: Platform
) -> None:
    fill(platform)
    stack.stop(STORE)

    with pytest.raises(Transient, match=LOST) as refused:
        close_hour(settings, NINE, RUN)
    assert str(stack.ports[STORE]) in str(refused.value)

    assert_it_closes_once_the_store_is_back(stack, settings, platform)


@pytest.mark.parametrize("end", [Stack.kill, Stack.stop], ids=["killed", "shut down"])
def test_the_store_stops_while_rows_are_copied_into_it(
    stack: Stack, settings: Settings, platform: Platform, end: Callable[[Stack, str], None]
) -> None:
    fill(platform)
    with (
        ThreadPoolExecutor() as pool,
        held_reads(stack, platform, "transactions", "copy%") as hold,
    ):
        closing = pool.submit(close_hour, settings, NINE, RUN)
        hold.reached_on()
        end(stack, STORE)
        hold.release()
        with pytest.raises(Transient, match=LOST):
            closing.result(timeout=120)

    assert_it_closes_once_the_store_is_back(stack, settings, platform)


@pytest.mark.parametrize("end", [Stack.kill, Stack.stop], ids=["killed", "shut down"])
def test_the_store_stops_before_a_staged_close_is_written(
    stack: Stack, settings: Settings, platform: Platform, end: Callable[[Stack, str], None]
) -> None:
    fill(platform)
    with (
        ThreadPoolExecutor() as pool,
        suppress(psycopg.OperationalError),  # what holds the store is cut off too
        store_held(settings, NINE),
    ):
        closing = pool.submit(close_hour, settings, NINE, RUN)
        eventually(lambda: waiting_to_write(settings) == 1)
        end(stack, STORE)
    with pytest.raises(Transient, match=LOST):
        closing.result(timeout=120)

    assert_it_closes_once_the_store_is_back(stack, settings, platform)


def test_the_store_dies_after_the_commit_and_before_its_answer(
    stack: Stack, settings: Settings, platform: Platform
) -> None:
    fill(platform)
    # Given a commit that is on the store's disk and waits for a standby that never comes,
    with ThreadPoolExecutor() as pool, commits_without_an_answer(stack):
        closing = pool.submit(close_hour, settings, NINE, RUN)
        eventually(lambda: unanswered_commits(stack) == 1)
        # when the store dies,
        stack.kill(STORE)
        # then the close cannot know, and is to be run again;
        with pytest.raises(Transient, match=LOST):
            closing.result(timeout=120)

    # its rows are there, and the second run finds them and adds nothing.
    books = books_again(stack, settings)
    size = books.size()
    assert_closed(books, platform, NINE)
    assert close_hour(settings, NINE, RUN).outcome == "confirmed"
    assert_closed(books, platform, NINE)
    assert books.size() == size


@contextmanager
def commits_without_an_answer(stack: Stack) -> Iterator[None]:
    """Let the store wait for a synchronous standby that does not exist, after each commit."""
    with psycopg.connect(stack.store_admin(), autocommit=True) as admin:
        admin.execute("alter system set synchronous_standby_names = 'nobody'")
        admin.execute("select pg_reload_conf()")
    try:
        yield
    finally:
        start_again(stack, STORE)
        with psycopg.connect(stack.store_admin(), autocommit=True) as admin:
            admin.execute("alter system reset synchronous_standby_names")
            admin.execute("select pg_reload_conf()")


def unanswered_commits(stack: Stack) -> int:
    with psycopg.connect(stack.store_admin()) as admin:
        row = admin.execute(
            "select count(*) from pg_stat_activity where wait_event = 'SyncRep'"
        ).fetchone()
    assert row is not None
    return int(row[0])
