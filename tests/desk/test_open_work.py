"""The home page and the navigation show how much waits for the user; a run leads to its page."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import httpx
import pytest
from playwright.sync_api import Browser, expect

from local.airflow_api import AirflowApi
from tests.airflow_runs import wait_for_end
from tests.desk.browser_pages import logged_in_page
from tests.desk.conftest import GRACE, Desk, connections_to

IN_NAVIGATION = re.compile(
    r'href="/closebook(/\w+)"[^>]*>[^<]*<span class="waiting">([\d,]+)'
    r'<span class="visually-hidden"> ([^<]+)</span>'
)


def waiting(desk: Desk, user: str, path: str = "/") -> dict[str, tuple[str, str]]:
    """By page, the number in the navigation and its words."""
    page = desk.get(user, path)
    assert page.status_code == httpx.codes.OK
    return {page: (number, words) for page, number, words in IN_NAVIGATION.findall(page.text)}


@pytest.fixture
def request_and_alert(desk: Desk) -> Iterator[None]:
    """During the test finance asks for one statement again, and the primary is down."""
    answer = desk.post("finance", f"{desk.path('october', GRACE)}/requests", reason="a fee")
    assert answer.status_code == httpx.codes.SEE_OTHER
    at = datetime.now(UTC) + timedelta(days=1)
    with desk.owner() as owner:
        [sample] = owner.execute(
            "insert into reporting.health_samples (collected_at, server_name, server_kind, problem)"
            " values (%s, 'primary', 'primary', 'no answer') returning sample_id",
            [at],
        ).fetchall()
        owner.execute(
            "insert into reporting.health_alerts (sample_id, alert_name, detail)"
            " values (%s, 'server_down', 'no answer')",
            [sample["sample_id"]],
        )
    yield
    with desk.owner() as owner:
        owner.execute("delete from reporting.health_samples where collected_at = %s", [at])
        owner.execute("delete from reporting.reissue_answers")
        owner.execute("delete from reporting.reissue_requests")


@pytest.mark.usefixtures("request_and_alert")
def test_each_role_sees_what_waits_for_it_and_nothing_else(desk: Desk) -> None:
    months = ("2", "months wait for a review")
    requests = ("1", "request waits for an answer")
    alerts = ("1", "health alert is open")
    assert waiting(desk, "approver") == {"/releases": months}
    assert waiting(desk, "operator") == {"/requests": requests, "/health": alerts}
    assert waiting(desk, "admin") == {"/requests": requests, "/health": alerts}
    assert waiting(desk, "finance") == {}
    assert "2 months wait for a review" in desk.get("approver", "/").text


@pytest.mark.usefixtures("request_and_alert")
def test_an_answered_request_does_not_wait_any_more(desk: Desk) -> None:
    [row] = desk.rows("select request_id from reporting.reissue_requests")
    assert "/requests" in waiting(desk, "operator", "/requests")
    desk.post("operator", f"/requests/{row['request_id']}", answer="declined", note="it is right")
    assert "/requests" not in waiting(desk, "operator", "/requests")


def test_the_home_page_is_there_without_its_numbers_if_the_store_does_not_answer(
    desk: Desk,
) -> None:
    with connections_to(desk.stack, {"closebook_desk": "no_such_database"}):
        page = desk.get("approver", "/")
    assert page.status_code == httpx.codes.OK
    assert "Review the statements of a month" in page.text
    assert IN_NAVIGATION.findall(page.text) == []


@pytest.mark.parametrize(
    ("user", "dag_id", "run_id", "page"),
    [
        ("approver", "monthly_statements", "manual", "/releases/2026-10"),
        ("finance", "monthly_statements", "manual", "/statements?month=2026-10"),
        ("auditor", "monthly_statements", "manual", "/proof/months/2026-10"),
        ("auditor", "monthly_statements", "of no month", "/proof"),
        ("auditor", "daily_rollups", "any", "/"),
        ("operator", "monthly_statements", "manual", "/"),
        ("approver", "monthly_statements", "of no month", "/releases"),
        ("finance", "monthly_statements", "of no month", "/statements"),
        ("operator", "daily_rollups", "any", "/volume"),
        ("operator", "hourly_platform_volume", "any", "/volume"),
        ("operator", "database_health", "any", "/health"),
        ("finance", "database_health", "any", "/"),
        ("viewer", "of_another_team", "any", "/"),
    ],
)
def test_a_run_leads_to_the_page_that_shows_what_it_did(
    desk: Desk, user: str, dag_id: str, run_id: str, page: str
) -> None:
    answer = desk.get(user, "/runs", params={"dag_id": dag_id, "run_id": run_id})
    assert answer.status_code == httpx.codes.SEE_OTHER
    assert answer.headers["Location"] == f"/closebook{page}"


def test_a_run_in_airflow_has_a_tab_that_shows_its_page_of_the_desk(
    browser: Browser, desk: Desk
) -> None:
    stack = desk.stack
    with AirflowApi.login(stack.ui_url, "admin", stack.credentials["admin"]) as airflow:
        airflow.wait_for_dags(("database_health",), seconds=90)
        airflow.unpause("database_health")
        run = airflow.post("dags/database_health/dagRuns", {"logical_date": None, "conf": {}})
        wait_for_end(airflow, "database_health", run["dag_run_id"])
    at = f"/dags/database_health/runs/{run['dag_run_id']}"
    with logged_in_page(browser, stack, "operator", at) as page:
        page.set_default_timeout(30_000)
        page.get_by_role("link", name="Closebook desk").click()
        frame = page.frame_locator("iframe").first
        expect(frame.get_by_role("heading", level=1)).to_have_text("Health", timeout=30_000)
