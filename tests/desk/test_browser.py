"""The desk in a real browser."""

import re
import zipfile
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, FrameLocator, Locator, Page, expect

from closebook.desk import permissions
from tests.desk.browser_pages import (
    clipped_elements,
    clipped_in_fields,
    logged_in_page,
    serious_violations,
    session_page,
)
from tests.desk.conftest import ADA, MARY, Desk, digest, filled, moved_away, zip_stem


def test_finance_finds_a_statement_and_its_pdf_is_the_registered_one(
    browser: Browser, desk: Desk, tmp_path: Path
) -> None:
    with logged_in_page(browser, desk.stack, "finance", "/closebook/statements") as page:
        page.get_by_label("Holder").fill("plantedname")
        page.get_by_label("Month").select_option("2026-10")
        page.get_by_role("button", name="Search").click()
        page.get_by_role("link", name="ACC-1").click()
        expect(page.get_by_role("heading", level=1)).to_contain_text("ACC-1")
        expect(page.get_by_title("The statement as a PDF")).to_be_in_viewport()
        assert shows_pdf(page)
        with page.expect_download() as downloading:
            page.get_by_role("link", name=re.compile("^PDF")).click()
        downloading.value.save_as(tmp_path / "statement.pdf")
    [row] = desk.rows(
        "select sha256 from reporting.statement_documents where close_id = %s and account_id = %s",
        desk.closes["october"],
        ADA,
    )
    assert digest((tmp_path / "statement.pdf").read_bytes()) == row["sha256"]


def test_selected_statements_are_downloaded_as_a_zip(
    browser: Browser, desk: Desk, tmp_path: Path
) -> None:
    with logged_in_page(browser, desk.stack, "finance", "/closebook/statements") as page:
        page.get_by_role("checkbox", name=re.compile("ACC-1,")).check()
        page.get_by_role("checkbox", name=re.compile("ACC-3,")).check()
        with page.expect_download() as downloading:
            page.get_by_role("button", name="Download selected as ZIP").click()
        downloading.value.save_as(tmp_path / "some.zip")
    with zipfile.ZipFile(tmp_path / "some.zip") as packed:
        assert packed.testzip() is None
        assert packed.namelist() == [
            *(
                f"{zip_stem(account_id)}.{suffix}"
                for account_id in (ADA, MARY)
                for suffix in ("pdf", "proof.json")
            ),
            *("index.csv", "index.json"),
        ]


def test_a_zip_that_is_cut_off_is_a_failed_download(browser: Browser, desk: Desk) -> None:
    [row] = desk.rows(
        "select object_name from reporting.statement_documents"
        " where close_id = %s and account_id = %s",
        desk.closes["october"],
        MARY,
    )
    with logged_in_page(
        browser, desk.stack, "finance", "/closebook/statements?month=2026-10"
    ) as page:
        expect(page.get_by_text(re.compile(r"3 documents, \d+ kB, as one ZIP"))).to_be_visible()
        with (
            moved_away(desk.stack.root / "documents" / row["object_name"]),
            page.expect_download() as downloading,
        ):
            page.get_by_role("link", name="Download all of 2026-10").click()
            assert downloading.value.failure() is not None


@pytest.mark.parametrize(
    ("user", "titles"),
    [
        ("finance", ["Statements", "Volume", "Report"]),
        ("approver", ["Statements", "Release", "Volume", "Report"]),
        ("operator", ["Requests", "Volume", "Report", "Health"]),
        ("auditor", ["Proof"]),
        ("admin", ["Requests", "Volume", "Report", "Proof", "Health"]),
        ("viewer", []),
    ],
)
def test_each_role_is_shown_the_pages_that_it_may_open(
    browser: Browser, desk: Desk, user: str, titles: list[str]
) -> None:
    with logged_in_page(browser, desk.stack, user, "/closebook/") as page:
        links = page.get_by_role("navigation", name="Closebook").get_by_role("link")
        # What waits for the user follows in the same link
        assert [text.split()[0] for text in links.all_inner_texts()] == titles


