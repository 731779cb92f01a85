"""The redirect from a run in Airflow to the page of the desk with its result."""

from collections.abc import Mapping

from fastapi import Request
from fastapi.responses import RedirectResponse

from closebook.desk import permissions
from closebook.desk.capacity import PAGES
from closebook.desk.current_user import CurrentUser, User
from closebook.desk.desk_route import desk_router
from closebook.desk.months import month_label
from closebook.desk.permissions import Permission
from closebook.periods import Grain
from closebook.settings.desk_settings import desk_from_airflow
from closebook.sql import query
from closebook.store.session import on_store

router = desk_router(PAGES)

MONTH_DAG = "monthly_statements"
# The pages of a month by permission: the page of all months, and what is added for one month.
_MONTH_PAGES: tuple[tuple[Permission, str, str], ...] = (
    (permissions.REVIEW_RELEASES, "/releases", "/"),
    (permissions.READ_STATEMENTS, "/statements", "?month="),
    (permissions.READ_PROOF, "/proof", "/months/"),
)
# Each page is shown to those who may open it.
_PAGES: Mapping[str, str] = {
    "daily_rollups": "/volume",
    "hourly_platform_volume": "/volume",
    "database_health": "/health",
}


@router.get("/runs")
def page_of_run(
    request: Request, user: CurrentUser, dag_id: str = "", run_id: str = ""
) -> RedirectResponse:
    """Redirect to the page of a run: a month's review, statements or proof, or volume or health.

    If the run has no page, or none that this user may open, redirect to the home page.
    """
    return RedirectResponse(f"{request.scope['root_path']}{_page(user, dag_id, run_id)}", 303)


def _page(user: User, dag_id: str, run_id: str) -> str:
    if dag_id == MONTH_DAG:
        for permission, path, of_month in _MONTH_PAGES:
            if user.may(permission):
                month = _month(run_id)
                return f"{path}{of_month}{month}" if month else path
    path = _PAGES.get(dag_id, "/")
    entries = [entry for entry in permissions.NAVIGATION if entry.path == path]
    return path if entries and user.may(entries[0].permission) else "/"


def _month(run_id: str) -> str | None:
    """Return the name of the month that a run closed; None if it wrote no version of one."""
    with on_store(desk_from_airflow()) as store:
        row = store.execute(
            query("desk/period_of_run"), {"run_id": run_id, "grain": Grain.MONTH}
        ).fetchone()
    return None if row is None else month_label(row)
