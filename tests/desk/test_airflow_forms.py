"""Airflow's own forms in a real browser: a backfill, and statements that are issued again."""

import json
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, datetime
from io import BytesIO

import psycopg
import pytest
from playwright.sync_api import Browser, Page, expect
from pypdf import PdfReader

from closebook import periods
from closebook.periods import HOUR
from local.addresses import REPLICAS
from local.airflow_api import AirflowApi
from local.stack import Stack
from tests.airflow_runs import DAGS, ROLE_SECONDS, RUN_SECONDS, wait_for_end, wait_for_runs
from tests.closes.october import OCTOBER
from tests.desk.browser_pages import logged_in_page
from tests.desk.conftest import ADA, Desk, connections_to

ZONE = "America/New_York"
THREE_DAYS = [periods.day_of(date(2026, 10, day), ZONE) for day in (6, 7, 8)]


@pytest.fixture
def airflow(airflow_stack: Stack) -> Iterator[AirflowApi]:
    password = airflow_stack.credentials["admin"]
    with AirflowApi.login(airflow_stack.ui_url, "admin", password) as api:
        api.wait_for_dags(DAGS, seconds=60)
        yield api


def test_a_backfill_from_airflows_form_closes_three_days(
    browser: Browser, airflow_stack: Stack, airflow: AirflowApi
) -> None:
    with logged_in_page(browser, airflow_stack, "admin", "/dags/daily_rollups") as page:
        choose_backfill(page, THREE_DAYS[0].start, THREE_DAYS[-1].start)
        page.get_by_text("Override parameters on existing runs").click()
        page.locator("#element_reason").fill("ticket 4711")
        run_backfill(page)
    airflow.unpause("daily_rollups")
    wait_for_runs(airflow, "daily_rollups", THREE_DAYS[0].start, THREE_DAYS[-1].start, 3)
    airflow.end_backfills("daily_rollups")
    with psycopg.connect(airflow_stack.store()) as store:
        closed = store.execute(
            "select period_start from reporting.closes where grain = 'day' and is_current"
            " and period_start >= %s and period_start < %s order by period_start",
            [THREE_DAYS[0].start, THREE_DAYS[-1].end],
        ).fetchall()
    assert [row[0] for row in closed] == [day.start for day in THREE_DAYS]


@contextmanager
def with_role(stack: Stack, user: str, role: str) -> Iterator[None]:
    """Inside the with block, the user has one more role in FAB's own tables."""
    with psycopg.connect(stack.store_admin("airflow"), autocommit=True) as metadata:
        added = metadata.execute(
            "insert into ab_user_role (id, user_id, role_id)"
            " select nextval('ab_user_role_id_seq'), ab_user.id, ab_role.id from ab_user, ab_role"
            " where ab_user.username = %s and ab_role.name = %s returning id",
            [user, role],
        ).fetchone()
        assert added is not None
        time.sleep(ROLE_SECONDS)
        try:
            yield
        finally:
            metadata.execute("delete from ab_user_role where id = %s", added)
            time.sleep(ROLE_SECONDS)


@contextmanager
def runs_on(desk: Desk) -> Iterator[None]:
    """Inside the with block, Airflow's runs use the platform and the store of the desk."""
    servers = ("closebook_primary", *(f"closebook_{replica}" for replica in REPLICAS))
    databases = {"closebook_store": desk.database} | dict.fromkeys(servers, desk.platform.database)
    with connections_to(desk.stack, databases):
        yield


