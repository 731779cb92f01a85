"""Access to every route of the desk: for each role, and without a log-in."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit

import httpx
import psycopg
import pytest
from fastapi import FastAPI, Request, Response
from fastapi.routing import APIRoute

from closebook.desk import permissions
from closebook.desk.app import make_app
from closebook.desk.auth_middleware import AuthMiddleware
from closebook.desk.capacity import ACCESS
from closebook.desk.current_user import csrf_token
from closebook.desk.desk_route import desk_router
from local.stack import Stack
from tests.desk.conftest import ADA, GRACE, HOSTILE, Desk, filled, logged_in

if TYPE_CHECKING:
    from starlette.types import Scope

EVERYBODY = {"finance", "approver", "operator", "auditor", "viewer", "admin"}
READERS = {"finance", "approver"}
OF_VOLUME = {"finance", "approver", "operator", "admin"}
AUDITORS = {"auditor", "admin"}
# The rules are written here a second time on purpose: a change of the table must be made twice.
MAY = {
    ("GET", "/"): EVERYBODY,
    ("GET", "/runs"): EVERYBODY,
    ("GET", "/assets/{digest}/{name}"): EVERYBODY,
    ("GET", "/statements"): READERS,
    ("POST", "/statements"): READERS,
    ("POST", "/statements/zip"): READERS,
    ("GET", "/statements/zip"): READERS,
    ("GET", "/statements/months/{month}/zip"): READERS,
    ("GET", "/statements/{close_id}/{account}/{currency}"): READERS,
    ("GET", "/statements/{close_id}/{account}/{currency}/preview"): READERS,
    ("GET", "/statements/{close_id}/{account}/{currency}/pages/{number}"): READERS,
    ("GET", "/statements/{close_id}/{account}/{currency}/pages/{number}/picture"): READERS,
    ("GET", "/statements/{close_id}/{account}/{currency}/pdf"): READERS,
    ("GET", "/statements/{close_id}/{account}/{currency}/camt.053"): READERS,
    ("GET", "/statements/{close_id}/{account}/{currency}/csv"): READERS,
    ("GET", "/statements/{close_id}/{account}/{currency}/mt940"): READERS,
    ("GET", "/statements/{close_id}/{account}/{currency}/ofx"): READERS,
    ("GET", "/statements/{close_id}/{account}/{currency}/proof"): READERS,
    ("POST", "/statements/{close_id}/{account}/{currency}/requests"): {"finance"},
    ("GET", "/releases"): {"approver"},
    ("GET", "/releases/{month}"): {"approver"},
    ("POST", "/releases/{month}"): {"approver"},
    ("GET", "/requests"): {"operator", "admin"},
    ("POST", "/requests/{request_id}"): {"operator", "admin"},
    ("GET", "/volume"): OF_VOLUME,
    ("GET", "/volume/counter"): OF_VOLUME,
    ("GET", "/report"): OF_VOLUME,
    ("GET", "/report/files/{form}"): OF_VOLUME,
    ("GET", "/report/days/{day}"): OF_VOLUME,
    ("GET", "/proof"): AUDITORS,
    ("GET", "/proof/months/{month}"): AUDITORS,
    ("GET", "/proof/corrections"): AUDITORS,
    ("GET", "/proof/log"): AUDITORS,
    ("GET", "/health"): {"operator", "admin"},
}
# Requests without an entry in the audit log: the first page, what leads to another page, static
# files, and the counter, which the Volume page requests again and again.
NO_ENTRY = {"/", "/runs", "/assets/{digest}/{name}", "/volume/counter"}
# Open to programs with a bearer token and to no user: test_monitoring_pages.py tests it.
TOKEN_ROUTES = {("GET", "/metrics")}


def test_each_route_has_a_row_in_the_table_and_in_this_test() -> None:
    routes = make_app().routes
    assert all(isinstance(route, APIRoute) for route in routes)
    served = {
        (method, route.path)
        for route in routes
        if isinstance(route, APIRoute)
        for method in route.methods
    }
    assert served == set(permissions.ROUTES) == set(MAY) | TOKEN_ROUTES


@pytest.mark.parametrize("user", sorted(EVERYBODY))
@pytest.mark.parametrize(("method", "path"), sorted(MAY))
def test_a_route_is_open_to_its_roles_and_refused_to_all_others(
    desk: Desk, user: str, method: str, path: str
) -> None:
    sending = desk.get if method == "GET" else desk.post
    answer = sending(user, filled(path, desk))
    if user in MAY[method, path]:
        assert answer.status_code in {200, 303, 400, 404, 409}, answer.text
    else:
        assert answer.status_code == 403
        last = desk.audit_log("refused")[-1]
        assert (last["person"], last["subject"]) == (
            user,
            f"{method} /closebook{filled(path, desk)}",
        )
        assert last["address"] == "127.0.0.1"


@pytest.mark.parametrize(
    "path", sorted({path for method, path in MAY if method == "GET"} - NO_ENTRY)
)
def test_every_request_has_an_entry_in_the_audit_log(desk: Desk, path: str) -> None:
    user = min(MAY["GET", path])
    before = len(desk.audit_log())
    answer = desk.get(user, filled(path, desk))
    entries = desk.audit_log()[before:]
    assert [entry["person"] for entry in entries] == [user]
    assert (entries[0]["act"] == "refused") == (answer.status_code != 200)


@pytest.mark.parametrize(("method", "path"), sorted(MAY))
def test_without_a_log_in_a_page_leads_to_the_log_in_and_a_change_is_refused(
    desk: Desk, method: str, path: str
) -> None:
    url = f"{desk.url}{filled(path, desk)}"
    answer = httpx.request(method, url, trust_env=False)
    if method == "POST":
        assert answer.status_code == 401
        return
    assert answer.status_code == 303
    there = urlsplit(answer.headers["Location"])
    assert there.path == "/auth/login/"
    assert parse_qs(there.query)["next"] == [url]


def test_a_route_without_a_row_and_a_mounted_app_have_no_rule() -> None:
    app = FastAPI(openapi_url=None)
    router = desk_router(ACCESS)
    router.get("/forgotten")(lambda: Response("secret"))
    app.include_router(router)
    app.mount("/mounted", FastAPI())
    middleware = AuthMiddleware(app, app.router.routes, refuse=_never)
    for path in ("/forgotten", "/mounted/docs", "/nowhere"):
        assert middleware._rule(Request(get_scope(path))) is None


def test_a_route_that_would_run_in_the_threads_of_airflow_has_no_rule() -> None:
    app = FastAPI(openapi_url=None)
    app.get("/statements")(lambda: "in Airflow's threads")
    middleware = AuthMiddleware(app, app.router.routes, refuse=_never)
    assert middleware._rule(Request(get_scope("/statements"))) is None


def get_scope(path: str) -> "Scope":
    return {"type": "http", "method": "GET", "path": path, "root_path": "", "headers": []}


async def _never(_request: Request, _status: int) -> Response:
    raise AssertionError


@pytest.mark.parametrize("path", ["/nowhere", "/docs", "/openapi.json", "/metrics/../statements/"])
def test_a_path_without_a_route_is_refused(desk: Desk, path: str) -> None:
    assert desk.get("viewer", path).status_code in {403, 404}


def test_the_role_admin_alone_does_not_open_documents(desk: Desk) -> None:
    # FAB grants every permission to Admin, also those of the other roles
    assert desk.get("admin", "/requests").status_code == 200
    assert desk.get("admin", desk.path("october", ADA)).status_code == 403


# ---- a role that is taken away ---------------------------------------------------------


@contextmanager
def without_role(stack: Stack, user: str, role: str) -> Iterator[None]:
    """Inside the with block, the user has lost a role in FAB's own tables."""
    with psycopg.connect(stack.store_admin("airflow"), autocommit=True) as metadata:
        removed = metadata.execute(
            "delete from ab_user_role"
            " where user_id = (select id from ab_user where username = %s)"
            " and role_id = (select id from ab_role where name = %s)"
            " returning id, user_id, role_id",
            [user, role],
        ).fetchone()
        assert removed is not None
        try:
            yield
        finally:
            metadata.execute("insert into ab_user_role values (%s, %s, %s)", removed)


