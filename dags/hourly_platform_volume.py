"""
### Close the hour, and publish the counter

Every hour, once the hour that ended is provably complete on a read replica:

1. **close_hour** reads the hour's settled volume by currency and kind from a replica into
   `reporting.hourly_volume`, with its control totals and a row in the register of closes.
2. **publish_counter** adds up all closed hours in the reporting store and writes the platform's
   counter to Redis (`closebook:platform_volume`), unless Redis has a newer one.
3. **report_exceptions** fails, and names them, if the hour is closed without some currency because
   its rows cannot be counted. Everything else is closed and published.

**Run it again** at any time, by clearing, by backfill, or by hand with the parameter `hour`: only a
difference makes a new version.

**If it waits or fails**: the task's last error says what it waits for (a transaction that is
still open on the primary, a replica that is behind) or which rows do not tie out.
See docs/errors.md.
"""

from airflow.sdk import CronDataIntervalTimetable, dag, task

from closebook.closes import hour
from closebook.orchestration.assets import HOURLY_VOLUME, write_events
from closebook.orchestration.counter_task import publish_counter
from closebook.orchestration.dag_defaults import (
    CLOSE_DAG_ARGUMENTS,
    CLOSE_PARAMETERS,
    REPLICA_POOL,
    optional_text,
)
from closebook.orchestration.exceptions_task import report_exceptions
from closebook.orchestration.task_context import current_task


@dag(
    dag_id="hourly_platform_volume",
    dag_display_name="Hourly platform volume",
    schedule=CronDataIntervalTimetable("0 * * * *", timezone="UTC"),
    doc_md=__doc__,
    tags=["closebook", "hour"],
    params={
        "hour": optional_text(
            "Hour",
            "Any instant in the UTC hour to close; empty for the run's own hour.",
            format="date-time",
        ),
        **CLOSE_PARAMETERS,
    },
    **CLOSE_DAG_ARGUMENTS,
)
def hourly_platform_volume() -> None:
    """Connect the three tasks."""

    @task(pool=REPLICA_POOL, outlets=[HOURLY_VOLUME])
    def close_hour() -> int:
        context = current_task()
        closed = hour.close_hour(context.settings, context.hour(), context.run)
        write_events(context, [closed], HOURLY_VOLUME)
        return closed.close_id

    close_id = close_hour()
    close_id >> publish_counter()
    report_exceptions(close_id)


hourly_platform_volume()