def test_a_statement_is_issued_again_on_request_and_a_second_person_releases_it(
    browser: Browser, desk: Desk, airflow: AirflowApi
) -> None:
    """Finance requests it, an operator starts the run, and a second person releases the month."""
    stack, release = desk.stack, "/closebook/releases/2026-10"
    desk.platform.post(ADA, OCTOBER.end - HOUR, 77)
    with logged_in_page(
        browser, stack, "finance", f"/closebook{desk.path('october', ADA)}"
    ) as page:
        page.get_by_label("What is wrong with it?").fill("a fee was taken twice")
        page.get_by_role("button", name="Request a re-issue").click()
        expect(page.get_by_text("a fee was taken twice")).to_be_visible()

    with (
        runs_on(desk),
        with_role(stack, "operator", "finance_approver"),
        logged_in_page(browser, stack, "operator", "/closebook/requests") as page,
    ):
        row = page.get_by_role("row").filter(has_text="a fee was taken twice")
        row.get_by_role("button", name=re.compile("^Copy")).click()
        expect(row.get_by_role("button", name=re.compile("^Copied"))).to_be_visible()
        row.get_by_role("link", name=re.compile("^Open the run's form")).click()
        page.get_by_test_id("trigger-dag-button").click()
        page.get_by_text("Advanced Options").click()
        page.locator(".monaco-editor").locator("visible=true").last.click()
        page.keyboard.press("Control+A")
        page.keyboard.press("Control+V")
        with page.expect_response(re.compile(r"/monthly_statements/dagRuns$")) as started:
            page.get_by_test_id("trigger-dag-submit").click()
        run = started.value.json()
        assert wait_for_end(airflow, "monthly_statements", run["dag_run_id"]) == "success"
        # The user who started the run may release months, but not this one
        page.goto(f"{stack.ui_url}{release}")
        expect(
            page.get_by_text("a second person, who acted on no run of the month, has to decide")
        ).to_be_visible()
        expect(page.get_by_role("button", name=re.compile("^Release"))).to_be_disabled()
        page.goto(f"{desk.url}/requests")
        row.get_by_role("button", name=": issued again").click()
        expect(row.get_by_text("issued again")).to_be_visible()

    with logged_in_page(browser, stack, "approver", release) as page:
        page.get_by_label("Reason").fill("all ties out")
        page.get_by_role("button", name=re.compile("^Release 3 documents")).click()
        expect(page.get_by_text("This month is released.")).to_be_visible()

    [close] = desk.rows(
        "select close_id, requested_by from reporting.closes where run_id = %s and grain = 'month'",
        run["dag_run_id"],
    )
    assert close["requested_by"] == "operator"
    again = f"/closebook/statements/{close['close_id']}/{ADA}/USD"
    with logged_in_page(browser, stack, "finance", again) as page:
        expect(
            page.get_by_text(re.compile("replaces version 1: corrected on request"))
        ).to_be_visible()
        expect(page.get_by_text("200.77 USD")).to_be_visible()


def test_a_statement_is_issued_again_with_the_fields_of_airflows_trigger_form(
    browser: Browser, desk: Desk, airflow: AirflowApi
) -> None:
    before = newest_version(desk, ADA)
    desk.platform.post(ADA, OCTOBER.end - HOUR, 23)
    with (
        runs_on(desk),
        logged_in_page(browser, desk.stack, "admin", "/dags/monthly_statements") as page,
    ):
        page.get_by_test_id("trigger-dag-button").click()
        page.locator("#element_month").fill("2026-10")
        page.locator("#element_reason").fill("ticket 4712: a refund was late")
        choose_holder_reason(page, "Entries of this period were posted after")
        with page.expect_response(re.compile(r"/monthly_statements/dagRuns$")) as started:
            page.get_by_test_id("trigger-dag-submit").click()
        run = started.value.json()
        # The form unpauses the DAG only if its checkbox is selected
        airflow.unpause("monthly_statements")
        assert wait_for_end(airflow, "monthly_statements", run["dag_run_id"]) == "success"
    [close] = desk.rows(
        "select close_id, reason, requested_by from reporting.closes"
        " where run_id = %s and grain = 'month'",
        run["dag_run_id"],
    )
    assert (close["reason"], close["requested_by"]) == ("ticket 4712: a refund was late", "admin")
    assert newest_version(desk, ADA) == before + 1
    review = desk.get("approver", "/releases/2026-10").text
    assert "Reason: Entries of this period were posted after the statement was issued." in review
    assert "a refund was late" not in for_holders(review)
    shown = desk.get("approver", f"/statements/{close['close_id']}/{ADA}/USD").text
    assert f"replaces version {before}: <bdi>ticket 4712: a refund was late</bdi>" in shown


def choose_backfill(page: Page, first: datetime, last: datetime) -> None:
    """Open the form of a backfill and follow the README: the range, and All Runs."""
    page.get_by_test_id("trigger-dag-button").click()
    page.get_by_text("Backfill", exact=True).first.click()
    for number, instant in enumerate((first, last)):
        page.get_by_test_id("datetime-input").nth(number).click()
        page.get_by_placeholder("YYYY/MM/DD").locator("visible=true").fill(f"{instant:%Y/%m/%d}")
        page.get_by_placeholder("HH:mm").locator("visible=true").fill(f"{instant:%H:%M}")
        page.keyboard.press("Enter")
        shown = f"{instant:%b %d, %Y %H:%M}"
        expect(page.get_by_test_id("datetime-input").nth(number)).to_have_text(shown)
        page.keyboard.press("Escape")
        expect(page.get_by_placeholder("YYYY/MM/DD").locator("visible=true")).to_have_count(0)
    page.get_by_text("All Runs", exact=True).click()


def run_backfill(page: Page) -> None:
    with page.expect_response(re.compile(r"/api/v2/backfills$")) as started:
        page.get_by_role("button", name="Run Backfill").click()
    assert started.value.ok, started.value.text()