def test_a_refused_page_leads_back_to_the_first_page(browser: Browser, desk: Desk) -> None:
    with logged_in_page(browser, desk.stack, "viewer", "/closebook/statements") as page:
        expect(page.get_by_role("heading", level=1)).to_have_text("Forbidden")
        page.get_by_role("link", name="Back to Closebook").click()
        expect(page.get_by_role("heading", level=1)).to_have_text("Closebook")


def test_airflows_navigation_opens_the_desk_in_a_frame_and_in_a_tab(
    browser: Browser, desk: Desk
) -> None:
    with logged_in_page(browser, desk.stack, "finance", "/") as page:
        page.get_by_role("link", name="Closebook", exact=True).click()
        frame = page.frame_locator("iframe")
        expect(frame.get_by_role("heading", level=1)).to_have_text("Closebook")
        page.get_by_role("button", name="Browse").click()
        with page.context.expect_page() as opening:
            page.get_by_role("menuitem", name="Closebook in a tab").click()
        expect(opening.value.get_by_role("heading", level=1)).to_have_text("Closebook")


FRAME = "/plugin/closebook"


def log_in_again(page: Page, desk: Desk, user: str) -> None:
    page.fill("#username", user)
    page.fill("#password", desk.stack.credentials[user])
    page.press("#password", "Enter")


@pytest.mark.parametrize("in_frame", [False, True])
@pytest.mark.parametrize(
    ("user", "path", "field", "button"),
    [
        (
            "finance",
            "/statements/{close_id}/{account}/{currency}",
            "What is wrong with it?",
            "Request a re-issue",
        ),
        ("approver", "/releases/{month}", "Reason", "Reject"),
        ("finance", "/statements", "Holder", "Search"),
    ],
)
def test_what_was_typed_is_there_again_after_a_log_in_that_ended(
    browser: Browser, desk: Desk, user: str, path: str, field: str, button: str, *, in_frame: bool
) -> None:
    at = f"/closebook{filled(path, desk)}"
    logs = len(desk.audit_log("rejected")) + len(desk.audit_log("requested re-issue"))
    with logged_in_page(browser, desk.stack, user, FRAME + at if in_frame else at) as page:
        shown = page.frame_locator("iframe") if in_frame else page
        shown.get_by_label(field, exact=True).fill("a long text <b>")
        page.context.clear_cookies()
        shown.get_by_role("button", name=button, exact=True).click()
        expect(shown.get_by_role("heading", level=1)).to_have_text("Unauthorized")
        shown.get_by_role("link", name="Log in and send it again").click()
        log_in_again(page, desk, user)
        expect(shown.get_by_label(field, exact=True)).to_have_value("a long text <b>")
        expect(shown.get_by_role("status").filter(has_text="was not sent")).to_be_visible()
        # Once, and not after the next load
        shown.get_by_label(field, exact=True).fill("")
        page.reload()
        expect(shown.get_by_label(field, exact=True)).to_have_value("")
    assert logs == len(desk.audit_log("rejected")) + len(desk.audit_log("requested re-issue"))


def test_another_person_does_not_get_what_was_typed(browser: Browser, desk: Desk) -> None:
    at = f"/closebook{desk.path('october', ADA)}"
    with logged_in_page(browser, desk.stack, "finance", at) as page:
        page.get_by_label("What is wrong with it?").fill("of the first person")
        page.context.clear_cookies()
        page.get_by_role("button", name="Request a re-issue").click()
        page.get_by_role("link", name="Log in and send it again").click()
        log_in_again(page, desk, "approver")
        expect(page.get_by_role("heading", level=1)).to_contain_text("ACC-1")
        assert "of the first person" not in page.content()
        assert "of the first person" in page.evaluate("sessionStorage['closebook refused']")


