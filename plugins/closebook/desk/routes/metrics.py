"""The metrics for Prometheus."""

from fastapi import Response
from prometheus_client import CONTENT_TYPE_LATEST

from closebook.desk.capacity import POLLS
from closebook.desk.desk_route import desk_router
from closebook.monitoring.prometheus import exposition
from closebook.settings.desk_settings import desk_from_airflow

router = desk_router(POLLS)


@router.get("/metrics")
def metrics() -> Response:
    """Return the current values of all metrics."""
    return Response(exposition(desk_from_airflow()), headers={"Content-Type": CONTENT_TYPE_LATEST})
