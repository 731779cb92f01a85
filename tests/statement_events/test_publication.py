"""Events reach a real RabbitMQ: at least once, in order for each account, and none is lost."""

import json
import os
import subprocess
import sys
import time
from ast import literal_eval
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from queue import SimpleQueue
from threading import Thread
from typing import IO, Any

import psycopg
import pytest

from closebook.errors import Misconfigured, Transient
from closebook.settings import Settings
from closebook.settings.message_settings import DEFAULT_EXCHANGE, Broker
from closebook.sql import query
from closebook.statement_events.broker import Message, publishing
from closebook.statement_events.publication import publish_events
from local.stack import Stack
from tests.markdown import DOCS, blocks, text
from tests.rabbitmq_server import CONSUMER, RabbitMq, rabbitmq_server

QUEUE = "of the test"
_EVENTS = """
insert into reporting.statement_events (
    decision_id, close_id, account_id, currency, statement_version, sha256
)
select
    %(version)s, %(close_id)s, account_id, 'EUR', %(version)s,
    encode(sha256(account_id::text::bytea), 'hex')
from generate_series(1, %(count)s) as account_id
"""
_CLOSE = """
insert into reporting.closes (
    close_id, grain, period_start, period_end, time_zone, close_version, is_current, fence_lsn,
    fenced_at, snapshot_text, replica_name, code_version, run_id, first_date, last_date
) overriding system value
values (
    %(close_id)s, 'month', '2026-10-01 04:00Z', '2026-11-01 04:00Z', 'America/New_York',
    %(close_id)s, false, '0/1', '2026-11-01 04:00Z', '', '', '', '', '2026-10-01', '2026-10-31'
)
"""


class Outbox:
    """The events of a store."""

    def __init__(self, stack: Stack, settings: Settings, database: str) -> None:
        self._conninfo = stack.store_admin(database)
        self.settings = settings

    def release(self, version: int, count: int) -> None:
        """Write a release's events for accounts from 1, of a close that has the version's id."""
        with psycopg.connect(self._conninfo) as admin:
            admin.execute("set session_replication_role = replica")
            names = {"close_id": version, "version": version, "count": count}
            admin.execute(_CLOSE, names)
            admin.execute(_EVENTS, names)

    def forget_batches(self) -> None:
        """Let all events be as if none was published."""
        with psycopg.connect(self._conninfo) as admin:
            admin.execute("truncate reporting.statement_event_batches")

    def batches(self) -> list[int]:
        """The sizes of the batches that are noted as published."""
        with psycopg.connect(self._conninfo) as admin:
            rows = admin.execute(
                "select event_count from reporting.statement_event_batches order by last_event_id"
            )
            return [count for (count,) in rows]


@pytest.fixture
def outbox(stack: Stack, settings: Settings, module_store_database: str) -> Outbox:
    return Outbox(stack, settings, module_store_database)


@pytest.fixture
def queue(rabbitmq: RabbitMq) -> Iterator[RabbitMq]:
    """The broker with a queue of its own for the test."""
    declare(rabbitmq)
    yield rabbitmq
    with rabbitmq.channel() as channel:
        channel.queue_delete(QUEUE)
        channel.exchange_delete(DEFAULT_EXCHANGE)


def declare(rabbitmq: RabbitMq) -> None:
    """Declare the exchange and a queue, as a consumer does."""
    with rabbitmq.channel() as channel:
        channel.exchange_declare(DEFAULT_EXCHANGE, "topic", durable=True, auto_delete=False)
        channel.queue_declare(QUEUE, durable=True, auto_delete=False)
        channel.queue_bind(QUEUE, DEFAULT_EXCHANGE, "#")


def publish(outbox: Outbox, broker: Broker, batch_size: int = 1_000) -> int:
    return publish_events(outbox.settings, publishing(broker), batch_size)


def taken(rabbitmq: RabbitMq) -> list[tuple[str, int]]:
    """Account and version of each message, in the order of the queue."""
    return [(each["account"], each["version"]) for each in rabbitmq.take_all(QUEUE)]


