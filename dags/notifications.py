"""
### Send messages by mail and webhook

Every five minutes **notify** reads what is new in the reporting store, and sends a message about
it: a month is ready for release, was released or rejected; somebody asked to issue a statement
again, or answered that; a close is late (an hour 15 minutes after its end, a day at 06:00 business
time, a month on the second); a health alert opened or ended.

Each message is one line with a link, has no personal data, and is sent at most once: the store
notes it before it is sent. **Without a mail server or webhook nothing is sent**, and there is no
message about what happened before the first run with one. If the mail server is down, this run
fails, and no close does. A message that certainly nobody got is sent by a later run, for three
days.

Set `CLOSEBOOK_MAIL_CONNECTION` or `CLOSEBOOK_WEBHOOK_CONNECTION` and switch this DAG on: see
docs/notifications.md.
"""

from datetime import UTC, datetime, timedelta

from airflow.sdk import CronDataIntervalTimetable, dag, task

from closebook.orchestration.retry_policy import MONITORING_TASK_DEFAULTS


@dag(
    dag_id="notifications",
    dag_display_name="Notifications",
    schedule=CronDataIntervalTimetable("*/5 * * * *", timezone="UTC"),
    start_date=datetime(1990, 1, 1, tzinfo=UTC),
    catchup=False,
    max_active_runs=1,
    dagrun_timeout=timedelta(minutes=4),
    default_args=MONITORING_TASK_DEFAULTS,
    doc_md=__doc__,
    tags=["closebook", "messages"],
)
def notifications() -> None:
    """Connect the one task."""

    @task
    def notify() -> dict[str, int]:
        from closebook.orchestration import notifications_task

        return notifications_task.notify()

    notify()


notifications()