def test_a_zip_of_no_selected_statement_keeps_the_search_and_says_what_to_do(
    browser: Browser, desk: Desk
) -> None:
    page = session_page(browser, desk, "finance")
    page.goto(f"{desk.url}/statements?month=2026-10&currency=USD")
    page.get_by_role("button", name="Download selected as ZIP").click()
    expect(page.get_by_role("alert")).to_contain_text("Tick the statements")
    expect(page.get_by_label("Month")).to_have_value("2026-10")
    expect(page.get_by_label("Currency")).to_have_value("USD")
    expect(page.get_by_role("checkbox", name=re.compile("^Select "))).to_have_count(2)
    page.context.close()


@pytest.mark.usefixtures("ten_thousand")
def test_statements_are_selected_on_several_pages_for_one_zip(
    browser: Browser, desk: Desk, tmp_path: Path
) -> None:
    page = session_page(browser, desk, "finance")
    page.goto(f"{desk.url}/statements?month=2024-03")
    page.get_by_role("checkbox", name=re.compile("OLD-7,")).check()
    page.get_by_role("link", name="Next page").click()
    page.get_by_role("checkbox", name=re.compile("OLD-60,")).check()
    expect(page.get_by_text("2 selected, 1 of them on other pages.")).to_be_visible()
    page.reload()
    expect(page.get_by_role("checkbox", name=re.compile("OLD-60,"))).to_be_checked()
    with page.expect_download() as downloading:
        page.get_by_role("button", name="Download selected as ZIP").click()
    downloading.value.save_as(tmp_path / "some.zip")
    with zipfile.ZipFile(tmp_path / "some.zip") as packed:
        assert packed.namelist() == [
            *(
                f"statement-2024-03-OLD-{n}_{n}-USD-v1.{form}"
                for n in (7, 60)
                for form in ("pdf", "proof.json")
            ),
            *("index.csv", "index.json"),
        ]
    page.get_by_role("button", name="Select none").click()
    expect(page.get_by_text("2 selected")).to_have_count(0)
    page.get_by_role("link", name="Previous page").click()
    expect(page.get_by_role("checkbox", name=re.compile("OLD-7,"))).not_to_be_checked()
    page.context.close()


@pytest.mark.usefixtures("ten_thousand")
@pytest.mark.parametrize("width", [1280, 390])
def test_what_is_selected_stays_selected_in_another_order_and_on_other_pages(
    browser: Browser, desk: Desk, tmp_path: Path, width: int
) -> None:
    page = session_page(browser, desk, "finance", viewport={"width": width, "height": 800})
    page.goto(f"{desk.url}/statements")
    page.get_by_label("Account number").fill("OLD-77")
    page.get_by_role("button", name="Search").click()
    expect(page.get_by_text("111 statements found")).to_be_visible()
    page.locator("thead").get_by_role("link", name="Account").click()
    expect(page.get_by_role("columnheader", name="Account")).to_have_attribute(
        "aria-sort", "ascending"
    )
    page.get_by_role("checkbox", name=re.compile("OLD-77,")).check()
    page.get_by_role("link", name="Next page").click()
    page.locator("thead").get_by_role("link", name="Account").click()
    # Now the last page has what was the first row, and the first page what was the last one.
    page.get_by_role("checkbox", name=re.compile("OLD-7799,")).check()
    expect(page.get_by_text("2 selected, 1 of them on other pages.")).to_be_visible()
    page.get_by_role("link", name="Next page").click()
    page.get_by_role("link", name="Next page").click()
    expect(page.get_by_text("Page 3 of 3")).to_be_visible()
    expect(page.get_by_role("checkbox", name=re.compile("OLD-77,"))).to_be_checked()
    with page.expect_download() as downloading:
        page.get_by_role("button", name="Download selected as ZIP").click()
    downloading.value.save_as(tmp_path / "some.zip")
    with zipfile.ZipFile(tmp_path / "some.zip") as packed:
        pdfs = [name for name in packed.namelist() if name.endswith(".pdf")]
    assert pdfs == [f"statement-2024-03-OLD-{n}_{n}-USD-v1.pdf" for n in (77, 7799)]
    page.get_by_role("button", name="Select none").click()
    page.get_by_role("button", name="Download selected as ZIP").click()
    expect(page.get_by_role("alert")).to_contain_text("Tick the statements")
    # The order and the page are kept, as the search is.
    expect(page.get_by_text("Page 3 of 3")).to_be_visible()
    expect(page.get_by_label("Account number")).to_have_value("OLD-77")
    page.context.close()


