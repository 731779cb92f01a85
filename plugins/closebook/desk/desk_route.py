"""The desk's kind of route: its function runs in the threads of a lane, never in Airflow's."""

from collections.abc import Callable, Iterator
from functools import partial, wraps
from inspect import iscoroutinefunction
from typing import Any, ClassVar

from fastapi import APIRouter, Response
from fastapi.dependencies.models import Dependant
from fastapi.responses import FileResponse, StreamingResponse
from fastapi.routing import APIRoute

from closebook.desk.capacity import Lane
from closebook.desk.downloads import ZipResponse


class DeskRoute(APIRoute):
    """A route whose function is a plain ``def`` and runs in the lane of its router.

    Raises TypeError if anything of the route would run in the threads that Airflow shares, or on
    its event loop: a function that is a coroutine already, or a dependency that is none.
    """

    lane: ClassVar[Lane]

    def __init__(self, path: str, endpoint: Callable[..., Any], **options: Any) -> None:
        super().__init__(path, _in_lane(self.lane, endpoint), **options)
        for dependency in _dependencies(self.dependant):
            if not dependency.is_coroutine_callable:
                raise TypeError(
                    f"{path}: FastAPI runs the dependency {dependency.call} in Airflow's threads; "
                    "declare it with async def, and let it wait for nothing"
                )


def desk_router(lane_of_routes: Lane) -> APIRouter:
    """Return a router for routes that run in this lane."""

    class Route(DeskRoute):
        lane = lane_of_routes

    return APIRouter(route_class=Route)


def _in_lane(lane: Lane, endpoint: Callable[..., Any]) -> Callable[..., Any]:
    if getattr(endpoint, "is_in_lane", False):  # include_router makes each route a second time
        return endpoint
    if iscoroutinefunction(endpoint):
        raise TypeError(f"{endpoint} would run on Airflow's event loop: declare it with def")

    @wraps(endpoint)
    async def in_lane(*arguments: Any, **named: Any) -> Response:
        lane.take_slot()
        answer: Response = await lane.run(partial(endpoint, *arguments, **named))
        if isinstance(answer, StreamingResponse | FileResponse) and not isinstance(
            answer, ZipResponse
        ):
            raise TypeError(f"{endpoint} returns an answer that Airflow's threads would send")
        return answer

    in_lane.is_in_lane = True  # type: ignore[attr-defined]
    return in_lane


def _dependencies(dependant: Dependant) -> Iterator[Dependant]:
    for each in dependant.dependencies:
        yield each
        yield from _dependencies(each)
