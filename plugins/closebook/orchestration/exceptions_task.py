"""The last task of each DAG that closes: fail, by name, if something was left out."""

from typing import Any

from airflow.sdk import task

from closebook.orchestration.task_context import current_task


@task
def report_exceptions(close_ids: Any) -> None:
    """Fail if one of these closes has exceptions, and name them. Everything else is done by then.

    ``close_ids`` is what the task that closed returned: a close id, or a list of them.
    """
    from closebook.closes.exceptions import refuse_exceptions

    ids = close_ids if isinstance(close_ids, list) else [close_ids]
    refuse_exceptions(current_task().settings, ids)


@task(task_id="report_exceptions")
def report_exceptions_of_month(close_id: Any) -> None:
    """Fail if an account of the month has no document, and name the accounts with the reasons.

    A run for some accounts only does not fail for the documents of the others.
    """
    from closebook.statements.manifest import refuse_exceptions

    context = current_task()
    refuse_exceptions(context.settings, close_id, context.account_ids())