def test_the_link_above_a_statement_leads_back_to_the_search(browser: Browser, desk: Desk) -> None:
    page = session_page(browser, desk, "finance")
    page.goto(f"{desk.url}/statements")
    page.get_by_label("Holder").fill("plantedname")
    page.get_by_role("button", name="Search").click()
    page.get_by_role("link", name="ACC-1").first.click()
    page.get_by_role("main").get_by_role("link", name="Statements").click()
    expect(page.get_by_label("Holder")).to_have_value("plantedname")
    page.context.close()


def test_a_filter_and_a_badge_name_a_state_by_the_same_words(browser: Browser, desk: Desk) -> None:
    page = session_page(browser, desk, "approver")
    page.goto(f"{desk.url}/statements")
    options = page.get_by_label("State").locator("option").all_inner_texts()
    badges = set(page.locator("td .badge").all_inner_texts())
    assert badges == {"released", "not released"}
    assert badges < set(options)
    page.context.close()


@pytest.mark.parametrize(("chosen", "system"), [("dark", "light"), ("light", "dark")])
def test_the_colours_are_those_that_airflow_is_set_to(
    browser: Browser, desk: Desk, chosen: str, system: str
) -> None:
    page = session_page(browser, desk, "finance", color_scheme=system)
    page.add_init_script(f"localStorage.setItem('theme', '{chosen}')")
    page.goto(f"{desk.url}/statements")
    assert is_dark(page.locator("body")) == (chosen == "dark")
    page.goto(f"{desk.stack.ui_url}{FRAME}/closebook/statements")
    body = page.frame_locator("iframe").locator("body")
    body.get_by_role("heading", level=1).wait_for()
    assert is_dark(body) == (chosen == "dark")
    # At once, when Airflow's switch is pressed
    page.evaluate(
        "([old, now]) => document.documentElement.classList.replace(old, now)", [chosen, system]
    )
    expect(body).to_have_css("background-color", DARK if system == "dark" else LIGHT)
    page.context.close()


def test_without_a_setting_of_airflow_the_colours_are_those_of_the_system(
    browser: Browser, desk: Desk
) -> None:
    page = session_page(browser, desk, "finance", color_scheme="dark")
    page.goto(f"{desk.url}/statements")
    assert is_dark(page.locator("body"))
    page.context.close()


DARK, LIGHT = "rgb(18, 24, 30)", "rgb(245, 244, 240)"


def is_dark(body: Locator) -> bool:
    colour = body.evaluate("element => getComputedStyle(element).backgroundColor")
    assert colour in {DARK, LIGHT}
    return bool(colour == DARK)


@pytest.mark.parametrize("at", ["/closebook/", f"{FRAME}/closebook/"])
def test_the_desk_has_a_log_out_and_a_way_back_to_airflow(
    browser: Browser, desk: Desk, at: str
) -> None:
    in_frame = at.startswith(FRAME)
    with logged_in_page(browser, desk.stack, "finance", at) as page:
        shown = page.frame_locator("iframe") if in_frame else page
        if in_frame:  # Airflow's navigation is beside the frame
            expect(shown.get_by_role("link", name="Log out")).to_be_visible()
            expect(shown.get_by_role("link", name="Airflow", exact=True)).to_have_count(0)
        else:
            back = shown.get_by_role("link", name="Airflow", exact=True)
            expect(back).to_have_attribute("href", "/")
        shown.get_by_role("link", name="Log out").click()
        page.wait_for_url(re.compile("/auth/login"))
        page.goto(f"{desk.stack.ui_url}/closebook/")
        assert urlsplit(page.url).path.startswith("/auth/login")


