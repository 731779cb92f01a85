"""Redis fails in every way that it can, runs publish at once: the counter is right afterwards."""

import os
import signal
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest
import redis

from closebook.closes.hour import close_hour
from closebook.counter import publisher
from closebook.counter.publisher import COUNTER_KEY, publish
from closebook.errors import Transient
from closebook.periods import Period, hour_of
from closebook.settings import Settings
from local.addresses import REDIS
from local.ports import LOOPBACK
from local.stack import Stack
from tests.books import Books
from tests.close_fixtures import RUN, eventually, waiting_to_write
from tests.faults.network_proxy import NetworkProxy
from tests.faults.outcome import assert_closed
from tests.platform_rows import Platform, utc

NINE = hour_of(utc("2026-10-15T09:00Z"))
TEN = hour_of(NINE.end)
REFUSED = r"Redis did not take publication \d+ of the counter .*safe in the store"


@pytest.fixture
def server(stack: Stack) -> Iterator["redis.Redis"]:
    """The stack's Redis without a counter; after the test it takes writes again."""
    with redis.Redis.from_url(stack.redis_admin, decode_responses=True) as client:
        client.delete(COUNTER_KEY)
        yield client
        take_writes(client)
        client.delete(COUNTER_KEY)


def close_with_a_payment(settings: Settings, platform: Platform, hour: Period) -> None:
    platform.settle(hour.start, 1000 + len(platform.transactions))
    close_hour(settings, hour, RUN)


def assert_counted(
    settings: Settings, platform: Platform, books: Books, *hours: Period, publications: int
) -> None:
    """Redis shows what a recount of these closed hours gives, and the store numbered no more."""
    payments = [t.amount_minor for hour in hours for t in platform.settled_in(hour)]
    document = publisher.read(settings)
    assert document is not None
    assert document["currencies"]["USD"]["gross_minor"] == str(sum(payments))
    assert document["currencies"]["USD"]["payment_count"] == len(payments)
    assert document["publication"] == publications
    assert len(books.rows("select 1 from reporting.counter_publications")) == publications
    for hour in hours:
        assert_closed(books, platform, hour)


# ---- Redis ------------------------------------------------------------------------------


def refuse_writes(server: "redis.Redis") -> None:
    server.replicaof(LOOPBACK, "1")


def fill_memory(server: "redis.Redis") -> None:
    server.config_set("maxmemory", 1)


def take_writes(server: "redis.Redis") -> None:
    server.replicaof("NO", "ONE")
    server.config_set("maxmemory", 0)


@pytest.mark.parametrize(
    ("fail", "reason"),
    [
        pytest.param(refuse_writes, "read only", id="read-only"),
        pytest.param(fill_memory, "maxmemory", id="out of memory"),
    ],
)
def test_a_redis_that_refuses_writes_shows_the_last_counter_until_it_takes_the_next(
    settings: Settings,
    platform: Platform,
    books: Books,
    server: "redis.Redis",
    fail: Callable[["redis.Redis"], None],
    reason: str,
) -> None:
    close_with_a_payment(settings, platform, NINE)
    publish(settings, RUN)
    close_with_a_payment(settings, platform, TEN)
    fail(server)

    with pytest.raises(Transient, match=REFUSED) as refused:
        publish(settings, RUN)
    assert reason in str(refused.value)
    shown = publisher.read(settings)
    assert shown is not None
    assert shown["publication"] == 1

    take_writes(server)
    publish(settings, RUN)
    assert_counted(settings, platform, books, NINE, TEN, publications=2)


def test_a_redis_whose_answer_is_lost_after_it_has_taken_the_write(
    stack: Stack, settings: Settings, platform: Platform, books: Books, server: "redis.Redis"
) -> None:
    close_with_a_payment(settings, platform, NINE)
    publish(settings, RUN)
    close_with_a_payment(settings, platform, TEN)

    with NetworkProxy(stack.ports[REDIS], at=b"EVALSHA", drops_answers=True) as proxy:
        # The proxy answers nothing more, and the client does not wait for long.
        url = through(settings, stack, proxy) + "?socket_timeout=0.3"
        with pytest.raises(Transient, match=REFUSED):
            publish(with_redis(settings, url), RUN)

    # It was taken all the same; sent again it is the same publication.
    assert_counted(settings, platform, books, NINE, TEN, publications=2)
    publish(settings, RUN)
    assert_counted(settings, platform, books, NINE, TEN, publications=2)


def through(settings: Settings, stack: Stack, proxy: NetworkProxy) -> str:
    return settings.redis_url.replace(f":{stack.ports[REDIS]}/", f":{proxy.port}/")


def with_redis(settings: Settings, url: str) -> Settings:
    return Settings(**{**vars(settings), "redis_url": url})


# ---- two runs ---------------------------------------------------------------------------


def test_an_older_run_that_publishes_last_does_not_replace_a_newer_one(
    stack: Stack, settings: Settings, platform: Platform, books: Books, server: "redis.Redis"
) -> None:
    close_with_a_payment(settings, platform, NINE)
    with ThreadPoolExecutor() as pool, NetworkProxy(stack.ports[REDIS], at=b"EVALSHA") as proxy:
        # Given a run that has its numbers, and is delayed on its way to Redis,
        older = pool.submit(publish, with_redis(settings, through(settings, stack, proxy)), RUN)
        proxy.wait_until_reached()
        # when a newer one publishes first,
        close_with_a_payment(settings, platform, TEN)
        newer = publish(settings, RUN)
        proxy.release()
        assert older.result(timeout=120)["publication"] < newer["publication"]

    # then what the newer one says stays.
    assert_counted(settings, platform, books, NINE, TEN, publications=2)


def test_a_run_that_counts_while_another_one_numbers_its_count_waits_for_it(
    stack: Stack, settings: Settings, platform: Platform, books: Books, server: "redis.Redis"
) -> None:
    close_with_a_payment(settings, platform, NINE)
    publish(settings, RUN)
    with ThreadPoolExecutor() as pool, psycopg.connect(settings_owner(stack, settings)) as owner:
        # Given a run that has counted two hours, and hangs before it numbers that count,
        close_with_a_payment(settings, platform, TEN)
        owner.execute("lock table reporting.counter_publications in share mode")
        older = pool.submit(publish, settings, RUN)
        eventually(lambda: pids_that_wait(stack, settings))
        [pid] = pids_that_wait(stack, settings)
        os.kill(pid, signal.SIGSTOP)
        try:
            owner.rollback()
            # when an hour closes and another run counts,
            eleven = hour_of(TEN.end)
            close_with_a_payment(settings, platform, eleven)
            newer = pool.submit(publish, settings, RUN)
            eventually(lambda: newer.done() or waiting_to_write(settings) == 1)
        finally:
            os.kill(pid, signal.SIGCONT)
        # then the counts are numbered in their order,
        first, second = older.result(timeout=120), newer.result(timeout=120)

    assert (first["publication"], second["publication"]) == (2, 3)
    # and the later one is shown.
    assert_counted(settings, platform, books, NINE, TEN, eleven, publications=3)


def settings_owner(stack: Stack, settings: Settings) -> str:
    with psycopg.connect(settings.store) as store:
        return stack.store_owner(store.info.dbname)


def pids_that_wait(stack: Stack, settings: Settings) -> list[int]:
    """The store's processes that wait for a lock on the counter's publications."""
    with psycopg.connect(settings_owner(stack, settings)) as owner:
        rows = owner.execute(
            "select pid from pg_locks where not granted"
            " and relation = 'reporting.counter_publications'::regclass"
        ).fetchall()
    return [pid for (pid,) in rows]
