"""The desk and Airflow's own forms in a real browser, as people use them."""

import re
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from closebook import periods
from local import REPOSITORY
from local.airflow_api import AirflowApi
from local.processes import find
from local.stack import Stack
from tests.desk.conftest import ADA, MARY, Desk, digest
from tests.running import DAGS, wait_for_end, wait_for_runs

AXE = REPOSITORY / ".local" / "axe" / "node_modules" / "axe-core" / "axe.min.js"
PATIENCE_MS = 60_000
ZONE = "America/New_York"
THREE_DAYS = [periods.day_of(date(2026, 10, day), ZONE) for day in (6, 7, 8)]

Open = Callable[..., Page]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=find("chromium"), args=["--no-sandbox"]
        )
        yield browser
        browser.close()


@contextmanager
def person(
    browser: Browser, stack: Stack, user: str, path: str, **options: object
) -> Iterator[Page]:
    """A browser of a person's own, who asked for a page and was led to the log-in first."""
    context = browser.new_context(locale="en-US", **options)  # type: ignore[arg-type]
    page = context.new_page()
    page.set_default_timeout(PATIENCE_MS)
    page.goto(f"{stack.ui_url}{path}")
    page.fill("#username", user)
    page.fill("#password", stack.credentials[user])
    page.press("#password", "Enter")
    page.wait_for_url(lambda url: urlsplit(url).path == urlsplit(path).path)
    yield page
    context.close()


def test_finance_finds_a_statement_and_its_pdf_is_the_registered_one(
    browser: Browser, desk: Desk, tmp_path: Path
) -> None:
    with person(browser, desk.stack, "finance", "/closebook/statements") as page:
        page.get_by_label("Holder").fill("plantedname")
        page.get_by_label("Month").select_option("2026-10")
        page.get_by_role("button", name="Search").click()
        # The browser itself is given the document to show
        with page.expect_response(re.compile(r"/preview$")) as shown:
            page.get_by_role("link", name="ACC-1").click()
        assert shown.value.header_value("Content-Type") == "application/pdf"
        expect(page.get_by_role("heading", level=1)).to_contain_text("ACC-1")
        with page.expect_download() as downloading:
            page.get_by_role("link", name=re.compile("^PDF")).click()
        downloading.value.save_as(tmp_path / "statement.pdf")
    [row] = desk.rows(
        "select sha256 from reporting.statement_documents where close_id = %s and account_id = %s",
        desk.closes["october"],
        ADA,
    )
    assert digest((tmp_path / "statement.pdf").read_bytes()) == row["sha256"]


def test_ticked_statements_come_as_a_zip(browser: Browser, desk: Desk, tmp_path: Path) -> None:
    with person(browser, desk.stack, "finance", "/closebook/statements") as page:
        page.get_by_role("checkbox", name=re.compile("ACC-1,")).check()
        page.get_by_role("checkbox", name=re.compile("ACC-3,")).check()
        with page.expect_download() as downloading:
            page.get_by_role("button", name="Download ticked as ZIP").click()
        downloading.value.save_as(tmp_path / "some.zip")
    with zipfile.ZipFile(tmp_path / "some.zip") as packed:
        assert packed.testzip() is None
        assert packed.namelist() == [f"statement-2026-10-{a}-v1.pdf" for a in (ADA, MARY)]


@pytest.mark.parametrize(
    ("user", "titles"),
    [
        ("finance", ["Statements"]),
        ("approver", ["Statements", "Release"]),
        ("operator", ["Requests", "Volume", "Health"]),
        ("admin", ["Requests", "Volume", "Health"]),
        ("viewer", []),
    ],
)
def test_each_role_is_shown_the_pages_that_it_may_open(
    browser: Browser, desk: Desk, user: str, titles: list[str]
) -> None:
    with person(browser, desk.stack, user, "/closebook/") as page:
        links = page.get_by_role("navigation", name="Closebook").get_by_role("link")
        assert links.all_inner_texts() == titles