@pytest.mark.parametrize("in_frame", [False, True])
@pytest.mark.parametrize(
    ("user", "path", "link", "leads_to"),
    [
        ("approver", "/releases", "manual", "/dag_runs"),
        ("approver", "/releases/{month}", "manual", "/dag_runs"),
        ("finance", "/statements/{close_id}/{account}/{currency}", "manual", "/dag_runs"),
        ("auditor", "/proof/months/{month}", "manual", "/dag_runs"),
        ("auditor", "/proof/corrections", "manual", "/dag_runs"),
        ("finance", "/report", "daily_rollups", "/dags/daily_rollups"),
        ("operator", "/volume", "daily_rollups", "/dags/daily_rollups"),
        ("operator", "/health", "database_health", "/dags/database_health"),
    ],
)
def test_a_page_leads_to_its_run_in_airflow_and_airflow_back_to_the_desk(
    browser: Browser, desk: Desk, user: str, path: str, link: str, leads_to: str, *, in_frame: bool
) -> None:
    page = session_page(browser, desk, user)
    page.set_default_timeout(20_000)
    page.goto(f"{desk.stack.ui_url}{FRAME if in_frame else ''}/closebook{filled(path, desk)}")
    shown = page.frame_locator("iframe").first if in_frame else page
    shown.get_by_role("link", name=link, exact=True).first.click()
    page.wait_for_url(lambda url: urlsplit(url).path == leads_to)
    if leads_to == "/dag_runs":
        assert urlsplit(page.url).query == "run_id_pattern=manual"
    page.get_by_role("link", name="Closebook", exact=True).click()
    frame = page.frame_locator("iframe").first
    expect(frame.get_by_role("heading", level=1)).to_have_text("Closebook")
    page.context.close()


@pytest.mark.usefixtures("incomplete")
@pytest.mark.parametrize("at", ["/closebook/requests", "/plugin/closebook/closebook/requests"])
def test_the_configuration_is_copied_and_the_runs_form_opened_in_a_tab_and_in_airflows_frame(
    browser: Browser, desk: Desk, at: str
) -> None:
    with logged_in_page(browser, desk.stack, "operator", at) as page:
        shown = page.frame_locator("iframe") if at.startswith("/plugin") else page
        shown.get_by_role("button", name="Copy the configuration for what is missing").click()
        expect(shown.get_by_role("button", name=re.compile("^Copied"))).to_be_visible()
        shown.get_by_role("link", name=re.compile("^Open the run's form in Airflow for")).click()
        page.get_by_test_id("trigger-dag-button").wait_for()
        assert urlsplit(page.url).path == "/dags/monthly_statements"
        page.set_content("<textarea autofocus></textarea>")
        page.locator("textarea").press("Control+V")
        assert page.locator("textarea").input_value() == '{"month": "2026-09"}'


def test_airflows_frame_shows_the_pages_as_pictures(browser: Browser, desk: Desk) -> None:
    """The frame is a sandbox without a PDF viewer. This statement has three pages."""
    at = f"/plugin/closebook/closebook{desk.path('october', MARY)}"
    with logged_in_page(browser, desk.stack, "finance", at) as page:
        looked = len(desk.audit_log("looked"))
        page.reload()
        frame = page.frame_locator("iframe")
        expect(frame.get_by_title("The statement as a PDF")).to_have_count(0)
        inner = frame.frame_locator('iframe[title="The statement\'s pages as pictures"]')
        expect(inner.get_by_role("heading", level=1)).to_have_text("Page 1 of 3")
        expect(inner.get_by_role("link")).to_have_text(["Next"])
        assert is_drawn(inner)
        # With the keyboard
        inner.get_by_role("link", name="Next").press("Enter")
        expect(inner.get_by_role("heading", level=1)).to_have_text("Page 2 of 3")
        assert is_drawn(inner)
        expect(inner.get_by_role("link")).to_have_text(["Previous", "Next"])
        inner.get_by_text("Text of this page").press("Enter")
        expect(inner.get_by_role("region", name="Text of page 2")).to_contain_text("An entry")
        with page.expect_download() as downloading:
            frame.get_by_role("link", name=re.compile("^PDF")).click()
        assert downloading.value.suggested_filename == f"statement-2026-10-{MARY}-JPY-v1.pdf"
        kinds = [row["subject"].split(" of ")[0] for row in desk.audit_log("looked")[looked:]]
        # The audit log has each page that was shown, and not the preview, which was not shown
        assert kinds[0].startswith("statement ")
        assert kinds[1:] == ["page 1", "picture", "page 2", "picture"]
        with page.context.expect_page() as opening:
            frame.get_by_role("link", name="the page of this statement").click(
                modifiers=["Control"]
            )
        assert shows_pdf(opening.value)
        expect(opening.value.get_by_text("Your browser cannot show a PDF here")).to_have_count(0)


