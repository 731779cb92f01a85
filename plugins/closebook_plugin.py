"""The one Airflow plugin of Closebook: the desk below /closebook, and its timetables."""

from typing import TYPE_CHECKING

from airflow.plugins_manager import AirflowPlugin

from closebook.orchestration.timetable import BusinessDayTimetable, BusinessMonthTimetable

if TYPE_CHECKING:
    from starlette.types import Receive, Scope, Send


async def desk(scope: "Scope", receive: "Receive", send: "Send") -> None:
    """The finance desk, an ASGI app.

    Every process of Airflow loads its plugins, each task's too. Only the API server serves pages,
    so only there, and only for the first request, the desk is imported.
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
            # the desk gets a tab; in a menu, since Airflow 3.3 makes a dead button of it else.
            "name": "Closebook in a tab",
            "href": "/closebook/",
            "destination": "nav",
            "category": "browse",
        },
    ]
