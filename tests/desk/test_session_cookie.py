"""The cookie of a log-in, which goes past Airflow's middleware on its way to the desk."""

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route
from starlette.testclient import TestClient

from closebook.desk.session_cookie import DeskSessionCookie, session_token


async def seen(request: Request) -> JSONResponse:
    return JSONResponse({"cookies": request.cookies, "token": session_token(request)})


@pytest.fixture
def client() -> TestClient:
    """Given an API server below /team that has the desk below /team/closebook/."""
    app = Starlette(routes=[Route("/{path:path}", seen)])
    app.add_middleware(DeskSessionCookie, desk_path="/team/closebook/")
    return TestClient(app, cookies={"_token": "a.b.c", "other": "1"})


@pytest.mark.parametrize("path", ["/team/closebook/", "/team/closebook/statements/1/2/USD"])
def test_the_desk_reads_the_session_that_airflow_does_not_see(
    client: TestClient, path: str
) -> None:
    assert client.get(path).json() == {"cookies": {"other": "1"}, "token": "a.b.c"}


@pytest.mark.parametrize("path", ["/team/closebook", "/team/api/v2/dags", "/closebook/", "/"])
def test_a_request_to_airflow_keeps_its_cookies(client: TestClient, path: str) -> None:
    cookies = {"_token": "a.b.c", "other": "1"}
    assert client.get(path).json() == {"cookies": cookies, "token": "a.b.c"}


def test_a_request_without_a_session_has_no_token(client: TestClient) -> None:
    client.cookies.clear()
    assert client.get("/team/closebook/").json() == {"cookies": {}, "token": None}
