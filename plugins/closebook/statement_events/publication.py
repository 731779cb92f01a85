"""The publication of the events of statements: at least once, in order for each account."""

import json
from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import Protocol

from psycopg.rows import DictRow

from closebook.sql import query
from closebook.statement_events.broker import Message
from closebook.store.session import StoreAddress, on_store

BATCH_SIZE = 1_000


class MessagePublisher(Protocol):
    """Publishes messages, and returns once the broker has confirmed all of them."""

    def publish(self, messages: Sequence[Message]) -> None:
        """Publish them in their order."""


def publish_events(
    settings: StoreAddress,
    publishing: AbstractContextManager[MessagePublisher],
    batch_size: int = BATCH_SIZE,
) -> int:
    """Publish the events that the broker has not confirmed yet, and return how many there were.

    A batch counts as published once the store has noted it. If the process ends before that, the
    next one publishes the batch again. Raises what ``publishing`` raises.
    """
    if not _has_events(settings):
        return 0
    event_count = 0
    with publishing as publisher:
        while batch := _publish_batch(settings, publisher, batch_size):
            event_count += batch
    return event_count


def _has_events(settings: StoreAddress) -> bool:
    with on_store(settings) as store:
        return store.execute(query("statement_events/next"), {"most": 1}).fetchone() is not None


def _publish_batch(settings: StoreAddress, publisher: MessagePublisher, batch_size: int) -> int:
    """Publish one batch, and return its size: 0 if there is none, or if another run publishes."""
    with on_store(settings) as store:
        row = store.execute(query("statement_events/lock")).fetchone()
        # guard: events.one-publisher
        if row is None or not row["is_alone"]:
            return 0
        found = store.execute(query("statement_events/next"), {"most": batch_size}).fetchall()
        events = _without_repeated_account(found)
        if not events:
            return 0
        publisher.publish([message(event) for event in events])
        store.execute(
            query("statement_event_batches/insert"),
            {"last_event_id": events[-1]["event_id"], "event_count": len(events)},
        )
        return len(events)


def _without_repeated_account(events: Sequence[DictRow]) -> list[DictRow]:
    """Return the first events, up to the second one of any account and currency.

    So if a batch is published twice, no older event of an account follows a newer one.
    """
    seen: set[tuple[str, str]] = set()
    batch: list[DictRow] = []
    for event in events:
        key = (event["account_key"], event["currency"])
        if key in seen:  # guard: events.no-older-after-newer
            break
        seen.add(key)
        batch.append(event)
    return batch


def message(event: DictRow) -> Message:
    """Return the message of an event, without the holder's name and the account's number."""
    body = {
        "event_id": event["event_id"],
        "account": event["account_key"],
        "currency": event["currency"],
        "period": f"{event['first_date']:%Y-%m}",
        "version": event["statement_version"],
        "sha256": event["sha256"],
    }
    return Message(event["account_key"], str(event["event_id"]), json.dumps(body))
