"""The counter in Redis: never an older document, and sent again after a failure."""

import json
from typing import TYPE_CHECKING

import psycopg
import pytest

from closebook.counter import publisher
from closebook.counter.publisher import COUNTER_KEY, PUBLISH_IF_NEWER, publish
from closebook.errors import Transient
from closebook.settings import Settings
from local.addresses import REDIS
from local.stack import Stack
from tests.books import Books
from tests.close_fixtures import RUN
from tests.counter.closed_hours import NINE, TEN, close, fill
from tests.platform_rows import Platform

if TYPE_CHECKING:
    import redis

pytestmark = pytest.mark.usefixtures("server")


def test_redis_has_what_was_published(settings: Settings, platform: Platform) -> None:
    fill(platform)
    close(settings, NINE, TEN)

    document = publish(settings, RUN)

    assert publisher.read(settings) == document


def test_publishing_the_same_state_again_gives_the_same_publication(
    settings: Settings, platform: Platform, books: Books
) -> None:
    fill(platform)
    close(settings, NINE)

    assert publish(settings, RUN) == publish(settings, RUN)
    assert len(books.rows("select 1 from reporting.counter_publications")) == 1


def test_a_later_state_has_a_higher_number(settings: Settings, platform: Platform) -> None:
    fill(platform)
    close(settings, NINE)
    first = publish(settings, RUN)
    close(settings, TEN)

    assert publish(settings, RUN)["publication"] > first["publication"]


def test_an_older_document_never_replaces_a_newer_one(
    settings: Settings, platform: Platform, server: "redis.Redis"
) -> None:
    fill(platform)
    close(settings, NINE)
    older = publish(settings, RUN)
    close(settings, TEN)
    newer = publish(settings, RUN)

    script = server.register_script(PUBLISH_IF_NEWER.read_text(encoding="utf-8"))
    kept = script(keys=[COUNTER_KEY], args=[older["publication"], json.dumps(older)])

    assert kept == newer["publication"]
    assert publisher.read(settings) == newer


def test_a_flushed_redis_gets_the_same_publication_again(
    settings: Settings, platform: Platform, server: "redis.Redis"
) -> None:
    fill(platform)
    close(settings, NINE)
    document = publish(settings, RUN)
    server.flushdb()

    publish(settings, RUN)

    assert publisher.read(settings) == document


@pytest.mark.parametrize(
    "garbage",
    ["", "not json", "null", "[]", "7", '"text"', "{}", '{"publication": "999"}', "{" * 2000],
)
def test_garbage_under_the_key_is_replaced(
    settings: Settings, platform: Platform, server: "redis.Redis", garbage: str
) -> None:
    fill(platform)
    close(settings, NINE)
    server.set(COUNTER_KEY, garbage)

    document = publish(settings, RUN)

    assert publisher.read(settings) == document


def test_a_value_of_another_kind_under_the_key_is_replaced(
    settings: Settings, platform: Platform, server: "redis.Redis"
) -> None:
    fill(platform)
    close(settings, NINE)
    server.rpush(COUNTER_KEY, "an element")

    document = publish(settings, RUN)

    assert publisher.read(settings) == document


def test_without_redis_the_store_keeps_the_publication_to_be_sent_again(
    stack: Stack, settings: Settings, platform: Platform, books: Books
) -> None:
    fill(platform)
    close(settings, NINE)
    stack.stop(REDIS)
    try:
        with pytest.raises(Transient, match="safe in the store"):
            publish(settings, RUN)
        with pytest.raises(Transient):
            publisher.read(settings)
    finally:
        stack.start(REDIS)

    [kept] = books.rows("select * from reporting.counter_publications")
    document = publish(settings, RUN)
    assert document == {"publication": kept["publication_id"], **kept["counter_document"]}
    assert publisher.read(settings) == document


def test_without_the_store_a_retry_is_asked_for(settings: Settings) -> None:
    unreachable = psycopg.conninfo.make_conninfo(settings.store, port=1)

    with pytest.raises(Transient, match="store"):
        publish(Settings(**{**vars(settings), "store": unreachable}), RUN)
