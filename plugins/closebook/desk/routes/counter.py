"""The counter in Redis, which the script of the Volume page asks for again and again."""

from datetime import UTC, datetime

from fastapi.responses import JSONResponse

from closebook.counter import publisher
from closebook.desk.capacity import POLLS
from closebook.desk.desk_route import desk_router
from closebook.settings.desk_settings import desk_from_airflow

router = desk_router(POLLS)


@router.get("/volume/counter")
def counter_document() -> JSONResponse:
    """Return the counter's document in Redis, and the time of this answer, for counter.js."""
    document = publisher.read(desk_from_airflow())
    served_at = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return JSONResponse({"served_at": served_at, "counter": document})
