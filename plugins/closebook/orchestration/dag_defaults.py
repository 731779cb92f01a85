"""What the DAGs share: start date, pools, queues, the fields of the trigger form, the time zone.

Imported while DAG files are parsed: it reads no settings and opens no connection. The business
time zone is the one exception (docs/decisions.md): a schedule has to name its zone.
"""

import os
from datetime import UTC, datetime
from typing import Any

from airflow.sdk import Param

from closebook.errors import Misconfigured
from closebook.orchestration.retry_policy import TASK_DEFAULTS
from closebook.periods import zone
from closebook.statements.holder_reasons import HOLDER_REASONS, MAX_HOLDER_TEXT_LENGTH

START_DATE = datetime(1990, 1, 1, tzinfo=UTC)
REPLICA_POOL = "replica_reads"
RENDERING_POOL = "rendering"
DOCUMENTS_QUEUE = "documents"
"""The queue of the tasks that make and read documents. An executor other than Celery ignores it."""

CLOSE_DAG_ARGUMENTS: dict[str, Any] = {
    "start_date": START_DATE,
    "catchup": False,  # guard: schedule.no-catch-up
    # A run that waits must not block the runs of other periods.
    "max_active_runs": 4,
    "default_args": TASK_DEFAULTS,
}
"""The arguments that the DAG of every close has."""


def optional_text(title: str, description: str, **schema: Any) -> Param:
    """Return an optional text field of a DAG's trigger form."""
    return Param(None, type=["null", "string"], title=title, description=description, **schema)


CLOSE_PARAMETERS: dict[str, Param] = {
    "reason": optional_text(
        "Reason",
        "Why it is closed by hand, for colleagues: kept in the register of closes. Account holders "
        "do not see it.",
        maxLength=500,
        # Blanks are no reason.
        pattern=r"^$|\S",
    ),
    "cross_check": Param(
        False,
        type="boolean",
        title="Cross-check",
        description="Compute the close from two replicas; write it only if they agree.",
    ),
}
"""The fields of every close's trigger form besides its period."""

BUSINESS_PARAMETERS: dict[str, Param] = {
    **CLOSE_PARAMETERS,
    "accept_boundary": Param(
        False,
        type="boolean",
        title="Accept the boundary",
        description="The rules of the time zone changed: begin where the period before was closed "
        "to, and end where the one after begins. Takes a reason.",
    ),
}
"""What the form of a day or a month asks, beside its period."""
HOLDER_PARAMETERS: dict[str, Param] = {
    "holder_reason": Param(
        None,
        type=["null", "string"],
        enum=[None, *HOLDER_REASONS],
        values_display=dict(HOLDER_REASONS),
        title="Reason for the account holders",
        description="What the holders of corrected statements read as the reason, each in their "
        "language. Without it they read only that the statement was corrected.",
    ),
    "holder_text": optional_text(
        "Text for the account holders",
        "Printed on each corrected statement, below the reason, as it is written here. Write no "
        "internal notes.",
        maxLength=MAX_HOLDER_TEXT_LENGTH,
        pattern=r"^$|\S",
    ),
}
"""The fields of the month's trigger form for what account holders read."""


def business_time_zone() -> str:
    """Return the time zone of the schedules of days and months.

    Raises Misconfigured if none is set or it does not exist: Airflow shows that as the import error
    of the DAG.
    """
    time_zone = os.environ.get("CLOSEBOOK_TIME_ZONE", "").strip()
    if not time_zone:  # guard: schedule.time-zone-is-set
        raise Misconfigured(
            "CB-CONFIG-TIME-ZONE-NOT-SET",
            "CLOSEBOOK_TIME_ZONE is not set, and it decides when a business day or month ends: set "
            "it to an IANA name, such as America/New_York, for every Airflow process, see "
            "docs/settings.md",
        )
    zone(time_zone)
    return time_zone