def test_a_link_stops_working_at_once_when_the_role_is_taken_away(desk: Desk) -> None:
    link = f"{desk.path('october', ADA)}/pdf"
    assert desk.get("finance", link).status_code == 200
    with without_role(desk.stack, "finance", "finance"):
        assert desk.get("finance", link).status_code == 403
    assert desk.get("finance", link).status_code == 200


def test_a_session_ends_at_the_log_out(desk: Desk) -> None:
    client = logged_in(desk.stack, "finance")
    assert client.get("/closebook/statements").status_code == 200
    cookies = dict(client.cookies)
    client.get("/api/v2/auth/logout")
    again = httpx.get(f"{desk.url}/statements", cookies=cookies, trust_env=False)
    assert again.status_code == 303


# ---- changes ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("origin", "sent_token"),
    [
        ("https://evil.example", None),
        ("null", None),
        (None, None),
        ("own", "0" * 64),
        ("own", ""),
        ("own", "the approver's"),
    ],
)
def test_a_change_from_another_site_or_session_is_refused(
    desk: Desk, origin: str | None, sent_token: str | None
) -> None:
    client = desk.client("finance")
    tokens = {
        None: csrf_token(client.cookies["_token"]),
        "the approver's": csrf_token(desk.client("approver").cookies["_token"]),
    }
    sent = {"Origin": desk.stack.ui_url if origin == "own" else origin}
    before = len(desk.rows("select from reporting.reissue_requests"))

    answer = client.post(
        f"/closebook{desk.path('october', ADA)}/requests",
        data={"reason": "a change", "csrf_token": tokens.get(sent_token, sent_token)},
        headers={name: value for name, value in sent.items() if value is not None},
    )

    assert answer.status_code == 403
    assert len(desk.rows("select from reporting.reissue_requests")) == before


