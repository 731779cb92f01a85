"""The notifications as an Airflow task: each channel that is configured is given what is new."""

import logging
from datetime import UTC, datetime

from closebook.errors import ClosebookError
from closebook.notifications.delivery import deliver
from closebook.orchestration.notification_channels import channels
from closebook.settings.airflow_connections import unread_connections
from closebook.settings.message_settings import message_settings
from closebook.settings.store_settings import store_from_airflow

_log = logging.getLogger(__name__)


def notify() -> dict[str, int]:
    """Tell people what happened, by each channel, and return how many messages each one took.

    Without a channel it does nothing. A channel that fails does not stop the other one. Then it
    raises the first one's error, which is Transient or Misconfigured.
    """
    named = message_settings()
    found = channels(named)
    if not found:
        _log.info("no channel is configured: nobody is told anything (docs/notifications.md)")
        return {}
    settings = store_from_airflow()
    missing = unread_connections(named.connections.values())
    counts: dict[str, int] = {}
    problems: list[ClosebookError] = []
    for channel in found:
        try:
            if channel.connection_id in missing:
                raise missing[channel.connection_id]
            counts[channel.name] = deliver(settings, settings.time_zone, channel, datetime.now(UTC))
        except ClosebookError as error:
            problems.append(error)
    for name, count in counts.items():
        _log.info("%s: %d messages were sent", name, count)
    for problem in problems[1:]:
        _log.error("%s", problem)
    if problems:
        raise problems[0]
    return counts