def test_a_message_has_what_a_platform_needs_and_no_personal_data(
    outbox: Outbox, queue: RabbitMq
) -> None:
    outbox.release(1, 1)
    assert publish(outbox, queue.broker) == 1
    with queue.channel() as channel:
        message = channel.basic_get(QUEUE, no_ack=True)
    assert json.loads(message.body) == {
        "event_id": 1,
        "account": "1",
        "currency": "EUR",
        "period": "2026-10",
        "version": 1,
        "sha256": "6b86b273ff34fce19d6b804eff5a3f5747ada4eaa22f1d49c01e52ddb7875b4b",
    }
    assert message.delivery_info["routing_key"] == "1"
    assert message.properties["delivery_mode"] == 2
    assert message.properties["content_type"] == "application/json"
    assert message.properties["message_id"] == "1"


def test_a_month_of_twenty_thousand_statements_goes_in_batches_and_once(
    outbox: Outbox, queue: RabbitMq
) -> None:
    outbox.release(1, 20_000)
    assert publish(outbox, queue.broker) == 20_000
    assert publish(outbox, queue.broker) == 0
    assert outbox.batches() == [1_000] * 20
    assert taken(queue) == [(str(number), 1) for number in range(1, 20_001)]


def test_corrections_of_an_account_come_in_the_order_of_their_releases(
    outbox: Outbox, queue: RabbitMq
) -> None:
    outbox.release(1, 3)
    outbox.release(2, 2)
    outbox.release(3, 1)
    assert publish(outbox, queue.broker) == 6
    # No batch has two events of an account: if one came twice, version 1 would follow version 2
    assert outbox.batches() == [3, 2, 1]
    assert taken(queue) == [("1", 1), ("2", 1), ("3", 1), ("1", 2), ("2", 2), ("1", 3)]


def test_a_process_that_dies_before_it_notes_a_batch_publishes_it_again_and_loses_none(
    outbox: Outbox, queue: RabbitMq
) -> None:
    outbox.release(1, 5)

    class Dying:
        def __init__(self, publisher: Any) -> None:
            self._publisher = publisher
            self._count = 0

        def publish(self, messages: Sequence[Message]) -> None:
            self._publisher.publish(messages)
            self._count += 1
            if self._count == 2:
                os._exit(9)

    @contextmanager
    def dying() -> Iterator[Dying]:
        with publishing(queue.broker) as publisher:
            yield Dying(publisher)

    child = os.fork()
    if child == 0:
        publish_events(outbox.settings, dying(), 2)
        os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 9
    assert outbox.batches() == [2]

    assert publish(outbox, queue.broker, 2) == 3
    assert [account for account, _ in taken(queue)] == ["1", "2", "3", "4", "3", "4", "5"]


def test_while_one_run_publishes_another_one_publishes_nothing(
    outbox: Outbox, queue: RabbitMq
) -> None:
    outbox.release(1, 2)
    with psycopg.connect(outbox.settings.store) as other:
        other.execute(query("statement_events/lock"))
        assert publish(outbox, queue.broker) == 0
    assert publish(outbox, queue.broker) == 2
    assert len(taken(queue)) == 2


def test_without_a_queue_no_event_counts_as_published(outbox: Outbox, queue: RabbitMq) -> None:
    outbox.release(1, 2)
    with queue.channel() as channel:
        channel.queue_unbind(QUEUE, DEFAULT_EXCHANGE, "#")
    with pytest.raises(Misconfigured, match="CB-CONFIG-EVENTS-HAVE-NO-QUEUE"):
        publish(outbox, queue.broker)
    assert outbox.batches() == []
    declare(queue)
    assert publish(outbox, queue.broker) == 2
    assert len(taken(queue)) == 2


def test_a_queue_that_refuses_leaves_the_events_to_the_next_run(
    outbox: Outbox, queue: RabbitMq
) -> None:
    outbox.release(1, 5)
    with queue.channel() as channel:
        channel.queue_delete(QUEUE)
        full = {"x-max-length": 1, "x-overflow": "reject-publish"}
        channel.queue_declare(QUEUE, durable=True, auto_delete=False, arguments=full)
        channel.queue_bind(QUEUE, DEFAULT_EXCHANGE, "#")
    with pytest.raises(Transient, match="CB-RETRY-EVENTS-REFUSED"):
        publish(outbox, queue.broker)
    assert outbox.batches() == []
    with queue.channel() as channel:
        channel.queue_delete(QUEUE)
    declare(queue)
    assert publish(outbox, queue.broker) == 5
    assert len(taken(queue)) == 5


