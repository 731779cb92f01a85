"""Retention as an Airflow task: it is skipped unless CLOSEBOOK_RETENTION_YEARS is set."""

import logging
import os

from airflow.sdk import get_current_context
from airflow.sdk.exceptions import AirflowSkipException

from closebook.environment import required, retention_years
from closebook.settings import Run
from closebook.settings.airflow_connections import STORE_CONNECTION, postgres_conninfo
from closebook.settings.store_settings import RegisterSettings
from closebook.statements.line_removal import of_run, remove_old_lines

_log = logging.getLogger(__name__)


def run_retention() -> dict[str, int]:
    """Move the lines of old months to the document store; return how many lines and documents.

    They are those of the whole run, also of its earlier tries.
    """
    years = retention_years(os.environ.get("CLOSEBOOK_RETENTION_YEARS", ""))
    if years is None:  # guard: retention.off-unless-set
        raise AirflowSkipException("CLOSEBOOK_RETENTION_YEARS is not set: no line leaves the store")
    dag_run = get_current_context()["dag_run"]
    settings = RegisterSettings(
        postgres_conninfo(STORE_CONNECTION), required(os.environ, "CLOSEBOOK_DOCUMENTS_URL")
    )
    run = Run(dag_run.run_id, requested_by=dag_run.triggering_user_name)
    removal = of_run(settings, run, remove_old_lines(settings, years, run))
    _log.info("months whose lines have left the store: %s", ", ".join(removal.months) or "none")
    return {"lines": removal.line_count, "documents": removal.document_count}
