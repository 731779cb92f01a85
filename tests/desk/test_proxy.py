"""The desk and Airflow's log-in behind nginx with TLS, as deploy/nginx.conf has it.

Each client has an address of its own on loopback, so each has its own count of log-ins.
"""

import itertools
import re
import time
from collections.abc import Iterator

import httpx
import pytest
from airflow.providers.fab.get_provider_info import get_provider_info

from closebook.desk import trusted_proxies
from closebook.desk.current_user import csrf_token
from closebook.environment import trusted_proxies as trusted_proxies_setting
from closebook.errors import Misconfigured
from local.people import people
from tests.desk.conftest import ADA, Desk
from tests.desk.nginx_server import PROXY, Site, site
from tests.desk.passwords import log_in, set_password_in_sql, tokens_of

FORGED = "203.0.113.9"
TRIES = 5
_addresses = (f"127.0.0.{number}" for number in itertools.count(20))


@pytest.fixture(scope="module")
def proxied(desk: Desk, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """Given nginx, which is named, before an API server of two processes.

    Its form keeps sessions in cookies.
    """
    variables = {"CLOSEBOOK_PROXIES": PROXY, "AIRFLOW__FAB__SESSION_BACKEND": "securecookie"}
    folder = tmp_path_factory.mktemp("proxied")
    with site(desk.stack, folder, variables, workers=2) as found:
        yield found


@pytest.fixture
def address() -> str:
    """The address of a client that no other test has."""
    return next(_addresses)


# ---- cookies ---------------------------------------------------------------------------


def test_every_cookie_is_sent_over_tls_only_if_the_outside_is_https(
    desk: Desk, proxied: Site, address: str
) -> None:
    with proxied.browser(address) as client:
        answers = log_in(client, "finance", desk.stack.credentials["finance"])
        answers.append(client.get("/auth/logout"))
    cookies = cookies_of(answers)
    assert {cookie.split("=")[0] for cookie in cookies} >= {"_token", "session"}
    for cookie in cookies:
        attributes = [part.strip().lower() for part in cookie.split(";")]
        assert attributes.count("secure") == 1, cookie
        assert "httponly" in attributes, cookie


def test_a_client_past_the_proxy_cannot_claim_to_come_by_https(
    desk: Desk, proxied: Site, address: str
) -> None:
    with proxied.past_the_proxy(address) as client:
        client.headers["X-Forwarded-Proto"] = "https"
        answers = log_in(client, "finance", desk.stack.credentials["finance"])
    assert not [cookie for cookie in cookies_of(answers) if "secure" in cookie.lower()]


def cookies_of(answers: list[httpx.Response]) -> list[str]:
    found = [cookie for each in answers for cookie in each.headers.get_list("set-cookie")]
    assert found
    return found


# ---- addresses -------------------------------------------------------------------------


@pytest.mark.parametrize("claim", [None, FORGED, f"{FORGED}, {PROXY}", PROXY])
def test_the_audit_log_has_the_clients_address_and_not_what_the_client_says(
    desk: Desk, proxied: Site, address: str, claim: str | None
) -> None:
    with proxied.browser(address) as client:
        log_in(client, "finance", desk.stack.credentials["finance"])
        client.headers.update({"X-Forwarded-For": claim, "X-Real-IP": claim} if claim else {})
        assert client.get("/closebook/statements").status_code == 200
        assert client.get("/closebook/releases").status_code == 403
    entries = desk.audit_log()[-2:]
    assert [entry["act"] for entry in entries] == ["searched", "refused"]
    assert [entry["address"] for entry in entries] == [address, address]


def test_a_client_past_the_proxy_cannot_choose_its_address(
    desk: Desk, proxied: Site, address: str
) -> None:
    with proxied.past_the_proxy(address) as client:
        client.headers["X-Forwarded-For"] = FORGED
        log_in(client, "finance", desk.stack.credentials["finance"])
        assert client.get("/closebook/releases").status_code == 403
    assert desk.audit_log()[-1]["address"] == address


def test_airflows_own_log_of_requests_has_the_clients_address(
    desk: Desk, proxied: Site, address: str
) -> None:
    with proxied.browser(address) as client:
        client.get("/closebook/never-heard-of")
    deadline = time.monotonic() + 10  # it is written after the answer
    while not (lines := re.findall(r".*/closebook/never-heard-of.*", proxied.log.read_text())):
        assert time.monotonic() < deadline
        time.sleep(0.1)
    (line,) = lines
    assert f"client_addr={address}:" in line
    assert f"{PROXY}:" not in line


# ---- pages and changes -----------------------------------------------------------------


def test_a_page_leads_to_the_log_in_by_https_and_back(
    desk: Desk, proxied: Site, address: str
) -> None:
    with proxied.browser(address) as client:
        answer = client.get("/closebook/statements")
        assert answer.status_code == 303
        there = httpx.URL(answer.headers["Location"])
        assert str(there).startswith(f"{proxied.url}/auth/login")
        assert there.params["next"] == f"{proxied.url}/closebook/statements"
        answers = log_in(
            client, "finance", desk.stack.credentials["finance"], there.raw_path.decode()
        )
        assert answers[-1].headers["Location"] == f"{proxied.url}/closebook/statements"


def test_a_change_is_accepted_from_the_sites_own_pages(
    desk: Desk, proxied: Site, address: str
) -> None:
    before = len(desk.rows("select from reporting.reissue_requests"))
    with proxied.browser(address) as client:
        log_in(client, "finance", desk.stack.credentials["finance"])
        fields = {"reason": "a change", "csrf_token": csrf_token(client.cookies["_token"])}
        path = f"/closebook{desk.path('october', ADA)}/requests"
        refused = client.post(path, data=fields, headers={"Origin": "https://evil.example"})
        accepted = client.post(path, data=fields, headers={"Origin": proxied.url})
    assert (refused.status_code, accepted.status_code) == (403, 303)
    assert len(desk.rows("select from reporting.reissue_requests")) == before + 1


def test_the_tasks_api_is_not_outside(proxied: Site, address: str) -> None:
    with proxied.browser(address) as client:
        assert client.get("/execution/health").status_code == 404
    with proxied.past_the_proxy(address) as client:
        assert client.get("/execution/health").status_code == 200


# ---- the limit of log-ins --------------------------------------------------------------


def test_the_limit_is_the_one_that_airflow_ships(proxied: Site) -> None:
    options = get_provider_info()["config"]["fab"]["options"]  # type: ignore[no-untyped-call]
    assert options["auth_rate_limited"]["default"] == "True"
    assert options["auth_rate_limit"]["default"] == f"{TRIES} per 40 second"


@pytest.mark.parametrize("way", ["form", "token", "token/cli"])
@pytest.mark.parametrize("side", ["behind the proxy", "past the proxy"])
def test_an_address_has_as_many_tries_as_airflow_gives_whatever_it_says_of_itself(
    desk: Desk, proxied: Site, address: str, way: str, side: str
) -> None:
    open_client = proxied.browser if side == "behind the proxy" else proxied.past_the_proxy
    with open_client(address) as client:
        statuses = []
        for number in range(TRIES + 2):
            client.headers["X-Forwarded-For"] = f"203.0.113.{number}"
            right = number > TRIES  # the right password does not help any more
            password = desk.stack.credentials["finance"] if right else f"wrong {number}"
            statuses.append(tried(client, way, password))
    assert [status == 429 for status in statuses] == [False] * TRIES + [True, True]
    with open_client(next(_addresses)) as other:
        assert tried(other, way, desk.stack.credentials["finance"]) in {201, 302}


def test_the_form_and_the_tokens_are_counted_together_and_the_answer_says_how_long(
    desk: Desk, proxied: Site, address: str
) -> None:
    with proxied.browser(address) as client:
        for number in range(TRIES):
            assert tried(client, ("form", "token", "token/cli")[number % 3], "wrong") != 429
        body = {"username": "finance", "password": desk.stack.credentials["finance"]}
        refused = client.post("/auth/token", json=body)
    assert refused.status_code == 429
    assert 0 < int(refused.headers["Retry-After"]) <= 40
    assert "access_token" not in refused.text


def test_the_processes_of_the_api_server_count_an_addresss_log_ins_together(
    proxied: Site, address: str
) -> None:
    statuses = []
    for number in range(8 * TRIES):
        # Each over a connection of its own, so both processes take some.
        with proxied.past_the_proxy(address) as client:
            statuses.append(tried(client, "token", f"wrong {number}"))
    assert statuses.count(401) == TRIES
    assert statuses.count(429) == 7 * TRIES
    started = re.findall(r"Started server process \[(\d+)\]", proxied.log.read_text())
    assert len(set(started)) == 2


def tried(client: httpx.Client, way: str, password: str) -> int:
    if way == "form":
        # A new try each time: FAB does not ask who is logged in.
        client.cookies.clear()
        return log_in(client, "finance", password, is_right=False)[-1].status_code
    body = {"username": "finance", "password": password}
    return client.post(f"/auth/{way}", json=body).status_code


# ---- sessions in cookies ---------------------------------------------------------------


def test_a_session_that_is_kept_in_a_cookie_ends_with_its_password(
    desk: Desk, proxied: Site, address: str
) -> None:
    stack = desk.stack
    with people(stack, 1, like="finance") as (name,), proxied.browser(address) as client:
        log_in(client, name, stack.credentials["finance"])
        assert tokens_of([client.get("/auth/login/")])
        set_password_in_sql(stack, name, "a new password")
        assert not tokens_of([client.get("/auth/login/")])
        assert client.get("/closebook/statements").status_code == 303
        log_in(client, name, "a new password")
        assert client.get("/closebook/statements").status_code == 200


# ---- the setting -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "found"),
    [
        ("", ()),
        ("10.1.2.3", ("10.1.2.3",)),
        (" 10.1.2.0/24 , fd00:1::/64", ("10.1.2.0/24", "fd00:1::/64")),
    ],
)
def test_the_proxies_are_named_by_address_or_network(given: str, found: tuple[str, ...]) -> None:
    assert trusted_proxies_setting({"CLOSEBOOK_PROXIES": given}) == found


@pytest.mark.parametrize(
    "given", ["*", "0.0.0.0/0", "::/0", "0.0.0.0/1", "proxy.internal", "10.1.2.3/24", "10.1.2.3,*"]
)
def test_anybody_is_no_proxy(given: str) -> None:
    with pytest.raises(Misconfigured, match="CB-CONFIG-PROXIES-UNREADABLE"):
        trusted_proxies_setting({"CLOSEBOOK_PROXIES": given})


def test_airflows_own_ways_to_believe_everybody_are_refused() -> None:
    command = ["airflow", "api-server"]
    trusted_proxies.refuse_belief_in_anybody(airflow_proxy_fix=False, command=command)
    with pytest.raises(Misconfigured, match="CB-CONFIG-PROXY-FIX"):
        trusted_proxies.refuse_belief_in_anybody(airflow_proxy_fix=True, command=command)
    with pytest.raises(Misconfigured, match="CB-CONFIG-PROXY-HEADERS"):
        trusted_proxies.refuse_belief_in_anybody(
            airflow_proxy_fix=False, command=[*command, "--proxy-headers"]
        )
