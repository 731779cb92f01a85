"""Airflow's assets: what a task has closed, so that DAGs of other teams start when it is done."""

from collections.abc import Sequence
from datetime import UTC
from typing import Any

from airflow.sdk import Asset, get_current_context

from closebook.closes.values import Close
from closebook.periods import Period

HOURLY_VOLUME = Asset("closebook://hourly_volume")
DAILY_VOLUME = Asset("closebook://daily_volume")
DAILY_ACCOUNT_MOVEMENT = Asset("closebook://daily_account_movement")
STATEMENTS = Asset("closebook://statements")


def announce(closes: Sequence[Close], *assets: Asset) -> None:
    """Give the event of each asset the periods that this task has closed, in ``extra["closes"]``.

    Each is an object with ``grain``, ``label``, ``period_start``, ``period_end`` (in UTC),
    ``close_id``, ``version`` and ``outcome``. Airflow makes the event when the task has ended well.
    """
    _set_extra(
        [
            {**_period(close.close_id, close.period), **_version(close)}
            for close in sorted(closes, key=lambda close: close.period.start)
        ],
        assets,
    )


def announce_statements(close_id: int, month: Period, manifest_sha256: str) -> None:
    """Give the event of the statements the month that is issued, and the hash of its manifest."""
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
