"""The last task of each DAG that closes: publish the counter."""

from airflow.sdk import task
from airflow.sdk.exceptions import AirflowSkipException

from closebook.orchestration.task_context import current_task


@task
def publish_counter() -> int:
    """Bring the counter in Redis up to date with the closed hours; return its publication.

    The task is skipped if no hour is closed.
    """
    from closebook.counter import publisher

    context = current_task()
    try:
        publication: int = publisher.publish(context.settings, context.run)["publication"]
    except publisher.NothingClosed as nothing:
        raise AirflowSkipException(str(nothing)) from None
    return publication
