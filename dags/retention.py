"""
### Move the lines of old months out of the store

On the second of each month, and whenever somebody starts it, **move_lines** looks for months that
ended more years ago than `CLOSEBOOK_RETENTION_YEARS` says. **Without this setting the task is
skipped**, and no line ever leaves the reporting store.

The lines of such a month are written to the document store as Parquet, read back, compared with
the store, and only then removed from it. Lines of accounts under a legal hold stay. Statements,
documents, manifests and the desk's log stay as they are. A run that failed, or was killed,
continues where it stopped.

`closebook archived-lines` prints lines that have left the store: docs/retention.md.
"""

from datetime import UTC, datetime, timedelta

from airflow.sdk import CronDataIntervalTimetable, dag, task

from closebook.orchestration.retry_policy import TASK_DEFAULTS


@dag(
    dag_id="retention",
    dag_display_name="Retention",
    schedule=CronDataIntervalTimetable("0 6 2 * *", timezone="UTC"),
    start_date=datetime(1990, 1, 1, tzinfo=UTC),
    catchup=False,
    max_active_runs=1,
    default_args={**TASK_DEFAULTS, "execution_timeout": timedelta(hours=12)},
    doc_md=__doc__,
    tags=["closebook", "retention"],
)
def retention() -> None:
    """Connect the one task."""

    @task
    def move_lines() -> dict[str, int]:
        from closebook.orchestration.retention_task import run_retention

        return run_retention()

    move_lines()


retention()
