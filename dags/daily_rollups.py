"""
### Close the day

Every day, once the business day that ended is provably complete on a read replica:

1. **close_day** reads it in one snapshot: `reporting.daily_volume` (by merchant, its category, user
   country, currency, promotion funding and kind), `reporting.daily_account_movement`, and from
   the same scan the day's hours again. An hour whose stored numbers were stale is closed again as a
   new version, and the log says which. The hours must add up to the day, and both to a bare scan.
2. **publish_counter** brings the counter in Redis up to date with what the day repaired.

Days are those of the business time zone: 23 or 25 hours long when its clocks change.

**Run it again** at any time, by clearing, by backfill, or by hand with the parameter `day`: the
same numbers come out, and only a difference makes a new version.
"""

import logging

from airflow.sdk import CronDataIntervalTimetable, dag, task

from closebook import counter, rollups
from closebook.scheduling import (
    CLOSE_DAG,
    REASON,
    REPLICA_POOL,
    business_time_zone,
    current_task,
    optional_text,
)

log = logging.getLogger(__name__)


@dag(
    dag_id="daily_rollups",
    dag_display_name="Daily rollups",
    schedule=CronDataIntervalTimetable("0 0 * * *", timezone=business_time_zone()),
    max_active_runs=4,
    doc_md=__doc__,
    tags=["closebook", "day"],
    params={
        "day": optional_text(
            "Business day", "The day to close; empty for the run's own day.", format="date"
        ),
        "reason": REASON,
    },
    **CLOSE_DAG,
)
def daily_rollups() -> None:
    """Wire the two tasks."""

    @task(pool=REPLICA_POOL)
    def close_day() -> int:
        job = current_task()
        closed = rollups.close_day(job.settings, job.day(), job.run)
        for hour in closed.repaired_hours:
            log.warning("late rows: %s is version %d now", hour.period, hour.version)
        return closed.close.close_id

    @task
    def publish_counter() -> int:
        job = current_task()
        publication: int = counter.publish(job.settings, job.run)["publication"]
        return publication

    close_day() >> publish_counter()


daily_rollups()