def test_a_browser_that_shows_no_pdf_gets_the_pictures_too(browser: Browser, desk: Desk) -> None:
    """The browsers of many phones show no PDF."""
    page = session_page(browser, desk, "finance", viewport={"width": 390, "height": 800})
    page.add_init_script("Object.defineProperty(navigator, 'pdfViewerEnabled', {get: () => false})")
    page.goto(f"{desk.url}{desk.path('october', ADA)}")
    inner = page.frame_locator("iframe")
    expect(inner.get_by_role("heading", level=1)).to_have_text("Page 1 of 1")
    assert is_drawn(inner)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    page.context.close()


def is_drawn(pages: FrameLocator) -> bool:
    """Whether the picture of a page is loaded and has the proportions of A4."""
    picture = pages.get_by_role("img", name=re.compile("^Page .* of the statement"))
    width, height = picture.evaluate(
        "async image => { await image.decode(); return [image.naturalWidth, image.naturalHeight] }"
    )
    return bool(width > 1000 and abs(width / height - 210 / 297) < 0.01)


def shows_pdf(page: Page) -> bool:
    """Whether Chromium's own PDF viewer appears in the page."""
    for _ in range(100):
        if any(urlsplit(frame.url).scheme == "chrome-extension" for frame in page.frames):
            return True
        page.wait_for_timeout(100)
    return False


def test_a_statement_is_found_and_opened_with_the_keyboard_alone(
    browser: Browser, desk: Desk
) -> None:
    page = session_page(browser, desk, "finance", locale="en-US")
    page.goto(f"{desk.url}/statements")
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to main content")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_role("main")).to_be_focused()
    tab_to(page, page.get_by_label("Holder"))
    page.keyboard.type("plantedname")
    page.keyboard.press("Enter")
    expect(page.get_by_text("1 statement found")).to_be_visible()
    statement = page.get_by_role("checkbox", name=re.compile("^Select "))
    tab_to(page, statement)
    page.keyboard.press("Space")
    expect(statement).to_be_checked()
    tab_to(page, page.get_by_role("link", name="ACC-1"))
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_contain_text("ACC-1")
    with page.expect_download() as downloading:
        tab_to(page, page.get_by_role("link", name=re.compile("^PDF")))
        page.keyboard.press("Enter")
    assert downloading.value.failure() is None
    page.context.close()


def tab_to(page: Page, wanted: Locator) -> None:
    """Press Tab until the element has the focus, and check that the focus is visible."""
    for _ in range(40):
        page.keyboard.press("Tab")
        if wanted.evaluate("element => element === document.activeElement"):
            assert wanted.evaluate("element => getComputedStyle(element).outlineStyle") == "solid"
            return
    raise AssertionError(f"the Tab key does not reach {wanted}")


