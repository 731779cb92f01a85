"""
### Audit what was closed and issued

Every day, after the business day ended:

1. **anchor_log** writes the end of the desk's log to the document store. Whoever can change the
   reporting store cannot change it there, and `closebook verify-log` compares the log with it.
2. **audit** compares the register, the manifests, the document store, the decisions and the log
   with one another. Each thing that does not agree is a line of its log, and the task fails.

Nothing is changed. The documents of the last 100 days are read and hashed; older ones must be
there. With the parameter `all_documents` all of them are read. What to do about a finding:
docs/audit.md.
"""

from datetime import UTC, datetime, timedelta

from airflow.sdk import CronDataIntervalTimetable, Param, dag, task

from closebook.orchestration.dag_defaults import business_time_zone
from closebook.orchestration.retry_policy import TASK_DEFAULTS


@dag(
    dag_id="register_audit",
    dag_display_name="Register audit",
    schedule=CronDataIntervalTimetable("30 4 * * *", timezone=business_time_zone()),
    start_date=datetime(1990, 1, 1, tzinfo=UTC),
    catchup=False,
    max_active_runs=1,
    default_args={**TASK_DEFAULTS, "execution_timeout": timedelta(hours=12)},
    doc_md=__doc__,
    tags=["closebook", "audit"],
    params={
        "all_documents": Param(
            False,
            type="boolean",
            title="All documents",
            description="Read and hash the documents of all months, not of the last 100 days only.",
        )
    },
)
def register_audit() -> None:
    """Connect the two tasks."""

    @task
    def anchor_log() -> int:
        from closebook import settings
        from closebook.statements import log_anchors

        return log_anchors.write_anchor(settings.from_airflow()).entry_count

    # The log has to be compared even when no anchor can be written today.
    @task(trigger_rule="all_done")
    def audit() -> dict[str, int]:
        from closebook.orchestration.audit_task import run_audit

        return run_audit()

    anchor_log() >> audit()


register_audit()
