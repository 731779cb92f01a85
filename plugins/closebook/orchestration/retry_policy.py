"""The retry policy of all tasks, by the class of the error; and the queue of most tasks.

Imported while DAG files are parsed: it reads no settings and opens no connection.
"""

from datetime import timedelta
from typing import Any

from airflow.sdk import ExceptionRetryPolicy, RetryAction, RetryRule

from closebook.errors import ClosebookError, NotReady, Transient

CLOSES_QUEUE = "closes"
"""The queue of all tasks but those of documents, so that no hour waits behind a month."""

TASK_DEFAULTS: dict[str, Any] = {
    "owner": "closebook",
    "queue": CLOSES_QUEUE,
    "retries": 20,
    "retry_delay": timedelta(minutes=1),
    "execution_timeout": timedelta(hours=2),
    "retry_policy": ExceptionRetryPolicy(
        rules=[
            RetryRule(
                exception=NotReady,
                action=RetryAction.RETRY,
                retry_delay=timedelta(seconds=30),
                reason="not ready yet: a period is not complete, or something else has to happen "
                "first",
            ),
            RetryRule(
                exception=Transient,
                action=RetryAction.RETRY,
                retry_delay=timedelta(seconds=10),
                reason="a server was lost",
            ),
            RetryRule(
                exception=ClosebookError,
                action=RetryAction.FAIL,  # guard: schedule.wrong-data-is-not-retried
                reason="a retry cannot help: a person has to correct it",
            ),
        ]
    ),
}

MONITORING_TASK_DEFAULTS: dict[str, Any] = {
    "owner": "closebook",
    "queue": CLOSES_QUEUE,
    # The next run takes the place of a retry.
    "retries": 0,
    "execution_timeout": timedelta(minutes=3),
}
"""The defaults of a task that only monitors."""
