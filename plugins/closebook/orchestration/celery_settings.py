"""The configuration of Celery for Closebook's tasks: two queues, and time for the longest task.

`AIRFLOW__CELERY__CELERY_CONFIG_OPTIONS=closebook.orchestration.celery_settings.CELERY_CONFIG`, for
every Airflow process, adds it to Airflow's own configuration of Celery.
"""

import os
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import Any

from airflow.providers.celery.executors.default_celery import DEFAULT_CELERY_CONFIG
from celery.signals import heartbeat_sent

from closebook.orchestration.dag_defaults import DOCUMENTS_QUEUE
from closebook.orchestration.retry_policy import CLOSES_QUEUE

LONGEST_TASK = timedelta(hours=12)
"""The longest execution_timeout of a task, that of the audit of all documents."""

UNACKNOWLEDGED = LONGEST_TASK + timedelta(hours=1)
"""After this time RabbitMQ counts a task as lost, and ends the consumer of its worker."""

QUEUES = (CLOSES_QUEUE, DOCUMENTS_QUEUE)
TIMEOUT_ARGUMENT = "x-consumer-timeout"

CELERY_CONFIG: dict[str, Any] = {
    **DEFAULT_CELERY_CONFIG,
    # A worker confirms a task at its end, and fetches no more tasks than it runs.
    "task_acks_late": True,
    "worker_prefetch_multiplier": 1,
    "task_queues": {
        name: {
            "exchange": name,
            "routing_key": name,
            # guard: celery.longest-task-keeps-its-consumer
            "queue_arguments": {TIMEOUT_ARGUMENT: int(UNACKNOWLEDGED.total_seconds() * 1000)},
        }
        for name in QUEUES
    },
}
"""The configuration of Celery's app, in the scheduler and in the workers alike."""


def _touch_heartbeat(**_: Any) -> None:
    """Touch the file of the health check whenever this worker sends a heartbeat to the broker."""
    with suppress(OSError):
        heartbeat_file().touch()


def heartbeat_file() -> Path:
    """Return the file that a worker touches every two seconds while it is connected."""
    return Path(os.environ.get("AIRFLOW_HOME", Path.home() / "airflow")) / "worker.heartbeat"


heartbeat_sent.connect(_touch_heartbeat)
