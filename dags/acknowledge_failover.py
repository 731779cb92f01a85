"""
### After a failover: go on with the new primary

Closes are refused until a person says that the new primary is the right one. Start this by hand,
once `closebook_primary` leads to the new primary and `CLOSEBOOK_REPLICAS` to replicas of it; the
steps are in docs/failover.md. It never runs by itself.

1. **acknowledge** keeps who acknowledged which timeline and why. From then on closes are read from
   that timeline only.
2. **close_again** closes again every hour, then every day, then every month that was read from the
   part of the old primary's log that the new one does not have. A month is only confirmed: where
   its statements would change, the task fails and names it, and monthly_statements issues it again
   with a reason of its own.
3. **publish_counter** brings the counter in Redis up to date. Its total may fall, by the payments
   that were lost.
4. **report_exceptions** fails, and names them, if a period is closed again without some currency or
   account because its rows cannot be counted. Everything else is closed.

**Run it again** at any time: the acknowledgement stays, and periods that are closed again already
are skipped.
"""

from airflow.sdk import Param, dag, task

from closebook.orchestration.counter_task import publish_counter
from closebook.orchestration.dag_defaults import REPLICA_POOL, START_DATE, optional_text
from closebook.orchestration.exceptions_task import report_exceptions
from closebook.orchestration.retry_policy import TASK_DEFAULTS
from closebook.orchestration.task_context import current_task


@dag(
    dag_id="acknowledge_failover",
    dag_display_name="Acknowledge a failover",
    schedule=None,
    start_date=START_DATE,
    catchup=False,
    max_active_runs=1,
    default_args=TASK_DEFAULTS,
    doc_md=__doc__,
    tags=["closebook", "failover"],
    params={
        "timeline": Param(
            type="integer",
            minimum=1,
            title="Timeline",
            description="The timeline that the new primary writes; a refused close names it.",
        ),
        "reason": Param(
            type="string",
            pattern=r"\S",
            maxLength=500,
            title="Reason",
            description="What happened; kept in the register of closes.",
        ),
        "common_lsn": optional_text(
            "Last common position",
            "Only if a refusal asks for it: the last position that both logs share, as 0/3000148.",
            pattern=r"^[0-9A-Fa-f]{1,8}/[0-9A-Fa-f]{1,8}$",
        ),
    },
)
def acknowledge_failover() -> None:
    """Connect the four tasks."""

    @task
    def acknowledge() -> bool:
        from closebook.closes import failover

        context = current_task()
        return failover.acknowledge(context.settings, context.run, context.acknowledgement())

    @task(pool=REPLICA_POOL)
    def close_again() -> list[int]:
        from closebook.closes import failover

        context = current_task()
        failover.close_again(context.settings, context.run)
        return failover.closed_again(context.settings, context.run)

    close_ids = close_again()
    acknowledge() >> close_ids >> publish_counter()
    report_exceptions(close_ids)


acknowledge_failover()
