"""How Celery runs tasks here, for the doctor: its time limits, and its broker's version."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from closebook.doctor.celery import RABBITMQ
from closebook.doctor.installation import CeleryState

_CONNECT_SECONDS = 5
_RABBITMQ_SCHEMES = frozenset({"amqp", "amqps", "pyamqp"})


def celery_state() -> CeleryState | None:
    """Return how Celery runs tasks; None with another executor."""
    from airflow.configuration import conf

    if "CeleryExecutor" not in conf.get("core", "executor"):
        return None
    from airflow.providers.celery.executors.celery_executor_utils import app

    from closebook.orchestration.celery_settings import LONGEST_TASK, QUEUES, TIMEOUT_ARGUMENT

    with app.connection_for_read() as connection:
        scheme = str(connection.transport_cls)
    options: Mapping[str, Any] = app.conf.broker_transport_options or {}
    version, why_no_version = (None, "")
    if scheme in _RABBITMQ_SCHEMES:
        version, why_no_version = _broker_version(app)
    return CeleryState(
        broker=RABBITMQ if scheme in _RABBITMQ_SCHEMES else scheme,
        longest_task=LONGEST_TASK,
        acks_late=bool(app.conf.task_acks_late),
        prefetch_count=int(app.conf.worker_prefetch_multiplier),
        consumer_timeouts={
            name: _span(_arguments(app, name).get(TIMEOUT_ARGUMENT), milliseconds=True)
            for name in QUEUES
        },
        visibility_timeout=_span(options.get("visibility_timeout")),
        broker_version=version,
        why_no_version=why_no_version,
    )


def _arguments(app: Any, name: str) -> Mapping[str, Any]:
    queue = app.amqp.queues.get(name)
    return {} if queue is None else queue.queue_arguments or {}


def _span(number: Any, *, milliseconds: bool = False) -> timedelta | None:
    if number is None:
        return None
    return timedelta(milliseconds=int(number)) if milliseconds else timedelta(seconds=int(number))


def _broker_version(app: Any) -> tuple[tuple[int, ...] | None, str]:
    try:
        with app.connection_for_read(connect_timeout=_CONNECT_SECONDS) as connection:
            connection.connect()
            text = str(connection.connection.server_properties["version"])
            return tuple(int(part) for part in text.split(".")[:2]), ""
    except Exception as error:
        # Celery's transports raise errors of many classes, whose text may have the broker's URL.
        return None, f"the broker cannot be asked from here ({type(error).__name__})"
