"""A person's browser at the desk, and what axe finds on a page."""

from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

from playwright.sync_api import Browser, Page

from local import REPOSITORY
from local.stack import Stack
from tests.desk.conftest import Desk

_AXE = REPOSITORY / ".local" / "axe" / "node_modules" / "axe-core" / "axe.min.js"
_PATIENCE_MS = 60_000


@contextmanager
def person(
    browser: Browser, stack: Stack, user: str, path: str, **options: object
) -> Iterator[Page]:
    """A browser of a person's own, who asked for a page and was led to the log-in first."""
    context = browser.new_context(locale="en-US", **options)  # type: ignore[arg-type]
    page = context.new_page()
    page.set_default_timeout(_PATIENCE_MS)
    page.goto(f"{stack.ui_url}{path}")
    page.fill("#username", user)
    page.fill("#password", stack.credentials[user])
    page.press("#password", "Enter")
    page.wait_for_url(lambda url: urlsplit(url).path == urlsplit(path).path)
    yield page
    context.close()


def page_of(browser: Browser, desk: Desk, user: str, **options: object) -> Page:
    """A page of a person who is logged in already: Airflow counts log-ins."""
    context = browser.new_context(base_url=desk.stack.ui_url, **options)  # type: ignore[arg-type]
    token = desk.of(user).cookies["_token"]
    context.add_cookies([{"name": "_token", "value": token, "url": desk.stack.ui_url}])
    return context.new_page()


def bars_people(page: Page) -> list[tuple[str, list[str]]]:
    """The rules of axe that the page breaks so that people are kept out, and the elements.

    The frame of a preview is left out: it shows the browser's own viewer.
    """
    page.evaluate(_AXE.read_text())
    result = page.evaluate("axe.run({exclude: [['iframe']]})")
    assert len(result["passes"]) > 10
    return [
        (each["id"], [node["html"] for node in each["nodes"]])
        for each in result["violations"]
        if each["impact"] in {"serious", "critical"}
    ]
