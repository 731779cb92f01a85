"""Pages of the desk in a real browser, and the accessibility rules that a page violates."""

from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

from playwright.sync_api import Browser, Frame, Page, expect

from local import REPOSITORY
from local.stack import Stack
from tests.desk.conftest import Desk

_AXE = REPOSITORY / ".local" / "npm" / "node_modules" / "axe-core" / "axe.min.js"
_TIMEOUT_MS = 60_000
# The default of 5 s is too short where other tests use the processors too.
expect.set_options(timeout=_TIMEOUT_MS)


@contextmanager
def logged_in_page(
    browser: Browser, stack: Stack, user: str, path: str, **options: object
) -> Iterator[Page]:
    """A page in a new browser context, after the user has logged in with Airflow's form."""
    context = browser.new_context(locale="en-US", **options)  # type: ignore[arg-type]
    page = context.new_page()
    page.set_default_timeout(_TIMEOUT_MS)
    page.goto(f"{stack.ui_url}{path}")
    page.fill("#username", user)
    page.fill("#password", stack.credentials[user])
    page.press("#password", "Enter")
    page.wait_for_url(lambda url: urlsplit(url).path == urlsplit(path).path)
    yield page
    context.close()


def session_page(browser: Browser, desk: Desk, user: str, **options: object) -> Page:
    """A page with the session of a user who is logged in already, since Airflow limits log-ins."""
    context = browser.new_context(base_url=desk.stack.ui_url, **options)  # type: ignore[arg-type]
    token = desk.client(user).cookies["_token"]
    context.add_cookies([{"name": "_token", "value": token, "url": desk.stack.ui_url}])
    page = context.new_page()
    page.set_default_timeout(_TIMEOUT_MS)
    return page


CLIPPED = """
() => [...document.querySelectorAll("header *, main *")].filter((each) => {
  const box = each.getBoundingClientRect();
  const unseen = ".visually-hidden, .skip, .counter-announcement, pre, svg, " +
    ".stacks thead:not(:has(.sort)), .stacks thead th:not(:has(.sort))";
  if (!box.width || each.closest(unseen)) return false;
  if (box.left < -1 || box.right > innerWidth + 1) return true;
  const sheet = each.parentElement.closest(".sheet, .scroll, .notice, .chart");
  if (sheet && box.right > sheet.getBoundingClientRect().right + 1) return true;
  return each.scrollWidth > each.clientWidth + 1 && getComputedStyle(each).overflowX !== "visible";
}).map((each) => each.outerHTML.slice(0, 200))
"""


def clipped_elements(frame: Frame) -> list[str]:
    """The elements of a page that reach beyond it or beyond the sheet that they are on."""
    clipped: list[str] = frame.evaluate(CLIPPED)
    return clipped


# The arrow of a list takes 20 pixels. A category of the platform may be as long as it likes.
CLIPPED_IN_FIELDS = """
() => [
  ...[...document.querySelectorAll("input[placeholder]")].map(
    (each) => [each, each.placeholder, 0]),
  ...[...document.querySelectorAll("select:not(#category, #funding) option")].map(
    (each) => [each.closest("select"), each.textContent.trim(), 20]),
].filter(([each, shown, arrow]) => {
  const style = getComputedStyle(each);
  const text = Object.assign(document.createElement("span"), {textContent: shown});
  Object.assign(text.style, {font: style.font, position: "absolute", whiteSpace: "pre"});
  document.body.append(text);
  const needed = text.getBoundingClientRect().width;
  text.remove();
  const room = each.clientWidth - parseFloat(style.paddingLeft) - parseFloat(style.paddingRight);
  return needed > room - arrow;
}).map(([, shown]) => shown)
"""


def clipped_in_fields(page: Page) -> list[str]:
    """The placeholders and the choices for which their field is too narrow."""
    clipped: list[str] = page.evaluate(CLIPPED_IN_FIELDS)
    return clipped


# Only what is asked for: all that axe says of a large page takes seconds to be read.
_VIOLATIONS = """
() => axe.run({exclude: [["iframe"]]}, {resultTypes: ["violations"]}).then((found) => [
  found.passes.length,
  found.violations.map((each) => ({
    id: each.id,
    impact: each.impact,
    elements: each.nodes.map((node) => node.html),
  })),
])
"""


def serious_violations(page: Page) -> list[tuple[str, list[str]]]:
    """The serious and critical violations that axe finds on the page, with their elements.

    Frames are left out, because the preview shows the browser's own PDF viewer.
    """
    page.evaluate(_AXE.read_text())
    passed_count, violations = page.evaluate(_VIOLATIONS)
    assert passed_count > 10
    return [
        (each["id"], each["elements"])
        for each in violations
        if each["impact"] in {"serious", "critical"}
    ]
