"""The one Airflow plugin of Closebook: the desk below /closebook, and its timetables."""

from typing import TYPE_CHECKING

from airflow.plugins_manager import AirflowPlugin

from closebook.orchestration.timetable import BusinessDayTimetable, BusinessMonthTimetable

if TYPE_CHECKING:
    from starlette.types import Receive, Scope, Send


async def desk(scope: "Scope", receive: "Receive", send: "Send") -> None:
    """The finance desk, an ASGI app.

    The desk is imported at the first request: every process of Airflow loads this plugin, each
    task's too, and only the API server serves pages.
    """
    from closebook.desk.app import process_app

    await process_app()(scope, receive, send)


class ClosebookPlugin(AirflowPlugin):
    """Tells Airflow that the closebook package is here, and where its desk is."""

    name = "closebook"
    timetables = [BusinessDayTimetable, BusinessMonthTimetable]  # noqa: RUF012  # as Airflow has it
    fastapi_apps = [  # noqa: RUF012  # Airflow takes entries out
        {"app": desk, "url_prefix": "/closebook", "name": "Closebook"},
    ]
    external_views = [  # noqa: RUF012  # Airflow takes entries out
        {
            "name": "Closebook",
            "href": "/closebook/",
            "destination": "nav",
            "url_route": "closebook",
        },
        {
            # Airflow's frame is a sandbox, in which no browser shows a PDF. Without a url_route
            # Airflow opens the desk in a tab of the browser. It is in a menu because Airflow 3.3
            # shows such an entry of the navigation bar as a button that does nothing.
            "name": "Closebook in a tab",
            "href": "/closebook/",
            "destination": "nav",
            "category": "browse",
        },
        {
            # A tab of each run, with the page of the desk for it.
            "name": "Closebook desk",
            "href": "/closebook/runs?dag_id={DAG_ID}&run_id={RUN_ID}",
            "destination": "dag_run",
            "url_route": "closebook-run",
        },
    ]
