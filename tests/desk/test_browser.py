"""The desk in a real browser, as people use it."""

import re
import zipfile
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, FrameLocator, Locator, Page, expect

from closebook.desk import permissions
from tests.desk.conftest import ADA, MARY, Desk, digest, filled, moved_away
from tests.desk.desk_browser import bars_people, page_of, person


def test_finance_finds_a_statement_and_its_pdf_is_the_registered_one(
    browser: Browser, desk: Desk, tmp_path: Path
) -> None:
    with person(browser, desk.stack, "finance", "/closebook/statements") as page:
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


def test_a_zip_that_breaks_off_is_a_failed_download_and_no_file(
    browser: Browser, desk: Desk
) -> None:
    [row] = desk.rows(
        "select object_name from reporting.statement_documents"
        " where close_id = %s and account_id = %s",
        desk.closes["october"],
        MARY,
    )
    with person(browser, desk.stack, "finance", "/closebook/statements?month=2026-10") as page:
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
    with person(browser, desk.stack, user, "/closebook/") as page:
        links = page.get_by_role("navigation", name="Closebook").get_by_role("link")
        assert links.all_inner_texts() == titles


def test_a_page_that_is_refused_says_so_and_leads_back(browser: Browser, desk: Desk) -> None:
    with person(browser, desk.stack, "viewer", "/closebook/statements") as page:
        expect(page.get_by_role("heading", level=1)).to_have_text("Forbidden")
        page.get_by_role("link", name="Back to the desk").click()
        expect(page.get_by_role("heading", level=1)).to_have_text("The desk")


def test_airflows_navigation_has_the_desk_in_its_page_and_in_a_tab(
    browser: Browser, desk: Desk
) -> None:
    with person(browser, desk.stack, "finance", "/") as page:
        page.get_by_role("link", name="Closebook").click()
        frame = page.frame_locator("iframe")
        expect(frame.get_by_role("heading", level=1)).to_have_text("The desk")
        page.get_by_role("button", name="Browse").click()
        with page.context.expect_page() as opening:
            page.get_by_role("menuitem", name="Closebook in a tab").click()
        expect(opening.value.get_by_role("heading", level=1)).to_have_text("The desk")


def test_airflows_frame_shows_the_pages_as_pictures(browser: Browser, desk: Desk) -> None:
    """Its sandbox shows no PDF. This statement has three pages."""
    at = f"/plugin/closebook/closebook{desk.path('october', MARY)}"
    with person(browser, desk.stack, "finance", at) as page:
        looked = len(desk.log("looked"))
        page.reload()
        frame = page.frame_locator("iframe")
        expect(frame.get_by_title("The statement as a PDF")).to_have_count(0)
        inner = frame.frame_locator('iframe[title="The statement\'s pages as pictures"]')
        expect(inner.get_by_role("heading", level=1)).to_have_text("Page 1 of 3")
        expect(inner.get_by_role("link")).to_have_text(["Next"])
        assert is_drawn(inner)
        # By keyboard, as the next page's text is read
        inner.get_by_role("link", name="Next").press("Enter")
        expect(inner.get_by_role("heading", level=1)).to_have_text("Page 2 of 3")
        assert is_drawn(inner)
        expect(inner.get_by_role("link")).to_have_text(["Previous", "Next"])
        inner.get_by_text("The text of this page").press("Enter")
        expect(inner.get_by_role("region", name="The text of page 2")).to_contain_text("An entry")
        with page.expect_download() as downloading:
            frame.get_by_role("link", name=re.compile("^PDF")).click()
        assert downloading.value.suggested_filename == f"statement-2026-10-{MARY}-v1.pdf"
        kinds = [row["subject"].split(" of ")[0] for row in desk.log("looked")[looked:]]
        # Each look is on record, and no preview that nobody saw
        assert kinds[0].startswith("statement ")
        assert kinds[1:] == ["page 1", "picture", "page 2", "picture"]
        with page.context.expect_page() as opening:
            frame.get_by_role("link", name="this statement's own page").click(modifiers=["Control"])
        assert shows_pdf(opening.value)
        expect(opening.value.get_by_text("No PDF can be shown here")).to_have_count(0)


def test_a_browser_that_shows_no_pdf_gets_the_pictures_too(browser: Browser, desk: Desk) -> None:
    """As those of many phones."""
    page = page_of(browser, desk, "finance", viewport={"width": 390, "height": 800})
    page.add_init_script("Object.defineProperty(navigator, 'pdfViewerEnabled', {get: () => false})")
    page.goto(f"{desk.url}{desk.path('october', ADA)}")
    inner = page.frame_locator("iframe")
    expect(inner.get_by_role("heading", level=1)).to_have_text("Page 1 of 1")
    assert is_drawn(inner)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    page.context.close()


