"""
### Close the month, and write its statements

Every month, once the business month that ended is provably complete on a read replica:

1. **freeze_lines** copies every ledger entry of the month and every balance, in one snapshot, into
   the reporting store. A day that rows came late for is closed again from the same snapshot, and
   the log says how it changed. Opening + lines = closing, openings = the previous closings, days =
   statements: a difference of one minor unit stops the run, and the error names the accounts.
2. **plan_shards** cuts the accounts with activity or a balance into shards of about the same work,
   each of minutes.
3. **render_shard**, one task a shard, makes the PDFs from the frozen lines and stores each under
   the sha256 of its content. A task that is cleared makes only what is missing.
4. **write_manifest** lists every statement with its version, its balances and the sha256 of its
   document. The month is then issued. A second person releases it.
5. **report_exceptions** fails, and names them, if accounts have no document because something is
   wrong with them. All other statements are issued; an approver may release the month without
   these.
6. **shards_done** does nothing. It fails with a shard, and the run with it.
7. **publish_counter** brings the counter in Redis up to date with the days that changed.

**By hand**: the parameter `month` closes a month again; `account_ids` renders only those accounts
(the lines of all accounts are frozen in any case). A month that is closed already changes only for
a run with a `reason`: the statements that differ are issued again, all others stay as they are. The
reason is for colleagues; `holder_reason` and `holder_text` are what the account holders read. A
reason counts for one start of a run: a run that is cleared, or reprocessed by a backfill that does
not override its parameters, may confirm the month and not change it.
"""

from typing import Any

from airflow.sdk import Param, TriggerRule, dag, task

from closebook.orchestration.assets import STATEMENTS, write_statements_event
from closebook.orchestration.counter_task import publish_counter
from closebook.orchestration.dag_defaults import (
    BUSINESS_PARAMETERS,
    CLOSE_DAG_ARGUMENTS,
    DOCUMENTS_QUEUE,
    HOLDER_PARAMETERS,
    RENDERING_POOL,
    REPLICA_POOL,
    business_time_zone,
    optional_text,
)
from closebook.orchestration.exceptions_task import report_exceptions_of_month
from closebook.orchestration.task_context import current_documents_task, current_task
from closebook.orchestration.timetable import BusinessMonthTimetable


@dag(
    dag_id="monthly_statements",
    dag_display_name="Monthly statements",
    schedule=BusinessMonthTimetable(business_time_zone()),
    doc_md=__doc__,
    tags=["closebook", "month"],
    params={
        "month": optional_text(
            "Month",
            "The month to close, as 2026-10; empty for the run's own month.",
            pattern="^[0-9]{4}-(0[1-9]|1[0-2])$",
        ),
        "account_ids": Param(
            None,
            type=["null", "array"],
            items={"type": ["integer", "string"]},
            title="Accounts",
            description="Render the statements of these accounts only; empty for all.",
        ),
        **BUSINESS_PARAMETERS,
        **HOLDER_PARAMETERS,
    },
    **CLOSE_DAG_ARGUMENTS,
)
def monthly_statements() -> None:
    """Connect the seven tasks."""

    # A freeze takes longer than the close of an hour. With two at once most slots are left to hours
    # and days.
    @task(pool=REPLICA_POOL, max_active_tis_per_dag=2)
    def freeze_lines() -> int:
        from closebook.closes.month import close_month

        context = current_task()
        return close_month(context.settings, context.month(), context.run).close_id

    @task
    def plan_shards(close_id: Any) -> list[dict[str, Any]]:
        from closebook.statements import issue

        context = current_task()
        return issue.plan_shards(context.settings, close_id, context.account_ids())

    @task(pool=RENDERING_POOL, queue=DOCUMENTS_QUEUE)
    def render_shard(close_id: int, shard: dict[str, Any]) -> None:
        from closebook.statements import issue, part_listing

        context = current_documents_task()
        accounts = issue.Shard(**shard)
        issue.render_shard(context.settings, close_id, accounts, context.account_ids(), context.run)
        part_listing.write_parts(
            context.settings,
            close_id,
            accounts.first_account_id,
            accounts.last_account_id,
            context.run,
        )

    # A month without statements has no shards to wait for, and still gets a manifest.
    # A shard fails when a document cannot be made: the manifest lists the others then.
    # guard: schedule.manifest-of-what-is-made
    @task(trigger_rule=TriggerRule.ALL_DONE, outlets=[STATEMENTS], queue=DOCUMENTS_QUEUE)
    def write_manifest(close_id: Any) -> dict[str, Any]:
        from closebook.errors import WrongData
        from closebook.statements import manifest

        if close_id is None:
            raise WrongData(
                "CB-DATA-MONTH-NOT-CLOSED",
                "the month is not closed: freeze_lines has failed, see its log",
            )
        context = current_documents_task()
        written = manifest.write_manifest(context.settings, close_id, context.run)
        write_statements_event(close_id, context.month(), written.sha256)
        return {
            "documents": written.document_count,
            "missing": written.missing_count,
            "exceptions": written.exception_count,
        }

    # The manifest is written after a failure too: without this task such a run would be a success.
    # No EmptyOperator: Airflow sets its state without a trace, as if an unknown person had done it.
    @task(trigger_rule=TriggerRule.NONE_FAILED)  # guard: schedule.failed-shards-fail-the-run
    def shards_done() -> None:
        """Do nothing, after all shards."""

    close_id = freeze_lines()
    rendered = render_shard.partial(close_id=close_id).expand(shard=plan_shards(close_id))
    rendered >> write_manifest(close_id) >> report_exceptions_of_month(close_id)
    rendered >> shards_done()
    close_id >> publish_counter()


monthly_statements()
