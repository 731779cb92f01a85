"""Two closes of one period reach the store at the same time: one version, whoever is first."""

from concurrent.futures import ThreadPoolExecutor

import psycopg

from closebook.periods import hour_of
from closebook.settings import Settings
from closebook.volume import close_hour
from local.stack import Stack
from tests.closing import RUN, Books, Platform, eventually, utc
from tests.faults.outcome import assert_closed

NINE = hour_of(utc("2026-10-15T09:00Z"))


def test_the_same_close_twice_at_once_with_both_about_to_write(
    stack: Stack, settings: Settings, platform: Platform, books: Books
) -> None:
    platform.settle(NINE.start, 1000)
    with psycopg.connect(settings.store) as store:
        owner = stack.store_owner(store.info.dbname)
    with ThreadPoolExecutor() as pool, psycopg.connect(owner) as keeper:
        # Given a register that takes no rows for a while, so that neither is done too soon,
        keeper.execute("lock table reporting.closes in share mode")
        closes = [pool.submit(close_hour, settings, NINE, RUN) for _ in range(2)]
        eventually(lambda: waiting_on_the_store(owner) == len(closes))
        # when both go on,
        keeper.rollback()
        outcomes = {close.result(timeout=30).outcome for close in closes}

    # then one writes, and the other one reads again and finds the same.
    assert outcomes == {"new", "confirmed"}
    assert_closed(books, platform, NINE)


def waiting_on_the_store(owner: str) -> int:
    """How many sessions wait for a lock in the store, of whichever kind."""
    with psycopg.connect(owner) as connection:
        row = connection.execute(
            "select count(*) from pg_locks where not granted and database ="
            " (select oid from pg_database where datname = current_database())"
        ).fetchone()
    assert row is not None
    return int(row[0])
