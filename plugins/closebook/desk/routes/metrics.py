"""The metrics for Prometheus."""

from fastapi import APIRouter, Response
from prometheus_client import CONTENT_TYPE_LATEST

from closebook.monitoring.prometheus import exposition
from closebook.settings import desk_from_airflow

router = APIRouter()


@router.get("/metrics")
def metrics() -> Response:
    """Return the current values of all metrics."""
    return Response(exposition(desk_from_airflow()), headers={"Content-Type": CONTENT_TYPE_LATEST})
