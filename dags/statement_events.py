"""
### Publish an event for each released statement

A release writes an event for each statement that it shows first, in its own transaction. Every five
minutes **publish** sends the events that the broker has not confirmed. An event has account,
currency, period, version and sha256, and no personal data. The platform sends its own mails to the
holders by them.

Each event comes **at least once**, in the order of the releases for each account. If a run is
killed after the broker has confirmed a batch and before the store has noted it, the next run
publishes the batch again. A correction has an event of its own, with a higher version.

Set `CLOSEBOOK_BROKER_CONNECTION` and switch this DAG on. Without it the events stay in
`reporting.statement_events`, where a platform may read them. See docs/statement-events.md.
"""

from datetime import UTC, datetime, timedelta

from airflow.sdk import CronDataIntervalTimetable, dag, task

from closebook.orchestration.retry_policy import MONITORING_TASK_DEFAULTS


@dag(
    dag_id="statement_events",
    dag_display_name="Statement events",
    schedule=CronDataIntervalTimetable("*/5 * * * *", timezone="UTC"),
    start_date=datetime(1990, 1, 1, tzinfo=UTC),
    catchup=False,
    max_active_runs=1,
    dagrun_timeout=timedelta(minutes=4),
    default_args=MONITORING_TASK_DEFAULTS,
    doc_md=__doc__,
    tags=["closebook", "messages"],
)
def statement_events() -> None:
    """Connect the one task."""

    @task
    def publish() -> int:
        from closebook.orchestration import statement_events_task

        return statement_events_task.publish()

    publish()


statement_events()
