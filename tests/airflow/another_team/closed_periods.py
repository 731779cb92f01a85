"""A DAG of another team: it starts when a close is done, and returns what the close says of itself.

The tests' Airflow has this folder beside dags/. docs/assets.md shows the same DAG.
"""

from typing import Any

from airflow.sdk import Asset, dag, task


@dag(
    dag_id="closed_periods",
    schedule=(
        Asset("closebook://hourly_volume")
        | Asset("closebook://daily_volume")
        | Asset("closebook://statements")
    ),
)
def closed_periods() -> None:
    """Connect the one task."""

    @task
    def closes(triggering_asset_events: Any = None) -> list[dict[str, Any]]:
        return [
            {"asset": asset.name, **close}
            for asset, events in triggering_asset_events.items()
            for event in events
            for close in event.extra["closes"]
        ]

    closes()


closed_periods()