def end_of_october(airflow: AirflowApi, after_tries: int) -> tuple[str, int]:
    """How the run of October ended after another try, and how many tries that makes."""
    deadline = time.monotonic() + RUN_SECONDS
    while True:
        runs = airflow.runs("monthly_statements", OCTOBER.start, OCTOBER.start)
        for run in runs:
            path = f"dags/monthly_statements/dagRuns/{run['dag_run_id']}/taskInstances"
            tasks = {task["task_id"]: task for task in airflow.get(path)["task_instances"]}
            tries = tasks["freeze_lines"]["try_number"] if "freeze_lines" in tasks else 0
            if tries > after_tries and run["state"] in {"success", "failed"}:
                return str(run["state"]), tries
        assert time.monotonic() < deadline, runs
        time.sleep(0.5)


def test_a_backfill_prints_what_was_typed_for_it_and_nothing_that_was_typed_before(
    browser: Browser, desk: Desk, airflow: AirflowApi
) -> None:
    """README's steps, over a run without a reason, which an earlier backfill gave another one."""
    with runs_on(desk):
        airflow.unpause("monthly_statements")
        # Only in November the schedule makes a run of October by itself
        airflow.backfill(
            "monthly_statements", OCTOBER.start, OCTOBER.start, conf={}, max_active_runs=1
        )
        _, tries = end_of_october(airflow, 0)
        airflow.end_backfills("monthly_statements")
        airflow.backfill(
            "monthly_statements",
            OCTOBER.start,
            OCTOBER.start,
            conf={"reason": "demo", "holder_text": "a text of before"},
            max_active_runs=1,
        )
        ended, tries = end_of_october(airflow, tries)
        assert ended == "success"
        [run] = airflow.runs("monthly_statements", OCTOBER.start, OCTOBER.start)
        before = newest_version(desk, ADA)
        desk.platform.post(ADA, OCTOBER.end - HOUR, 31)

        # Without a tick at Override, Airflow keeps the parameters of before: no change is made
        airflow.end_backfills("monthly_statements")
        path = "/dags/monthly_statements"
        with logged_in_page(browser, desk.stack, "admin", path) as page:
            choose_backfill(page, OCTOBER.start, OCTOBER.start)
            run_backfill(page)
        ended, tries = end_of_october(airflow, tries)
        assert ended == "failed"
        log = json.dumps(
            airflow.get(
                f"dags/monthly_statements/dagRuns/{run['dag_run_id']}/taskInstances"
                f"/freeze_lines/logs/{tries}",
                full_content="true",
            )
        )
        assert "CB-DATA-CHANGE-WITHOUT-REASON" in log, log[-4000:]
        assert "the reason of this run was given for an earlier start of it" in log
        assert "tick 'Override parameters on existing runs'" in log
        assert newest_version(desk, ADA) == before

        # With the tick, what is typed is what counts
        airflow.end_backfills("monthly_statements")
        with logged_in_page(browser, desk.stack, "admin", path) as page:
            choose_backfill(page, OCTOBER.start, OCTOBER.start)
            page.get_by_text("Override parameters on existing runs").click()
            page.locator("#element_reason").fill("ticket 4712: the import job was forgotten")
            page.locator("#element_holder_text").fill("A card payment of 30 October.")
            choose_holder_reason(page, "Entries of this period were posted after")
            run_backfill(page)
        assert end_of_october(airflow, tries)[0] == "success"

    [close] = desk.rows(
        "select close_id, reason, holder_reason, holder_text from reporting.closes"
        " where run_id = %s and grain = 'month' and is_current",
        run["dag_run_id"],
    )
    assert close["reason"] == "ticket 4712: the import job was forgotten"
    printed = desk.get("approver", f"/statements/{close['close_id']}/{ADA}/USD/pdf")
    text = " ".join(
        " ".join(page.extract_text() for page in PdfReader(BytesIO(printed.content)).pages).split()
    )
    assert f"This corrected statement replaces version {before}" in text
    assert "Reason: Entries of this period were posted after the statement was issued." in text
    assert "A card payment of 30 October." in text
    for note in ("4712", "forgotten", "demo", "a text of before"):
        assert note not in text
    review = desk.get("approver", "/releases/2026-10").text
    assert "A card payment of 30 October." in review
    assert "4712" not in for_holders(review)


def for_holders(review: str) -> str:
    """The part of the page that shows what account holders read. Above it are the reasons."""
    return review[review.index('id="holders"') : review.index('id="people"')]


def choose_holder_reason(page: Page, text: str) -> None:
    """Choose an option of the form's field for the account holders."""
    page.locator("#element_holder_reason").click()
    page.get_by_role("option").filter(has_text=text).click()


def newest_version(desk: Desk, account_id: int) -> int:
    """The newest version with a document of the account's statement of October."""
    [row] = desk.rows(
        "select max(statement_version) as newest from reporting.issued_statements"
        " where account_id = %s and period_start = %s and sha256 is not null",
        account_id,
        OCTOBER.start,
    )
    version: int = row["newest"]
    return version
