"""A new password ends the sessions that were made with the old one, at once and everywhere."""

from collections.abc import Callable, Iterator

import httpx
import jwt
import pytest

from closebook.desk import current_user
from closebook.desk.passwords import is_mark, password_mark
from closebook.errors import Misconfigured
from local.airflow_api import AirflowApi
from local.people import people
from local.stack import Stack
from tests.desk.conftest import Desk
from tests.desk.passwords import log_in, set_password_in_sql, tokens_of

NEW = "a new password of 2026"


def set_by_the_rest_api(stack: Stack, user: str, password: str) -> None:
    """As an administrator does."""
    with AirflowApi.login(stack.ui_url, "admin", stack.credentials["admin"]) as airflow:
        path = f"/auth/fab/v1/users/{user}"
        answer = airflow.client.patch(
            path, params={"update_mask": "password"}, json={"password": password}
        )
        assert answer.status_code == 200, answer.text


@pytest.fixture
def person(desk: Desk) -> Iterator[str]:
    """Given a user like finance, with the same password."""
    with people(desk.stack, 1, like="finance") as (name,):
        yield name


@pytest.mark.parametrize("change", [set_by_the_rest_api, set_password_in_sql])
def test_a_new_password_ends_every_session_at_once(
    desk: Desk, person: str, change: Callable[[Stack, str, str], None]
) -> None:
    url, old = desk.stack.ui_url, desk.stack.credentials["finance"]
    with (
        httpx.Client(base_url=url, trust_env=False, timeout=30) as browser,
        httpx.Client(base_url=url, trust_env=False, timeout=30) as program,
    ):
        (token,) = tokens_of(log_in(browser, person, old))
        session = dict(browser.cookies)
        body = {"username": person, "password": old}
        program.headers["Authorization"] = (
            f"Bearer {program.post('/auth/token', json=body).json()['access_token']}"
        )
        # Twice, so that FAB has the user in its cache.
        for _ in range(2):
            assert statuses(browser, session) == (200, 200)
            assert statuses(program, {}) == (200, 200)

        change(desk.stack, person, NEW)

        assert statuses(browser, session) == (303, 403)
        assert statuses(program, {}) == (303, 403)
        # Nor does the session of the log-in form give a new token.
        again = browser.get("/auth/login/", headers={"Cookie": f"session={session['session']}"})
        assert not tokens_of([again])
        browser.cookies.clear()
        (new_token,) = tokens_of(log_in(browser, person, NEW))
        assert new_token != token
        assert statuses(browser, dict(browser.cookies)) == (200, 200)


def statuses(client: httpx.Client, cookies: dict[str, str]) -> tuple[int, int]:
    """What the desk and the REST API answer to these cookies, also after these were taken away."""
    header = {"Cookie": "; ".join(f"{name}={value}" for name, value in cookies.items())}
    headers = header if cookies else {}
    return (
        client.get("/closebook/statements", headers=headers).status_code,
        client.get("/api/v2/dags?limit=1", headers=headers).status_code,
    )


def test_a_log_out_ends_the_session_at_once(desk: Desk, person: str) -> None:
    with httpx.Client(base_url=desk.stack.ui_url, trust_env=False, timeout=30) as client:
        log_in(client, person, desk.stack.credentials["finance"])
        session = dict(client.cookies)
        assert statuses(client, session) == (200, 200)

        client.get("/api/v2/auth/logout")

        # Nobody who has kept the token is served.
        client.cookies.clear()
        assert statuses(client, session) == (303, 403)


def test_a_token_that_airflow_has_not_signed_is_no_log_in(desk: Desk, person: str) -> None:
    with httpx.Client(base_url=desk.stack.ui_url, trust_env=False, timeout=30) as client:
        (token,) = tokens_of(log_in(client, person, desk.stack.credentials["finance"]))
        client.cookies.clear()
        claims = jwt.decode(token, options={"verify_signature": False})
        forged = (
            jwt.encode(claims, "a key of somebody else, of 32 bytes or more", "HS512"),
            jwt.encode(claims, "", "none"),
            f"{token[:-8]}AAAAAAAA",
            "no token",
        )
        for each in forged:
            assert statuses(client, {"_token": each}) == (303, 403)
            bearer = {"Authorization": f"Bearer {each}"}
            assert client.get("/closebook/statements", headers=bearer).status_code == 303
        assert statuses(client, {"_token": token}) == (200, 200)


def test_a_new_password_of_somebody_else_ends_nothing(desk: Desk, person: str) -> None:
    client = desk.client("finance")
    set_password_in_sql(desk.stack, person, NEW)
    assert statuses(client, {}) == (200, 200)


def test_another_role_or_log_in_does_not_end_a_session(desk: Desk, person: str) -> None:
    with httpx.Client(base_url=desk.stack.ui_url, trust_env=False, timeout=30) as client:
        log_in(client, person, desk.stack.credentials["finance"])
        with httpx.Client(base_url=desk.stack.ui_url, trust_env=False, timeout=30) as other:
            log_in(other, person, "wrong", is_right=False)
            log_in(other, person, desk.stack.credentials["finance"])
        assert statuses(client, {}) == (200, 200)


def test_the_mark_changes_with_the_user_the_password_and_the_key_and_shows_none_of_them() -> None:
    mark = password_mark("key", 1, "scrypt:32768:8:1$salt$hash")
    assert is_mark(mark, mark)
    others = {
        password_mark("key", 2, "scrypt:32768:8:1$salt$hash"),
        password_mark("key", 1, "scrypt:32768:8:1$salt$other"),
        password_mark("other", 1, "scrypt:32768:8:1$salt$hash"),
        password_mark("key", 1, None),
    }
    assert len(others | {mark}) == 5
    assert not any(is_mark(other, mark) for other in others)
    assert not is_mark(None, mark)


def test_the_desk_serves_nobody_with_an_auth_manager_that_ends_no_session(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from airflow.api_fastapi import app
    from airflow.providers.fab.auth_manager.fab_auth_manager import FabAuthManager

    manager = FabAuthManager()  # type: ignore[no-untyped-call]
    monkeypatch.setattr(app._AuthManagerState, "instance", manager)
    with pytest.raises(Misconfigured, match="CB-CONFIG-AUTH-MANAGER"):
        current_user.authenticated_user(current_user.Session({}, ""), frozenset())
