"""
### Watch the platform's servers

Every five minutes **collect** asks the primary and each replica how they are, and keeps that for
90 days in the reporting store, where the desk's Health page and `/closebook/metrics` read it:

- the four metrics: index hit rate, replication lag, connections by role and state, slow queries;
- what the closes read on replicas, beside what Closebook ran on the primary;
- the plan of each query of the closes, against the index that it is meant to use.

On the primary it runs under the fence role, and reads views of the catalog and of statistics, no
table.

**The run succeeds even if a server has a problem**: a server that is down, a value beyond its
threshold, a plan that changed are rows of `reporting.health_alerts`, warnings in this log, and
metrics. It fails when the store is out of reach, or no server answers. The next run tries again.
See docs/health.md.
"""

from datetime import UTC, datetime, timedelta

from airflow.sdk import CronDataIntervalTimetable, dag, task

from closebook.orchestration.retry_policy import MONITORING_TASK_DEFAULTS


@dag(
    dag_id="database_health",
    dag_display_name="Database health",
    schedule=CronDataIntervalTimetable("*/5 * * * *", timezone="UTC"),
    start_date=datetime(1990, 1, 1, tzinfo=UTC),
    catchup=False,
    # While one run hangs on a server, no second one may start.
    max_active_runs=1,
    dagrun_timeout=timedelta(minutes=4),
    default_args=MONITORING_TASK_DEFAULTS,
    doc_md=__doc__,
    tags=["closebook", "health"],
)
def database_health() -> None:
    """Connect the one task."""

    @task
    def collect() -> int:
        from closebook import settings
        from closebook.monitoring import collect

        return len(collect.collect(settings.from_airflow()))

    collect()


database_health()