def test_a_page_that_is_refused_says_so_and_leads_back(browser: Browser, desk: Desk) -> None:
    with person(browser, desk.stack, "viewer", "/closebook/statements") as page:
        expect(page.get_by_role("heading", level=1)).to_have_text("Forbidden")
        page.get_by_role("link", name="Back to the desk").click()
        expect(page.get_by_role("heading", level=1)).to_have_text("The desk")


def test_the_second_person_releases_what_the_first_one_may_not(
    browser: Browser, desk: Desk
) -> None:
    with psycopg.connect(desk.stack.store_admin(desk.database)) as admin:
        admin.execute("update reporting.closes set requested_by = 'approver' where grain = 'month'")
    with person(browser, desk.stack, "approver", "/closebook/releases/2026-09") as page:
        # The first one asked for the run
        expect(page.get_by_text("it takes a second person")).to_be_visible()
        expect(page.get_by_role("button", name=re.compile("^Release"))).to_be_disabled()
        with psycopg.connect(desk.stack.store_admin(desk.database)) as admin:
            admin.execute("update reporting.closes set requested_by = 'ada' where grain = 'month'")
        # The second one did not
        page.reload()
        page.get_by_label("Reason").fill("all ties out")
        page.get_by_role("button", name=re.compile("^Release 3 documents")).click()
        expect(page.get_by_text("This month is released.")).to_be_visible()
    with person(browser, desk.stack, "finance", "/closebook/statements?month=2026-09") as page:
        expect(page.get_by_role("link", name="ACC-1")).to_be_visible()


def test_airflows_navigation_has_the_desk_in_its_page_and_in_a_tab(
    browser: Browser, desk: Desk
) -> None:
    with person(browser, desk.stack, "finance", "/") as page:
        page.get_by_role("link", name="Closebook").click()
        frame = page.frame_locator("iframe")
        frame.get_by_role("link", name=re.compile("^Statements.*Find")).click()
        frame.get_by_role("link", name="ACC-1").first.click()
        # Its frame is a sandbox, in which no PDF is shown: the page says so
        expect(frame.get_by_text("a browser shows no PDF")).to_be_visible()
        with page.expect_download() as downloading:
            frame.get_by_role("link", name=re.compile("^PDF")).click()
        assert downloading.value.suggested_filename == f"statement-2026-10-{ADA}-v1.pdf"
        page.get_by_role("button", name="Browse").click()
        with page.context.expect_page() as opening:
            page.get_by_role("menuitem", name="Closebook in a tab").click()
        expect(opening.value.get_by_role("heading", level=1)).to_have_text("The desk")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
@pytest.mark.parametrize(
    ("user", "path"),
    [
        ("finance", "/"),
        ("finance", "/statements"),
        ("finance", "/statements?month=2026-10"),
        ("finance", "{statement}"),
        ("approver", "/releases"),
        ("approver", "/releases/2026-10"),
        ("operator", "/requests"),
        ("viewer", "/statements"),
    ],
)
def test_axe_finds_nothing_that_bars_people(
    browser: Browser, desk: Desk, user: str, path: str, width: int, scheme: str
) -> None:
    found_at = path.replace("{statement}", desk.path("october", ADA))
    # A browser session that is logged in already: Airflow counts log-ins.
    context = browser.new_context(
        viewport={"width": width, "height": 800},
        color_scheme="dark" if scheme == "dark" else "light",
        # The page's own policy lets no script of ours in.
        bypass_csp=True,
    )
    token = desk.of(user).cookies["_token"]
    context.add_cookies([{"name": "_token", "value": token, "url": desk.stack.ui_url}])
    page = context.new_page()
    page.goto(f"{desk.url}{found_at}")
    assert page.locator("html").get_attribute("lang") == "en"
    page.evaluate(AXE.read_text())
    # The frame shows the browser's own viewer.
    result = page.evaluate("axe.run({exclude: [['iframe']]})")
    context.close()
    serious = [
        (each["id"], [node["html"] for node in each["nodes"]])
        for each in result["violations"]
        if each["impact"] in {"serious", "critical"}
    ]
    assert serious == []
    assert len(result["passes"]) > 10


