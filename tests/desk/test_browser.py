"""The desk in a real browser."""

import re
import zipfile
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, FrameLocator, Locator, Page, expect

from closebook.desk import permissions
from tests.desk.browser_pages import logged_in_page, serious_violations, session_page
from tests.desk.conftest import ADA, CURRENCY_OF, MARY, Desk, digest, filled, moved_away


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
                f"statement-2026-10-{account_id}-{CURRENCY_OF[account_id]}-v1.{suffix}"
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
    with logged_in_page(browser, desk.stack, user, "/closebook/") as page:
        links = page.get_by_role("navigation", name="Closebook").get_by_role("link")
        assert links.all_inner_texts() == titles


def test_a_refused_page_leads_back_to_the_first_page(browser: Browser, desk: Desk) -> None:
    with logged_in_page(browser, desk.stack, "viewer", "/closebook/statements") as page:
        expect(page.get_by_role("heading", level=1)).to_have_text("Forbidden")
        page.get_by_role("link", name="Back to Closebook").click()
        expect(page.get_by_role("heading", level=1)).to_have_text("Closebook")


def test_airflows_navigation_opens_the_desk_in_a_frame_and_in_a_tab(
    browser: Browser, desk: Desk
) -> None:
    with logged_in_page(browser, desk.stack, "finance", "/") as page:
        page.get_by_role("link", name="Closebook").click()
        frame = page.frame_locator("iframe")
        expect(frame.get_by_role("heading", level=1)).to_have_text("Closebook")
        page.get_by_role("button", name="Browse").click()
        with page.context.expect_page() as opening:
            page.get_by_role("menuitem", name="Closebook in a tab").click()
        expect(opening.value.get_by_role("heading", level=1)).to_have_text("Closebook")


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
    expect(page.get_by_text("All 1 statement")).to_be_visible()
    tab_to(page, page.get_by_role("checkbox"))
    page.keyboard.press("Space")
    expect(page.get_by_role("checkbox")).to_be_checked()
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


# A user and a page. The pages Volume and Health are tested in test_monitoring_pages.py.
PAGES = [
    ("finance", "/"),
    ("finance", "/statements"),
    ("finance", "/statements?month=2026-10"),
    ("finance", "/statements/{close_id}/{account}/{currency}"),
    ("finance", "/statements/{close_id}/{account}/{currency}/pages/{number}"),
    ("approver", "/releases"),
    ("approver", "/releases/{month}"),
    ("operator", "/requests"),
    ("viewer", "/statements"),
]
OTHER_TESTED_PAGES = {"/volume", "/health"}
ROUTES_WITHOUT_A_PAGE = {
    "/assets/{digest}/{name}",
    "/statements/months/{month}/zip",
    "/statements/zip",
    "/statements/{close_id}/{account}/{currency}/preview",
    "/statements/{close_id}/{account}/{currency}/pages/{number}/picture",
    "/statements/{close_id}/{account}/{currency}/pdf",
    "/statements/{close_id}/{account}/{currency}/camt.053",
    "/statements/{close_id}/{account}/{currency}/csv",
    "/statements/{close_id}/{account}/{currency}/proof",
    "/volume/counter",
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
    serious = serious_violations(page)
    page.context.close()
    assert serious == []


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
