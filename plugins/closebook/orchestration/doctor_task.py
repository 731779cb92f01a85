"""The doctor as an Airflow task: its report goes to the task's log, and findings fail it."""

import logging

from airflow.sdk import get_current_context

from closebook.doctor.diagnosis import diagnose
from closebook.doctor.finding import Severity
from closebook.doctor.installation import Installation, Part
from closebook.errors import Misconfigured
from closebook.orchestration.airflow_state import airflow_state
from closebook.settings import partly_from_airflow
from closebook.settings.airflow_connections import unread_connections
from closebook.settings.desk_settings import api_server_connections
from closebook.settings.message_settings import message_settings

_LEVELS = {
    Severity.ERROR: logging.ERROR,
    Severity.WARNING: logging.WARNING,
    Severity.NOTE: logging.INFO,
}

_OF_AIRFLOW = frozenset({Part.AIRFLOW, Part.DESK})

_log = logging.getLogger(__name__)


def installation(*, is_full: bool, parts: frozenset[Part] = frozenset(Part)) -> Installation:
    """Return this installation, as Airflow and the environment of this process have it."""
    settings, unread = partly_from_airflow()
    return Installation(
        settings,
        unread,
        # FAB takes seconds to import, and the other parts need nothing of it.
        airflow_state() if parts & _OF_AIRFLOW else None,
        api_server_connections(),
        is_full,
        parts,
        unread_messages(),
    )


def unread_messages() -> dict[str, Misconfigured]:
    """Return by variable why what it names cannot be used for messages."""
    try:
        named = message_settings().connections
    except Misconfigured as error:
        return {"CLOSEBOOK_MAIL_CONNECTION": error}
    missing = unread_connections(named.values())
    return {
        variable: missing[connection_id]
        for variable, connection_id in named.items()
        if connection_id in missing
    }


def run_doctor() -> dict[str, object]:
    """Look at this installation from a worker, and return the report as a value for JSON.

    Raises Misconfigured, with the codes, if something has to be mended.
    """
    is_full = bool(get_current_context()["params"]["full"])
    report = diagnose(installation(is_full=is_full))
    for finding in report.findings:
        _log.log(_LEVELS[finding.severity], "%s", finding)
    for unseen in report.unseen:
        _log.info("%s", unseen)
    _log.info("%s", report.summary)
    if not report.is_healthy:
        codes = ", ".join(dict.fromkeys(finding.code for finding in report.findings))
        raise Misconfigured(
            "CB-CONFIG-DOCTOR-FINDINGS",
            f"the doctor has {report.summary}: {codes}; the log of this task has each with what "
            "mends it",
        )
    return report.as_json