@pytest.mark.parametrize(
    ("wrong", "code"),
    [
        ({"password": "wrong"}, "CB-CONFIG-BROKER-REFUSES"),
        ({"virtual_host": "nowhere"}, "CB-CONFIG-BROKER-REFUSES"),
        ({"exchange": "amq.topic"}, "CB-CONFIG-BROKER-REFUSES"),
    ],
)
def test_what_the_broker_refuses_is_named(
    outbox: Outbox, queue: RabbitMq, wrong: dict[str, str], code: str
) -> None:
    outbox.release(1, 1)
    with pytest.raises(Misconfigured, match=code):
        publish(outbox, replace(queue.broker, **wrong))  # type: ignore[arg-type]
    assert outbox.batches() == []


def test_an_exchange_that_nobody_declared_is_named(outbox: Outbox, rabbitmq: RabbitMq) -> None:
    outbox.release(1, 1)
    with pytest.raises(Misconfigured, match="CB-CONFIG-EXCHANGE-MISSING"):
        publish(outbox, rabbitmq.broker)


def test_a_broker_that_is_down_loses_nothing_and_keeps_what_it_has_confirmed(
    outbox: Outbox, tmp_path: Path
) -> None:
    outbox.release(1, 2)
    with rabbitmq_server(tmp_path / "rabbitmq") as first:
        declare(first)
        assert publish(outbox, first.broker) == 2
    outbox.release(2, 2)
    with pytest.raises(Transient, match="CB-RETRY-BROKER-FAILED"):
        publish(outbox, first.broker)
    assert outbox.batches() == [2]
    with rabbitmq_server(tmp_path / "rabbitmq", first.port) as again:
        assert publish(outbox, again.broker) == 2
        assert taken(again) == [("1", 1), ("2", 1), ("1", 2), ("2", 2)]


def test_the_consumer_of_the_document_mails_each_event_once(
    outbox: Outbox, rabbitmq: RabbitMq
) -> None:
    [consumer] = blocks(text(DOCS / "statement-events.md"), "python")
    url = f"amqp://{CONSUMER}:{CONSUMER}@127.0.0.1:{rabbitmq.port}//"
    command = [sys.executable, "-c", consumer.replace("amqp://…", url)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as mailer:
        lines: SimpleQueue[str] = SimpleQueue()
        assert mailer.stdout is not None
        Thread(target=pour, args=(mailer.stdout, lines), daemon=True).start()
        try:
            outbox.release(1, 2)
            wait_for_queue(rabbitmq, "statement-mails")
            assert publish(outbox, rabbitmq.broker) == 2
            # As if the run had ended before it noted the batch
            outbox.forget_batches()
            outbox.release(2, 2)
            assert publish(outbox, rabbitmq.broker) == 4
            mailed = [literal_eval(lines.get(timeout=20).removeprefix("mail ")) for _ in range(4)]
        finally:
            mailer.kill()
    assert [(each["account"], each["version"]) for each in mailed] == [
        ("1", 1),
        ("2", 1),
        ("1", 2),
        ("2", 2),
    ]
    with rabbitmq.channel() as channel:
        channel.queue_delete("statement-mails")
        channel.exchange_delete(DEFAULT_EXCHANGE)


def pour(output: IO[str], lines: "SimpleQueue[str]") -> None:
    """Put each line of an output into a queue."""
    for line in output:
        lines.put(line)


def wait_for_queue(rabbitmq: RabbitMq, name: str) -> None:
    """Wait until the consumer has declared its queue."""
    deadline = time.monotonic() + 20
    while True:
        try:
            with rabbitmq.channel() as channel:
                channel.queue_declare(name, passive=True)
                return
        except Exception:
            assert time.monotonic() < deadline
            time.sleep(0.2)
