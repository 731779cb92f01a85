"""
### Look at the installation, and say what mends it

Never by itself; **trigger it** after a change of a server, a role, a view or a setting, and before
the first close. It closes nothing, and writes nothing that lasts.

1. **look** asks each server as the role that closes use, and tells of each thing that is wrong:
   what it is, why it matters, and the statement or setting that mends it. It is green if nothing
   has to be mended. The command `closebook doctor` gives the same answers.
2. **in_replica_reads** and **in_rendering** do nothing. They show that Airflow has these pools,
   which a task cannot ask for: without its pool a task stays *scheduled* until the run ends.

With the parameter `full` all rows of the views are read, not a sample of them: an hour, or more, of
load on one replica. What each code means: docs/doctor.md.
"""

from datetime import UTC, datetime, timedelta

from airflow.sdk import Param, dag, task

from closebook.orchestration.dag_defaults import DOCUMENTS_QUEUE, RENDERING_POOL, REPLICA_POOL
from closebook.orchestration.retry_policy import MONITORING_TASK_DEFAULTS


@dag(
    dag_id="doctor",
    dag_display_name="Doctor",
    schedule=None,
    start_date=datetime(1990, 1, 1, tzinfo=UTC),
    catchup=False,
    max_active_runs=1,
    dagrun_timeout=timedelta(hours=6),
    default_args={**MONITORING_TASK_DEFAULTS, "execution_timeout": timedelta(hours=6)},
    doc_md=__doc__,
    tags=["closebook", "doctor"],
    params={
        "full": Param(
            False,
            type="boolean",
            title="Full",
            description="Read all rows of the views, not a sample of them.",
        )
    },
)
def doctor() -> None:
    """Connect the three tasks, which do not wait for one another."""

    @task
    def look() -> dict[str, object]:
        from closebook.orchestration.doctor_task import run_doctor

        return run_doctor()

    @task(pool=REPLICA_POOL)
    def in_replica_reads() -> None:
        pass

    @task(pool=RENDERING_POOL, queue=DOCUMENTS_QUEUE)
    def in_rendering() -> None:
        pass

    look()
    in_replica_reads()
    in_rendering()


doctor()