@pytest.mark.parametrize("wrong", ["origin", "token"])
@pytest.mark.parametrize("path", sorted(path for method, path in MAY if method == "POST"))
def test_a_change_needs_the_right_origin_and_the_right_token(
    desk: Desk, path: str, wrong: str
) -> None:
    user = min(MAY["POST", path])
    client = desk.client(user)
    answer = client.post(
        f"/closebook{filled(path, desk)}",
        data={
            "csrf_token": "0" if wrong == "token" else csrf_token(client.cookies["_token"]),
            "reason": "a change",
            "verdict": "rejected",
            "manifest_sha256": "0" * 64,
            "answer": "issued_again",
        },
        headers={"Origin": "https://evil.example" if wrong == "origin" else desk.stack.ui_url},
    )
    assert answer.status_code == 403
    assert desk.audit_log()[-1]["act"] == "refused"


def test_every_answer_has_the_security_headers(desk: Desk) -> None:
    page = desk.get("finance", "/statements")
    document = desk.get("finance", f"{desk.path('october', ADA)}/pdf")
    refused = desk.get("viewer", "/statements")
    anonymous = httpx.get(f"{desk.url}/statements", trust_env=False)
    for answer in (page, document, refused, anonymous):
        policy = answer.headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy
        assert "frame-ancestors 'self'" in policy
        assert "unsafe" not in policy
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["Cache-Control"] == "private, no-store"
        assert answer.headers["Referrer-Policy"] == "same-origin"


def test_html_in_the_text_of_the_platform_is_escaped(desk: Desk) -> None:
    for page in (
        desk.get("finance", "/statements").text,
        desk.get("finance", desk.path("october", GRACE)).text,
    ):
        assert HOSTILE.replace("<", "&lt;").replace(">", "&gt;") in page
        assert "<script>" not in page
