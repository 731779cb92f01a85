"""The notifications as an Airflow task."""

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
    """Send the new messages by each channel, and return how many, by the channel's name.

    Without a channel it does nothing. If a channel fails, the other one is tried too; then the
    first error is raised, which is Transient or Misconfigured.
    """
    named = message_settings()
    found = channels(named)
    if not found:
        _log.info("no channel is configured, so nothing is sent (docs/notifications.md)")
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