def test_a_page_asks_no_other_server_and_breaks_none_of_its_own_rules(
    browser: Browser, desk: Desk
) -> None:
    asked, said = set(), []
    with person(browser, desk.stack, "finance", "/closebook/statements") as page:
        page.on("request", lambda request: asked.add(urlsplit(request.url).netloc))
        page.on("console", lambda message: said.append(message.text))
        page.goto(f"{desk.url}/statements?month=2026-10")
    assert asked == {urlsplit(desk.stack.ui_url).netloc}
    assert said == []


# ---- Airflow's own forms ---------------------------------------------------------------


@pytest.fixture
def airflow(airflow_stack: Stack) -> Iterator[AirflowApi]:
    password = airflow_stack.credentials["admin"]
    with AirflowApi.login(airflow_stack.ui_url, "admin", password) as api:
        api.wait_for_dags(DAGS, seconds=60)
        yield api


def test_a_backfill_from_airflows_form_closes_its_three_days(
    browser: Browser, airflow_stack: Stack, airflow: AirflowApi
) -> None:
    with person(browser, airflow_stack, "admin", "/dags/daily_rollups") as page:
        page.get_by_test_id("trigger-dag-button").click()
        page.get_by_text("Backfill", exact=True).first.click()
        for number, day in enumerate((THREE_DAYS[0], THREE_DAYS[-1])):
            page.get_by_test_id("datetime-input").nth(number).click()
            page.get_by_placeholder("YYYY/MM/DD").locator("visible=true").fill(
                f"{day.start:%Y/%m/%d}"
            )
            page.get_by_placeholder("HH:mm").locator("visible=true").fill(f"{day.start:%H:%M}")
            page.keyboard.press("Enter")
            shown = f"{day.start:%b %d, %Y %H:%M}"
            expect(page.get_by_test_id("datetime-input").nth(number)).to_have_text(shown)
            page.keyboard.press("Escape")
            expect(page.get_by_placeholder("YYYY/MM/DD").locator("visible=true")).to_have_count(0)
        page.get_by_text("All Runs", exact=True).click()
        page.locator("#element_reason").fill("ticket 4711")
        with page.expect_response(re.compile(r"/api/v2/backfills$")) as started:
            page.get_by_role("button", name="Run Backfill").click()
        assert started.value.ok
    airflow.unpause("daily_rollups")
    wait_for_runs(airflow, "daily_rollups", THREE_DAYS[0].start, THREE_DAYS[-1].start, 3)
    with psycopg.connect(airflow_stack.store()) as store:
        closed = store.execute(
            "select period_start from reporting.closes where grain = 'day' and is_current"
            " and period_start >= %s and period_start < %s order by period_start",
            [THREE_DAYS[0].start, THREE_DAYS[-1].end],
        ).fetchall()
    assert [row[0] for row in closed] == [day.start for day in THREE_DAYS]


def test_a_month_is_issued_again_from_airflows_form(
    browser: Browser, airflow_stack: Stack, airflow: AirflowApi
) -> None:
    airflow.unpause("monthly_statements")
    with person(browser, airflow_stack, "admin", "/dags/monthly_statements") as page:
        page.get_by_test_id("trigger-dag-button").click()
        page.locator("#element_month").fill("2025-03")
        page.locator("#element_reason").fill("finance asked: request 1")
        with page.expect_response(re.compile(r"/monthly_statements/dagRuns$")) as started:
            page.get_by_test_id("trigger-dag-submit").click()
        run_id = started.value.json()["dag_run_id"]
    assert wait_for_end(airflow, "monthly_statements", run_id) == "success"
    with psycopg.connect(airflow_stack.store()) as store:
        rows = store.execute(
            "select reason, requested_by from reporting.closes where grain = 'month'"
            " and run_id = %s",
            [run_id],
        ).fetchall()
    assert rows == [("finance asked: request 1", "admin")]
