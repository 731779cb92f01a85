"""What the DAGs share: start date, pools, the fields of the trigger form, the time zone.

Imported while DAG files are parsed: it reads no settings and opens no connection. The business
time zone is the one exception (docs/decisions.md): a schedule has to name its zone.
"""

import os
from datetime import UTC, datetime
from typing import Any

from airflow.sdk import Param

from closebook.orchestration.retry_policy import TASK_DEFAULTS

START_DATE = datetime(1990, 1, 1, tzinfo=UTC)
REPLICA_POOL = "replica_reads"
RENDERING_POOL = "rendering"

CLOSE_DAG: dict[str, Any] = {
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
        "Why it is closed by hand; kept in the register of closes.",
        maxLength=500,
        # Blanks are no reason: a statement that is issued again would print them.
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


def business_time_zone() -> str:
    """Return the time zone of the schedules of days and months; UTC if none is set."""
    return os.environ.get("CLOSEBOOK_TIME_ZONE", "UTC")
