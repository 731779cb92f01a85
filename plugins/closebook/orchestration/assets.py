"""Airflow's assets, and the events by which closing tasks start the DAGs of other teams."""

from collections.abc import Sequence
from datetime import UTC
from typing import Any

from airflow.sdk import Asset, get_current_context

from closebook.closes.run_closes import as_of_run
from closebook.closes.values import Close
from closebook.orchestration.task_context import TaskContext
from closebook.periods import Period

HOURLY_VOLUME = Asset("closebook://hourly_volume")
DAILY_VOLUME = Asset("closebook://daily_volume")
DAILY_ACCOUNT_MOVEMENT = Asset("closebook://daily_account_movement")
STATEMENTS = Asset("closebook://statements")


def write_events(context: TaskContext, closes: Sequence[Close], *assets: Asset) -> None:
    """Write the periods that this run has closed into each asset's event, as ``extra["closes"]``.

    Each is an object with ``grain``, ``label``, ``period_start``, ``period_end`` (in UTC),
    ``close_id``, ``version`` and ``outcome``. Airflow makes the event when the task has succeeded.
    """
    _set_extra(
        [
            {**_period(close.close_id, close.period), **_version(close)}
            for close in sorted(
                as_of_run(context.settings, context.run, closes),
                key=lambda close: close.period.start,
            )
        ],
        assets,
    )


def write_statements_event(close_id: int, month: Period, manifest_sha256: str) -> None:
    """Write the issued month and the hash of its manifest into the event of the statements."""
    _set_extra(
        [{**_period(close_id, month), "manifest_sha256": manifest_sha256}],
        [STATEMENTS],
    )


def _period(close_id: int, period: Period) -> dict[str, Any]:
    return {
        "grain": str(period.grain),
        "label": period.label,
        "period_start": period.start.astimezone(UTC).isoformat(),
        "period_end": period.end.astimezone(UTC).isoformat(),
        "close_id": close_id,
    }


def _version(close: Close) -> dict[str, Any]:
    return {"version": close.version, "outcome": close.outcome}


def _set_extra(closes: Any, assets: Sequence[Asset]) -> None:
    events = get_current_context()["outlet_events"]
    for asset in assets:
        events[asset].extra = {"closes": closes}
