"""The fixtures of tests/close_fixtures.py, and the stack's Redis."""

from collections.abc import Iterator

import pytest
import redis

from closebook.counter.publisher import COUNTER_KEY
from local.stack import Stack
from tests.close_fixtures import books, platform, settings

__all__ = ["books", "platform", "server", "settings"]


@pytest.fixture
def server(stack: Stack) -> Iterator["redis.Redis"]:
    """The stack's Redis, without a counter."""
    with redis.Redis.from_url(stack.redis_admin, decode_responses=True) as client:
        client.delete(COUNTER_KEY)
        yield client
