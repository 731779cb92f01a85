"""`python -m local.screenshots`: the pictures in docs/images, taken from a running demo."""

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
from playwright.sync_api import Browser, Page, ViewportSize, expect, sync_playwright
from psycopg.rows import dict_row

from closebook.sql import query
from local import REPOSITORY
from local.errors import StackError
from local.processes import find
from local.stack import Stack

IMAGES = REPOSITORY / "docs" / "images"
DAG_ID = "daily_rollups"
GRID_SIZE = ViewportSize(width=1440, height=780)
GRID_SECONDS = 120
# The settings of Airflow's grid, as the page keeps them in the browser.
GRID_VIEW = {
    f"dag_runs_limit-{DAG_ID}": 25,
    "react-resizable-panels:grid-ltr": {
        "details-panel,main-panel": {"expandToSizes": {}, "layout": [31, 69]}
    },
}
DESK_SIZE = ViewportSize(width=1240, height=760)
# The user and the page of the desk.
DESK_PAGES = {
    "desk-statements.png": ("approver", "/closebook/statements"),
    "desk-release.png": ("approver", "/closebook/releases/{month}"),
    "desk-volume.png": ("operator", "/closebook/volume"),
    "desk-health.png": ("operator", "/closebook/health"),
}
PAGE_DPI = 100
WANTED_LINES = 20
MAX_BYTES = 300_000

# A statement whose first page is full and that has few more pages.
STATEMENT = """
select documents.object_name
from reporting.statement_documents as documents
inner join reporting.statements using (close_id, account_id, currency)
inner join reporting.closes using (close_id)
where closes.is_current and statements.currency = 'USD' and statements.locale_code = 'en_US'
order by statements.closing_minor < 0, abs(statements.line_count - %s), account_id
limit 1
"""

FRAME = """
<style>
  body { margin: 0; padding: 18px; width: max-content; background: #eceae4 }
  img { display: block; border: 1px solid #d2cec2; box-shadow: 0 2px 10px rgb(28 43 58 / 18%) }
</style>
<img src="statement.png">
"""


def main() -> int:
    """Take the pictures; the exit status is 1 for an error that the printed line explains."""
    parser = argparse.ArgumentParser(prog="python -m local.screenshots", description=__doc__)
    parser.add_argument("--root", type=Path, default=REPOSITORY / ".local" / "stack")
    parser.add_argument("--to", type=Path, default=IMAGES, help="the pictures' folder")
    chosen = parser.parse_args()
    try:
        _take(Stack.build(chosen.root, airflow=True, fast=False), chosen.to)
    except StackError as error:
        sys.stderr.write(f"no pictures: {error}\n")
        return 1
    return 0


def _take(stack: Stack, folder: Path) -> None:
    if not stack.is_running("api_server"):
        raise StackError(
            "CB-STACK-NOTHING-RUNS", f"no stack runs in {stack.root}: make demo starts one"
        )
    folder.mkdir(parents=True, exist_ok=True)
    chromium = find("chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        context = browser.new_context(viewport=GRID_SIZE, color_scheme="light", locale="en-US")
        page = context.new_page()
        _grid(page, stack, folder / "airflow-grid.png")
        _statement(page, stack, folder / "statement.png")
        for name, (user, path) in DESK_PAGES.items():
            _desk(browser, stack, user, path, folder / name)
        browser.close()
    for picture in (folder / name for name in ("airflow-grid.png", "statement.png", *DESK_PAGES)):
        if picture.stat().st_size > MAX_BYTES:
            raise StackError(
                "CB-STACK-PICTURE-TOO-LARGE",
                f"{picture} has more than {MAX_BYTES:,} bytes: show less in it",
            )
        sys.stdout.write(f"{picture} {picture.stat().st_size:,} bytes\n")


def _grid(page: Page, stack: Stack, picture: Path) -> None:
    """The grid of a DAG's last runs, as a logged-in user sees it."""
    page.set_default_timeout(GRID_SECONDS * 1000)
    _log_in(page, stack, "admin")
    for key, value in GRID_VIEW.items():
        page.evaluate(
            "([key, value]) => localStorage.setItem(key, value)", [key, json.dumps(value)]
        )
    page.goto(f"{stack.ui_url}/dags/{DAG_ID}")
    for task_id in ("close_day", "publish_counter"):
        expect(page.get_by_text(task_id).first).to_be_visible(timeout=GRID_SECONDS * 1000)
    page.wait_for_load_state("networkidle")
    page.screenshot(path=picture)


def _desk(browser: Browser, stack: Stack, user: str, path: str, picture: Path) -> None:
    """A page of the desk, of the newest month, as the user of that role sees it."""
    with psycopg.connect(stack.desk(), row_factory=dict_row) as store:
        row = store.execute(query("desk/months")).fetchone()
    if row is None:
        raise StackError(
            "CB-STACK-NO-CLOSED-MONTH", f"no month is closed in {stack.root}: make demo closes one"
        )
    month = f"{row['first_date']:%Y-%m}"
    context = browser.new_context(viewport=DESK_SIZE, color_scheme="light", locale="en-US")
    page = context.new_page()
    _log_in(page, stack, user)
    page.goto(f"{stack.ui_url}{path.format(month=month)}")
    page.wait_for_load_state("networkidle")
    page.screenshot(path=picture)
    context.close()


def _log_in(page: Page, stack: Stack, user: str) -> None:
    page.goto(f"{stack.ui_url}/auth/login/")
    page.fill("#username", user)
    page.fill("#password", stack.credentials[user])
    page.press("#password", "Enter")
    page.wait_for_url(lambda url: "/auth/login" not in urlsplit(url).path)


def _statement(page: Page, stack: Stack, picture: Path) -> None:
    """The first page of a statement, as a picture with a margin."""
    with psycopg.connect(stack.store()) as store:
        row = store.execute(STATEMENT, [WANTED_LINES]).fetchone()
    if row is None:
        raise StackError(
            "CB-STACK-NO-STATEMENT", f"no statement was made in {stack.root}: make demo makes some"
        )
    document = stack.document_file(row[0])
    with tempfile.TemporaryDirectory() as scratch:
        subprocess.run(
            [find("pdftoppm"), "-png", "-r", str(PAGE_DPI), "-singlefile", document, "statement"],
            cwd=scratch,
            check=True,
        )
        frame = Path(scratch) / "frame.html"
        frame.write_text(FRAME)
        page.goto(frame.as_uri())
        page.locator("body").screenshot(path=picture)


if __name__ == "__main__":
    sys.exit(main())
