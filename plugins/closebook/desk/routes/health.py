"""The health of the platform's servers: metrics, charts, alerts, query plans and load."""

from datetime import UTC, datetime

from fastapi import Request
from fastapi.responses import HTMLResponse
from psycopg.rows import DictRow

from closebook.desk import audit_log, health_servers
from closebook.desk.capacity import PAGES
from closebook.desk.desk_route import desk_router
from closebook.desk.health_charts import COLLECTION_INTERVAL, TIME_RANGES, health_charts
from closebook.desk.templating import render_page
from closebook.monitoring import thresholds
from closebook.settings.desk_settings import desk_from_airflow
from closebook.sql import query
from closebook.store.session import Store, on_store

router = desk_router(PAGES)

STALE_AFTER = 3 * COLLECTION_INTERVAL
_DEFAULT_RANGE = "day"


@router.get("/health")
def health(request: Request, span: str = _DEFAULT_RANGE) -> HTMLResponse:
    """Show the page from the stored collections. ``span`` names the range of time of the charts."""
    time_range = TIME_RANGES.get(span, TIME_RANGES[_DEFAULT_RANGE])
    now = datetime.now(UTC)
    since = now - time_range.length
    step_seconds = time_range.step.total_seconds()
    with on_store(desk_from_airflow()) as store:
        latest = _rows(store, "health_latest")
        alerts_now = _rows(store, "health_alerts_now")
        connections = _rows(store, "health_connections")
        plans = _rows(store, "health_plans")
        alerts = _rows(store, "health_alerts", since=since)
        series = _rows(store, "health_series", since=since, step_seconds=step_seconds)
        audit_log.record(store, request, "looked", "health")
    loads = health_servers.loads(latest, series)
    collected_at = latest[0]["collected_at"] if latest else None
    return render_page(
        request,
        "health",
        collected_at=collected_at,
        is_stale=collected_at is not None and now - collected_at > STALE_AFTER,
        servers=health_servers.servers(latest, alerts_now),
        charts=health_charts(latest, series, time_range, now),
        connections=connections,
        alerts_now=alerts_now,
        alerts=alerts,
        plans=plans,
        loads=loads,
        replica_block_share=health_servers.replica_block_share(loads),
        time_ranges=TIME_RANGES,
        time_range=time_range,
        thresholds=thresholds,
    )


def _rows(store: Store, name: str, **parameters: object) -> list[DictRow]:
    return store.execute(query(f"desk/{name}"), parameters or None).fetchall()
