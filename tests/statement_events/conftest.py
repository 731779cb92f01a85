"""The fixtures of closes, and a broker for all tests of this folder."""

from collections.abc import Iterator

import pytest

from tests.close_fixtures import books, platform, settings
from tests.rabbitmq_server import RabbitMq, rabbitmq_server

__all__ = ["books", "platform", "settings"]


@pytest.fixture(scope="session")
def rabbitmq(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RabbitMq]:
    """A RabbitMQ without exchanges and queues."""
    with rabbitmq_server(tmp_path_factory.mktemp("rabbitmq")) as running:
        yield running
