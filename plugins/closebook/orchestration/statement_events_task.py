"""The publication of statement events as an Airflow task."""

import logging

from closebook.settings.message_settings import broker_from_airflow, message_settings
from closebook.settings.store_settings import store_from_airflow
from closebook.statement_events.broker import publishing
from closebook.statement_events.publication import publish_events

_log = logging.getLogger(__name__)


def publish() -> int:
    """Publish the events that are new, and return how many. Without a broker it does nothing."""
    connection_id = message_settings().broker_connection
    if not connection_id:
        _log.info("no broker is configured: events stay in the store (docs/statement-events.md)")
        return 0
    broker = broker_from_airflow(connection_id)
    event_count = publish_events(store_from_airflow(), publishing(broker))
    _log.info("%d events were published to %s", event_count, broker.exchange)
    return event_count