# A user and a page. The pages Volume and Health are tested in test_monitoring_pages.py, and a day
# of the report in test_report_and_proof.py.
PAGES = [
    ("finance", "/"),
    ("finance", "/statements"),
    ("finance", "/statements?month=2026-10"),
    ("finance", "/statements/{close_id}/{account}/{currency}"),
    ("finance", "/statements/{close_id}/{account}/{currency}/pages/{number}"),
    ("approver", "/releases"),
    ("approver", "/releases/{month}"),
    ("operator", "/requests"),
    ("finance", "/report"),
    ("auditor", "/"),
    ("auditor", "/proof"),
    ("auditor", "/proof/months/{month}"),
    ("auditor", "/proof/corrections"),
    ("auditor", "/proof/log"),
    ("viewer", "/statements"),
]
OTHER_TESTED_PAGES = {"/volume", "/health", "/report/days/{day}"}
ROUTES_WITHOUT_A_PAGE = {
    "/runs",
    "/assets/{digest}/{name}",
    "/statements/months/{month}/zip",
    "/statements/zip",
    "/statements/{close_id}/{account}/{currency}/preview",
    "/statements/{close_id}/{account}/{currency}/pages/{number}/picture",
    "/statements/{close_id}/{account}/{currency}/pdf",
    "/statements/{close_id}/{account}/{currency}/camt.053",
    "/statements/{close_id}/{account}/{currency}/csv",
    "/statements/{close_id}/{account}/{currency}/mt940",
    "/statements/{close_id}/{account}/{currency}/ofx",
    "/statements/{close_id}/{account}/{currency}/proof",
    "/volume/counter",
    "/report/files/{form}",
    "/metrics",
}


def test_every_page_is_tested_with_axe() -> None:
    tested = {path.partition("?")[0] for _, path in PAGES} | OTHER_TESTED_PAGES
    assert tested.isdisjoint(ROUTES_WITHOUT_A_PAGE)
    assert tested | ROUTES_WITHOUT_A_PAGE == {
        path for method, path in permissions.ROUTES if method == "GET"
    }


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
@pytest.mark.parametrize(("user", "path"), PAGES)
def test_axe_finds_no_serious_violation(
    browser: Browser, desk: Desk, user: str, path: str, width: int, scheme: str
) -> None:
    page = session_page(
        browser,
        desk,
        user,
        viewport={"width": width, "height": 800},
        color_scheme=scheme,
        # The content security policy of the page would block the script of axe.
        bypass_csp=True,
    )
    page.goto(f"{desk.url}{filled(path, desk, month='2026-10')}")
    assert page.locator("html").get_attribute("lang") == "en"
    page.evaluate("document.querySelectorAll('details').forEach(each => each.open = true)")
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert clipped_in_fields(page) == []
    serious = serious_violations(page)
    page.context.close()
    assert serious == []


@pytest.mark.usefixtures("incomplete")
@pytest.mark.parametrize(("user", "path"), [*PAGES[:-1], ("operator", "/volume")])
def test_on_a_phone_nothing_is_clipped_inside_airflow(
    browser: Browser, desk: Desk, user: str, path: str
) -> None:
    page = session_page(browser, desk, user, viewport={"width": 390, "height": 800})
    month = "2026-09" if path.startswith("/releases") else "2026-10"
    page.goto(f"{desk.stack.ui_url}{FRAME}/closebook{filled(path, desk, month=month)}")
    frame = page.frame_locator("iframe").first
    frame.get_by_role("heading", level=1).wait_for()
    box = page.locator("iframe").first.bounding_box()
    assert box is not None
    assert box["x"] + box["width"] <= 390
    assert clipped_elements(page.frames[1]) == []
    page.context.close()


@pytest.mark.parametrize(("user", "path"), PAGES)
def test_a_page_loads_nothing_from_other_servers_and_logs_no_error(
    browser: Browser, desk: Desk, user: str, path: str
) -> None:
    requested: set[str] = set()
    messages: list[str] = []
    page = session_page(browser, desk, user)
    page.on("request", lambda request: requested.add(request.url))
    page.on("console", lambda message: messages.append(message.text))
    page.goto(f"{desk.url}{filled(path, desk, month='2026-10')}", wait_until="networkidle")
    page.context.close()
    # The PDF viewer loads its own files from chrome:// and chrome-extension://
    servers = {urlsplit(url).netloc for url in requested if not url.startswith("chrome")}
    assert servers == {urlsplit(desk.stack.ui_url).netloc}
    # The browser logs the status 403 of a page that the viewer may not open
    assert [text for text in messages if "403 (Forbidden)" not in text or user != "viewer"] == []
