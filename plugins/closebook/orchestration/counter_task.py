"""The last task of each close: the counter in Redis follows the store."""

from airflow.sdk import task
from airflow.sdk.exceptions import AirflowSkipException

from closebook.orchestration.task_context import current_task


@task
def publish_counter() -> int:
    """Bring the counter in Redis up to date with the closed hours; return its publication.

    Skips itself where no hour is closed.
    """
    from closebook.counter import publisher

    job = current_task()
    try:
        publication: int = publisher.publish(job.settings, job.run)["publication"]
    except publisher.NothingClosed as nothing:
        raise AirflowSkipException(str(nothing)) from None
    return publication
