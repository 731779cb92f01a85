"""CeleryExecutor: whether the broker's time limits suffice, and what a dead worker loses."""

from collections.abc import Iterator
from datetime import timedelta

from closebook.doctor.finding import Finding, Observation, Severity, Unseen
from closebook.doctor.installation import CeleryState

RABBITMQ = "amqp"
_MINUTE = timedelta(minutes=1)
_DEFAULT_OF_RABBITMQ = timedelta(minutes=30)
# From this version on a queue may have a time limit of its own.
_LIMITS_BY_QUEUE = (3, 12)
_MEND = (
    "AIRFLOW__CELERY__CELERY_CONFIG_OPTIONS="
    "closebook.orchestration.celery_settings.CELERY_CONFIG, for every Airflow process; see "
    "docs/deploy.md."
)


def celery_observations(state: CeleryState) -> Iterator[Observation]:
    """Yield the time limits that the longest task exceeds, and settings by which tasks get lost."""
    if state.broker == RABBITMQ:
        yield from _consumer_timeouts(state)
    elif state.visibility_timeout is None or state.visibility_timeout < state.longest_task:
        yield Finding(
            code="celery-visibility-timeout",
            subject="visibility_timeout",
            what=f"the broker delivers a task again after {_minutes(state.visibility_timeout)}, "
            f"and a task may take {_minutes(state.longest_task)}",
            why="A second worker gets a task that the first one still runs.",
            mend="AIRFLOW__CELERY_BROKER_TRANSPORT_OPTIONS__VISIBILITY_TIMEOUT="
            f"{int(state.longest_task.total_seconds()) + 3600}, for every Airflow process.",
        )
    if not state.acks_late or state.prefetch_count != 1:
        yield Finding(
            code="celery-fetches-ahead",
            subject="task_acks_late, worker_prefetch_multiplier",
            what="a worker fetches tasks that it does not run yet, or confirms them before they "
            "ran",
            why="Such a task waits behind a long one while other workers are idle, and is lost for "
            "hours when its worker dies.",
            mend=_MEND,
            severity=Severity.WARNING,
        )


def _consumer_timeouts(state: CeleryState) -> Iterator[Observation]:
    for queue, timeout in state.consumer_timeouts.items():
        limit = _DEFAULT_OF_RABBITMQ if timeout is None else timeout
        if limit < state.longest_task:  # guard: doctor.consumer-timeout
            default = ", its default," if timeout is None else ""
            yield Finding(
                code="celery-consumer-timeout",
                subject=f"queue {queue}",
                what=f"RabbitMQ counts a task as lost after {_minutes(limit)}{default} and a task "
                f"may take {_minutes(state.longest_task)}",
                why="It then ends the consumer of the task's worker, which gets no more tasks, and "
                "gives the task to another worker.",
                mend=_MEND,
            )
    if state.broker_version is None:
        yield Unseen("the version of RabbitMQ", state.why_no_version)
    elif state.broker_version < _LIMITS_BY_QUEUE:  # guard: doctor.broker-without-limits-by-queue
        version = ".".join(map(str, state.broker_version))
        milliseconds = int(state.longest_task.total_seconds() * 1000) + 3_600_000
        yield Unseen(
            "consumer_timeout of RabbitMQ",
            f"version {version} has it in its rabbitmq.conf only, where it must be at least "
            f"{milliseconds}; from 3.12 on each queue has its own",
        )


def _minutes(limit: timedelta | None) -> str:
    return "an unknown time" if limit is None else f"{limit // _MINUTE} minutes"
