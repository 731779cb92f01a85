"""Publishing on RabbitMQ: a message counts as published once the broker has confirmed it."""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import amqp
from amqp.exceptions import AccessRefused, AMQPError, NotAllowed, NotFound

from closebook.errors import Misconfigured, Transient
from closebook.settings.message_settings import Broker

CONTENT_TYPE = "application/json"
_CONNECT_SECONDS = 5
_CONFIRM_SECONDS = 30.0
_PERSISTENT = 2


@dataclass(frozen=True)
class Message:
    """A message; its ``body`` is JSON."""

    routing_key: str
    message_id: str
    body: str


class Publisher:
    """An open channel of the broker, on which messages are confirmed."""

    def __init__(self, channel: Any, exchange: str) -> None:
        self._channel = channel
        self._exchange = exchange
        self._last_tag = 0
        # The tags of messages without an answer, and how many were refused or could not be routed.
        self._waiting: set[int] = set()
        self._refused_count = 0
        self._unroutable_count = 0
        channel.events["basic_ack"].add(self._on_ack)
        channel.events["basic_nack"].add(self._on_nack)
        channel.events["basic_return"].add(self._on_return)
        channel.confirm_select()

    def publish(self, messages: Sequence[Message]) -> None:
        """Publish messages in their order, and wait until the broker has confirmed all of them.

        Raises Transient if it did not, and Misconfigured if no queue takes them.
        """
        for message in messages:
            self._last_tag += 1
            self._waiting.add(self._last_tag)
            self._channel.basic_publish(
                amqp.Message(
                    message.body.encode(),
                    content_type=CONTENT_TYPE,
                    content_encoding="utf-8",
                    delivery_mode=_PERSISTENT,
                    message_id=message.message_id,
                    type="statement released",
                ),
                exchange=self._exchange,
                routing_key=message.routing_key,
                # Without a queue the broker would confirm the message, and drop it.
                mandatory=True,  # guard: events.unroutable-is-no-publication
            )
        deadline = time.monotonic() + _CONFIRM_SECONDS
        while self._waiting:  # guard: events.confirmed-before-marked
            self._channel.connection.drain_events(max(deadline - time.monotonic(), 0.001))
        if self._unroutable_count:
            raise Misconfigured(
                "CB-CONFIG-EVENTS-HAVE-NO-QUEUE",
                f"no queue is bound to the exchange {self._exchange} for "
                f"{self._unroutable_count} events: declare a durable queue, and bind it with "
                "the routing key #",
            )
        if self._refused_count:
            raise Transient(
                "CB-RETRY-EVENTS-REFUSED",
                f"the broker refused {self._refused_count} events: its queue is full, or its "
                "disk; they are published again by the next run",
            )

    def _on_ack(self, tag: int, multiple: bool) -> None:
        self._waiting -= {each for each in self._waiting if each <= tag} if multiple else {tag}

    def _on_nack(self, tag: int, multiple: bool) -> None:
        self._refused_count += 1
        self._on_ack(tag, multiple)

    def _on_return(self, *_message: object) -> None:
        self._unroutable_count += 1


@contextmanager
def publishing(broker: Broker) -> Iterator[Publisher]:
    """Open a connection to the broker until the end of the block.

    Raises Transient if it cannot be reached or is lost, Misconfigured if it refuses the log-in, the
    right to write, or has no such exchange.
    """
    connection = amqp.Connection(
        host=f"{broker.host}:{broker.port}",
        userid=broker.user,
        password=broker.password,
        login_method="PLAIN",
        virtual_host=broker.virtual_host,
        ssl=_tls(broker),
        connect_timeout=_CONNECT_SECONDS,
        read_timeout=_CONFIRM_SECONDS,
        write_timeout=_CONFIRM_SECONDS,
    )
    try:
        connection.connect()
        yield Publisher(connection.channel(), broker.exchange)
        connection.close()
    except (AccessRefused, NotAllowed) as error:
        raise Misconfigured(
            "CB-CONFIG-BROKER-REFUSES",
            f"the broker {broker.host} refuses: {error.reply_text}; correct user, password and "
            f"virtual host of its connection, or grant the user to write to {broker.exchange}",
        ) from None
    except NotFound as error:
        raise Misconfigured(
            "CB-CONFIG-EXCHANGE-MISSING",
            f"the broker {broker.host} has no exchange {broker.exchange} ({error.reply_text}): "
            "declare it, durable and of type topic",
        ) from None
    except (AMQPError, OSError) as error:
        raise Transient(
            "CB-RETRY-BROKER-FAILED",
            f"the broker {broker.host}:{broker.port} cannot be reached or was lost "
            f"({type(error).__name__}): no event is lost, the next run publishes them",
        ) from None
    finally:
        # After an error the connection is closed without waiting for the broker's answer.
        connection.collect()


def _tls(broker: Broker) -> Any:
    if broker.ca_certificates is None:
        return False
    return {
        "server_hostname": broker.host,
        "context": {"cafile": broker.ca_certificates, "check_hostname": True},
    }
