"""The audit as an Airflow task: findings go to the task's log, and fail it."""

import logging
from datetime import UTC, datetime, timedelta

from airflow.sdk import get_current_context

from closebook import settings
from closebook.audit.register_audit import audit

_DAYS_READ = timedelta(days=100)

_log = logging.getLogger(__name__)


def run_audit() -> dict[str, int]:
    """Audit with the settings of Airflow, and return how much was looked at, by kind.

    Raises AuditFailed if there are findings.
    """
    all_documents = bool(get_current_context()["params"]["all_documents"])
    since = None if all_documents else datetime.now(UTC) - _DAYS_READ
    report = audit(settings.from_airflow(), since)
    for finding in report.findings:
        _log.error("%s", finding)
    _log.info("%s", report.summary)
    report.raise_findings()
    return report.counts
