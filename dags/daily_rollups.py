"""
### Close the day

Every day, once the business day that ended is provably complete on a read replica:

1. **close_day** reads it in one snapshot: `reporting.daily_volume` (by merchant, its category, user
   country, currency, promotion funding and kind), `reporting.daily_account_movement`, and from
   the same scan the day's hours again. An hour that rows came late for is closed again as a new
   version; the log says which, and its rows and amounts, old -> new. The hours must add up to the
   day, and both must equal the control totals of a second query.
2. **publish_counter** brings the counter in Redis up to date with what the day repaired.
3. **report_exceptions** fails, and names them, if the day is closed without some currency or
   account because its rows cannot be counted. Everything else is closed and published.

Days are those of the business time zone: 23 or 25 hours long when its clocks change.

**Run it again** at any time, by clearing, by backfill, or by hand with the parameter `day`: only a
difference makes a new version.

**Many days in one run**, by hand with `first_day` and `last_day`: each closes by itself, in order,
as a run of its own would close it. A day that fails does not stop the others. The task then fails
and names it; clear it, and it closes the days that are left. The counter is published once all are
closed. After some minutes the task goes on as another task: it is *up for reschedule* for a moment.
"""

from airflow.sdk import dag, task

from closebook.closes import day, day_range
from closebook.orchestration.assets import DAILY_ACCOUNT_MOVEMENT, DAILY_VOLUME, write_events
from closebook.orchestration.counter_task import publish_counter
from closebook.orchestration.dag_defaults import (
    BUSINESS_PARAMETERS,
    CLOSE_DAG_ARGUMENTS,
    REPLICA_POOL,
    business_time_zone,
    optional_text,
)
from closebook.orchestration.exceptions_task import report_exceptions
from closebook.orchestration.task_context import current_task, go_on_as_another_task
from closebook.orchestration.timetable import BusinessDayTimetable


@dag(
    dag_id="daily_rollups",
    dag_display_name="Daily rollups",
    schedule=BusinessDayTimetable(business_time_zone()),
    doc_md=__doc__,
    tags=["closebook", "day"],
    params={
        "day": optional_text(
            "Business day", "The day to close; empty for the run's own day.", format="date"
        ),
        "first_day": optional_text(
            "First day", "The first day of a range to close, in place of one day.", format="date"
        ),
        "last_day": optional_text("Last day", "The last day of that range.", format="date"),
        **BUSINESS_PARAMETERS,
    },
    **CLOSE_DAG_ARGUMENTS,
)
def daily_rollups() -> None:
    """Connect the three tasks."""

    @task(pool=REPLICA_POOL, outlets=[DAILY_VOLUME, DAILY_ACCOUNT_MOVEMENT])
    def close_day() -> list[int]:
        context = current_task()
        if days := context.days():
            closed = day_range.close_days(context.settings, days, context.run)
            if closed is None:
                go_on_as_another_task()
        else:
            closed = [day.close_day(context.settings, context.day(), context.run)]
        write_events(context, closed, DAILY_VOLUME, DAILY_ACCOUNT_MOVEMENT)
        return [each.close_id for each in closed]

    close_ids = close_day()
    close_ids >> publish_counter()
    report_exceptions(close_ids)


daily_rollups()