def is_drawn(pages: FrameLocator) -> bool:
    """Whether the picture of a page has come, and stands there in the shape of paper."""
    picture = pages.get_by_role("img", name=re.compile("^Page .* of the statement"))
    width, height = picture.evaluate(
        "async image => { await image.decode(); return [image.naturalWidth, image.naturalHeight] }"
    )
    return bool(width > 1000 and abs(width / height - 210 / 297) < 0.01)


def shows_pdf(page: Page) -> bool:
    """Whether Chromium's own viewer comes to stand in the page."""
    for _ in range(100):
        if any(urlsplit(frame.url).scheme == "chrome-extension" for frame in page.frames):
            return True
        page.wait_for_timeout(100)
    return False


def test_a_statement_is_found_and_opened_by_keyboard_alone(browser: Browser, desk: Desk) -> None:
    page = page_of(browser, desk, "finance", locale="en-US")
    page.goto(f"{desk.url}/statements")
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()
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
    """Press Tab until it has the focus, and see that a person sees that."""
    for _ in range(40):
        page.keyboard.press("Tab")
        if wanted.evaluate("element => element === document.activeElement"):
            assert wanted.evaluate("element => getComputedStyle(element).outlineStyle") == "solid"
            return
    raise AssertionError(f"no Tab leads to {wanted}")


# Who looks at which page; those of an operator that show numbers are in test_watching.py.
LOOKS = [
    ("finance", "/"),
    ("finance", "/statements"),
    ("finance", "/statements?month=2026-10"),
    ("finance", "/statements/{close_id}/{account_id}"),
    ("finance", "/statements/{close_id}/{account_id}/pages/{number}"),
    ("approver", "/releases"),
    ("approver", "/releases/{month}"),
    ("operator", "/requests"),
    ("viewer", "/statements"),
]
ALSO_LOOKED_AT = {"/volume", "/health"}
NO_PAGES = {
    "/assets/{digest}/{name}",
    "/statements/months/{month}/zip",
    "/statements/{close_id}/{account_id}/preview",
    "/statements/{close_id}/{account_id}/pages/{number}/picture",
    "/statements/{close_id}/{account_id}/pdf",
    "/statements/{close_id}/{account_id}/camt.053",
    "/statements/{close_id}/{account_id}/csv",
    "/volume/counter",
    "/metrics",
}


def test_no_page_is_left_out_of_those_that_axe_looks_at() -> None:
    looked_at = {path.partition("?")[0] for _, path in LOOKS} | ALSO_LOOKED_AT
    assert looked_at.isdisjoint(NO_PAGES)
    assert looked_at | NO_PAGES == {path for method, path in permissions.ROUTES if method == "GET"}


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
@pytest.mark.parametrize(("user", "path"), LOOKS)
def test_axe_finds_nothing_that_bars_people(
    browser: Browser, desk: Desk, user: str, path: str, width: int, scheme: str
) -> None:
    page = page_of(
        browser,
        desk,
        user,
        viewport={"width": width, "height": 800},
        color_scheme=scheme,
        # The page's own policy lets no script of ours in.
        bypass_csp=True,
    )
    page.goto(f"{desk.url}{filled(path, desk, month='2026-10')}")
    assert page.locator("html").get_attribute("lang") == "en"
    page.evaluate("document.querySelectorAll('details').forEach(each => each.open = true)")
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    serious = bars_people(page)
    page.context.close()
    assert serious == []


@pytest.mark.parametrize(("user", "path"), LOOKS)
def test_a_page_asks_no_other_server_and_breaks_none_of_its_own_rules(
    browser: Browser, desk: Desk, user: str, path: str
) -> None:
    asked: set[str] = set()
    said: list[str] = []
    page = page_of(browser, desk, user)
    page.on("request", lambda request: asked.add(request.url))
    page.on("console", lambda message: said.append(message.text))
    page.goto(f"{desk.url}{filled(path, desk, month='2026-10')}", wait_until="networkidle")
    page.context.close()
    # The browser's viewer of PDFs brings its own, from chrome:// and chrome-extension://
    servers = {urlsplit(url).netloc for url in asked if not url.startswith("chrome")}
    assert servers == {urlsplit(desk.stack.ui_url).netloc}
    # That the viewer may not open the page is what the browser says, not a rule of the page
    assert [text for text in said if "403 (Forbidden)" not in text or user != "viewer"] == []
