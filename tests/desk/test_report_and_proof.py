"""The volume report of finance, and the proof pages of auditors."""

import csv
import re
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from io import StringIO
from pathlib import Path
from typing import Any

import psycopg
import pytest
from playwright.sync_api import Browser, expect

from closebook.closes.day import close_day
from closebook.desk.volume_report import VolumeRange, read_report
from closebook.periods import day_of
from closebook.statements.log_anchors import write_anchor
from closebook.store.session import Store, on_store
from tests.close_fixtures import RUN
from tests.desk.browser_pages import clipped_elements, serious_violations, session_page
from tests.desk.conftest import HOSTILE, NAMES, Desk
from tests.platform_rows import utc

ZONE = "America/New_York"
FIRST, SECOND = date(2026, 10, 30), date(2026, 10, 31)
REASON = "a merchant sent <b>late</b> refunds"
QUERY = f"first_day={FIRST}&last_day={SECOND}"
PLANTED = ("Plantedname", HOSTILE, "ACC-", *NAMES.values())

INSERT = (
    "insert into platform.transactions (transaction_id, settled_at, currency, kind, amount_minor,"
    " fee_minor, discount_minor, user_id, merchant_id, status)"
    " values (%s, %s, %s, %s, %s, %s, %s, 1, %s, 'settled')"
)
SETTLED = [
    (9001, "2026-10-30T15:00Z", "USD", "payment", 123_456, 30, 0, 10),
    (9002, "2026-10-30T16:00Z", "JPY", "payment", 5_000, 0, 0, 10),
    (9003, "2026-10-31T15:00Z", "USD", "payment", 200_000, 40, 0, 10),
    (9004, "2026-10-31T16:00Z", "USD", "refund", 1_500, 0, 0, 11),
]
# Two blanks, and one at each end, as a platform may have it.
CATEGORY = " Food  & Drink "
LATE = (9005, "2026-10-31T17:00Z", "USD", "refund", 700, 5, 3, 11)


@pytest.fixture(scope="module")
def reported(desk: Desk) -> Desk:
    """A desk with two closed days, of which the second was corrected."""
    with psycopg.connect(desk.platform.conninfo) as platform:
        platform.execute(
            "insert into platform.merchants values (10, 'Shop', %s, 'a mall', 'US', 'en_US')"
            " on conflict (merchant_id) do update set category = excluded.category",
            [CATEGORY],
        )
        for number, at, *rest in SETTLED:
            platform.execute(INSERT, [number, utc(at), *rest])
    for day in (FIRST, SECOND):
        close_day(desk.settings, day_of(day, ZONE), RUN)
    with psycopg.connect(desk.platform.conninfo) as platform:
        platform.execute(INSERT, [LATE[0], utc(LATE[1]), *LATE[2:]])
    close_day(desk.settings, day_of(SECOND, ZONE), replace(RUN, reason=REASON))
    return desk


def table_rows(html: str, caption: str) -> list[str]:
    """The rows of the table with this caption, as text."""
    [table] = [
        each for each in re.findall(r"<table>.*?</table>", html, re.DOTALL) if caption in each
    ]
    body = table.partition("<tbody>")[2]
    rows = [re.sub(r"<[^>]+>", " ", each) for each in body.split("</tr>")]
    return [" ".join(each.split()) for each in rows if each.strip() and "</tbody>" not in each]


# ---- the report ---------------------------------------------------------------------------


def test_finance_sees_the_sums_of_a_range_with_refunds_and_fees(reported: Desk) -> None:
    page = reported.get("finance", f"/report?{QUERY}").text
    assert table_rows(page, "Sums of the range") == [
        "JPY payment 1 5,000 0 0",
        "USD payment 2 3,234.56 0.70 0.00",
        "USD refund 2 22.00 0.05 0.03",
    ]
    assert table_rows(page, "By day") == [
        "2026-10-31 2, corrected USD payment 1 2,000.00 0.40 0.00",
        "2026-10-31 2, corrected USD refund 2 22.00 0.05 0.03",
        "2026-10-30 1 JPY payment 1 5,000 0 0",
        "2026-10-30 1 USD payment 1 1,234.56 0.30 0.00",
    ]
    assert "1 day was corrected" in page
    entry = reported.audit_log("looked")[-1]
    assert entry["subject"] == f"volume report, {FIRST} to {SECOND}"


def test_a_range_is_narrowed_and_split(reported: Desk) -> None:
    page = reported.get(
        "finance", f"/report?{QUERY}&kind=refund&merchant=11&split_by=merchant"
    ).text
    assert table_rows(page, "By day") == ["2026-10-31 2, corrected USD refund 11 2 22.00 0.05 0.03"]
    for nothing in ("currency=EUR", "merchant=4711", "merchant=x'y", "country=FR"):
        assert "Nothing was settled" in reported.get("finance", f"/report?{QUERY}&{nothing}").text
    wider = reported.get("finance", "/report?first_day=2026-10-29&last_day=2026-10-31").text
    assert "1 day is not closed in this range" in wider


def test_a_text_of_the_platform_is_chosen_with_its_blanks(browser: Browser, reported: Desk) -> None:
    page = session_page(browser, reported, "finance")
    page.goto(f"{reported.url}/report?{QUERY}")
    page.locator("#category").select_option(CATEGORY)
    page.get_by_role("button", name="Show").click()
    expect(page.locator("#category")).to_have_value(CATEGORY)
    sums = page.get_by_role("table", name="Sums of the range").locator("tbody tr")
    expect(sums).to_have_count(2)
    page.context.close()


def asked_days() -> VolumeRange:
    return VolumeRange(FIRST, SECOND, split_by=("merchant",))


def test_sums_are_of_all_rows_however_few_are_shown(reported: Desk) -> None:
    for days_of_part in (1, 2):
        with on_store(reported.settings) as store:
            read = read_report(store, asked_days(), days_of_part=days_of_part, row_count=1)
        assert len(read.rows) == 1
        of_dollars = [each for each in read.sums if each["currency"] == "USD"]
        assert sum(each["amount_minor"] for each in of_dollars) == 123_456 + 200_000 + 2_200
        assert max(each["part"] for each in read.sums) == 2 - days_of_part


class Interrupted:
    """A store in which another version of a day becomes the current one after a query."""

    def __init__(self, store: Store, change: Callable[[], None]) -> None:
        self._store = store
        self._change = change

    def execute(self, sql: Any, *arguments: Any, **options: Any) -> Any:
        done = self._store.execute(sql, *arguments, **options)
        if "daily_volume" in str(sql):
            self._change()
        return done

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    def __setattr__(self, name: str, value: Any) -> None:
        if name.startswith("_"):
            object.__setattr__(self, name, value)
        else:
            setattr(self._store, name, value)


def test_the_sums_and_the_rows_of_a_report_are_of_the_same_versions(reported: Desk) -> None:
    def set_current(version: int) -> None:
        with psycopg.connect(reported.stack.store_admin(reported.database)) as admin:
            admin.execute("set session_replication_role = replica")
            for is_current in (False, True):
                admin.execute(
                    "update reporting.closes set is_current = %s"
                    " where grain = 'day' and first_date = %s and (close_version = %s) = %s",
                    [is_current, SECOND, version, is_current],
                )

    try:
        with on_store(reported.settings) as store:
            interrupted: Any = Interrupted(store, lambda: set_current(1))
            read = read_report(interrupted, asked_days(), days_of_part=1, row_count=99)
        for name in ("transaction_count", "amount_minor", "fee_minor"):
            assert sum(each[name] for each in read.sums) == sum(each[name] for each in read.rows)
        assert {each["close_version"] for each in read.closed} == {1, 2}
    finally:
        set_current(2)


def test_finance_sees_the_state_of_each_month(reported: Desk) -> None:
    rows = table_rows(reported.get("finance", "/report").text, "The state of each closed month")
    assert [row.split()[0] for row in rows] == ["2026-10", "2026-09"]
    assert all("waits for a review" in row for row in rows)
    assert ["an earlier version is released" in row for row in rows] == [True, False]


def test_a_corrected_day_shows_old_and_new(reported: Desk) -> None:
    page = reported.get("finance", f"/report/days/{SECOND}").text
    assert table_rows(page, "Old → new") == [
        "USD payment 1 2,000.00 0.40 0.00",
        "USD refund 1 → 2 15.00 → 22.00 0.00 → 0.05 0.00 → 0.03",
    ]
    assert "<b>late</b>" not in page
    assert "&lt;b&gt;late&lt;/b&gt;" in page
    assert "Nothing was corrected" in reported.get("finance", f"/report/days/{FIRST}").text
    for unknown in ("2026-10-01", "yesterday", "0000-00-00"):
        assert reported.get("finance", f"/report/days/{unknown}").status_code == 404


def test_a_file_has_all_rows_of_the_range_with_their_versions(reported: Desk) -> None:
    answer = reported.get("finance", f"/report/files/csv?{QUERY}&split_by=merchant")
    assert answer.headers["Content-Type"].startswith("text/csv")
    name = f"closebook-volume-{FIRST}-{SECOND}.csv"
    assert name in answer.headers["Content-Disposition"]
    rows = [*csv.DictReader(StringIO(answer.text))]
    assert [(row["business_day"], row["close_version"], row["amount"]) for row in rows] == [
        ("2026-10-31", "2", "2000.00"),
        ("2026-10-31", "2", "22.00"),
        ("2026-10-30", "1", "5000"),
        ("2026-10-30", "1", "1234.56"),
    ]
    for form, start in (("xlsx", b"PK"), ("parquet", b"PAR1")):
        assert reported.get("finance", f"/report/files/{form}?{QUERY}").content.startswith(start)
    entry = reported.audit_log("downloaded")[-1]
    assert entry["subject"] == f"volume report as parquet, {FIRST} to {SECOND}"
    assert reported.get("finance", f"/report/files/csv?{QUERY}&currency=EUR").status_code == 404
    assert reported.get("finance", f"/report/files/exe?{QUERY}").status_code == 404


@pytest.mark.parametrize("user", ["finance", "approver", "operator"])
def test_the_value_of_a_bar_is_shown_under_the_pointer_and_files_are_downloaded(
    browser: Browser, reported: Desk, user: str, tmp_path: Path
) -> None:
    page = session_page(browser, reported, user, viewport={"width": 1280, "height": 900})
    page.goto(f"{reported.url}/report?{QUERY}&currency=USD")
    [chart] = page.locator("figure.chart").all()
    chart.locator("rect.step").last.hover()
    expect(chart.locator("output")).to_have_text("2026-10-31: USD\u00a02,000.00 (corrected)")
    chart.locator("rect.step").first.hover()
    expect(chart.locator("output")).to_have_text("2026-10-30: USD\u00a01,234.56")
    for name, form in (("CSV", "csv"), ("Excel", "xlsx"), ("Parquet", "parquet")):
        with page.expect_download() as downloading:
            page.get_by_role("link", name=name, exact=True).click()
        assert downloading.value.suggested_filename.endswith(f".{form}")
        downloading.value.save_as(tmp_path / form)
        assert (tmp_path / form).stat().st_size > 100
    page.get_by_role("link", name="2, corrected").first.click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Versions of 2026-10-31")
    page.context.close()


# ---- the proof ----------------------------------------------------------------------------


def test_an_auditor_sees_how_a_month_was_reconciled_and_no_holder(reported: Desk) -> None:
    page = reported.get("auditor", "/proof/months/2026-10").text
    [version, *_] = reported.rows(
        "select fence_lsn::text as fence, replica_name from reporting.closes where close_id = %s",
        reported.closes["corrected"],
    )
    assert version["fence"] in page
    assert version["replica_name"] in page
    totals = table_rows(page, "What a second scan")
    expected = reported.rows(
        "select close_version, currency, row_count from reporting.close_totals"
        " inner join reporting.closes using (close_id)"
        " where grain = 'month' and closes.period_start = (select period_start from"
        " reporting.closes where close_id = %s) order by close_version desc, currency",
        reported.closes["corrected"],
    )
    assert [tuple(row.split()[:4]) for row in totals] == [
        (str(row["close_version"]), "ledger", row["currency"], f"{row['row_count']:,}")
        for row in expected
    ]
    assert len({row["close_version"] for row in expected}) == 2
    checks = table_rows(page, "The last result of each check")
    assert any(row.startswith("month") for row in checks)
    assert "tie out, to the minor unit" in page
    assert "released" in page
    for path in ("/proof", "/proof/months/2026-10", "/proof/corrections", "/proof/log"):
        shown = reported.get("auditor", path).text
        assert not [each for each in PLANTED if each in shown], path
    assert reported.get("auditor", "/proof/months/2025-01").status_code == 404


def test_a_failed_check_is_named_at_the_top(reported: Desk) -> None:
    close_id = reported.closes["corrected"]
    with psycopg.connect(reported.stack.store_admin(reported.database)) as admin:
        admin.execute(
            "insert into reporting.tie_outs (close_id, grain, period_start, check_name,"
            " offending_count, run_id) select close_id, grain, period_start,"
            " 'days_equal_statements', 3, 'a test' from reporting.closes where close_id = %s",
            [close_id],
        )
    try:
        page = reported.get("auditor", "/proof/months/2026-10").text
        assert "1 check does not tie out" in page
    finally:
        with psycopg.connect(reported.stack.store_admin(reported.database)) as admin:
            admin.execute("delete from reporting.tie_outs where run_id = 'a test'")


def test_a_month_without_any_check_on_record_gives_an_alert(reported: Desk) -> None:
    with psycopg.connect(reported.stack.store_admin(reported.database)) as admin:
        admin.execute("set session_replication_role = replica")
        admin.execute("create table tie_outs_kept as select * from reporting.tie_outs")
        admin.execute("delete from reporting.tie_outs")
    try:
        page = reported.get("auditor", "/proof/months/2026-10").text
    finally:
        with psycopg.connect(reported.stack.store_admin(reported.database)) as admin:
            admin.execute("set session_replication_role = replica")
            admin.execute(
                "insert into reporting.tie_outs overriding system value select * from tie_outs_kept"
            )
            admin.execute("drop table tie_outs_kept")
    assert "No check of this month is on record" in page
    assert "to the minor unit" not in page


def test_an_auditor_sees_each_correction_with_old_and_new_totals(reported: Desk) -> None:
    page = " ".join(
        re.sub(r"<[^>]+>", " ", reported.get("auditor", "/proof/corrections").text).split()
    )
    assert "day 2026-10-31 2" in page
    assert "volume in USD 2 → 3 2,015.00 → 2,022.00" in page
    older = reported.get("auditor", "/proof/corrections?before=1").text
    assert "There are no older corrections" in older
    assert reported.get("auditor", "/proof/corrections?before=x").status_code == 200


def test_an_auditor_sees_the_log_and_that_its_hashes_are_right(reported: Desk) -> None:
    reported.get("finance", "/report")
    write_anchor(reported.settings)
    page = reported.get("auditor", "/proof/log").text
    head = reported.rows("select max(entry_id) as entry_id from reporting.desk_log")[0]["entry_id"]
    said = " ".join(page.split())
    assert "are right, and 1 anchor in the document store agrees" in said
    assert f"{head - 1:,}" in said
    older = reported.get("auditor", "/proof/log?last=2").text
    assert older.count('<th scope="row">') == 2
    # What no entry is on says nothing of the hashes.
    none = reported.get("auditor", "/proof/log?last=0").text
    assert "There are no entries" in none
    assert "match" not in none


def test_the_auditor_sees_that_an_entry_was_changed(reported: Desk) -> None:
    reported.get("finance", "/report")
    with psycopg.connect(reported.stack.store_admin(reported.database)) as admin:
        admin.execute("set session_replication_role = replica")
        [(entry_id,)] = admin.execute("select max(entry_id) from reporting.desk_log").fetchall()
        change = "update reporting.desk_log set person = %s where entry_id = %s"
        admin.execute(change, ["nobody", entry_id])
        admin.commit()
        try:
            page = reported.get("auditor", "/proof/log").text
        finally:
            admin.execute("set session_replication_role = replica")
            admin.execute(change, ["finance", entry_id])
            admin.commit()
    assert "The log does not match" in page
    assert f"entry {entry_id} of the desk&#39;s log" in page


@pytest.mark.parametrize("path", ["", "/pdf", "/preview", "/csv", "/proof", "/pages/1"])
def test_an_auditor_opens_no_document(reported: Desk, path: str) -> None:
    for close in ("october", "september"):
        assert reported.get("auditor", f"{reported.path(close, 1)}{path}").status_code == 403


def test_an_auditor_walks_from_the_first_page_to_the_log(browser: Browser, reported: Desk) -> None:
    page = session_page(browser, reported, "auditor")
    page.goto(f"{reported.url}/")
    expect(page.locator("nav a")).to_have_text(["Proof"])
    page.get_by_role("navigation").get_by_role("link", name="Proof").click()
    page.get_by_role("link", name="2026-10").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("2026-10")
    page.get_by_role("link", name="Proof").last.click()
    page.get_by_role("link", name=re.compile("Log of the desk")).click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Log of the desk")
    page.context.close()


# ---- how the pages look -------------------------------------------------------------------

LOOKED_AT = [
    ("finance", f"/report?{QUERY}&split_by=merchant&split_by=category"),
    ("finance", f"/report/days/{SECOND}"),
    ("auditor", "/proof"),
    ("auditor", "/proof/months/2026-10"),
    ("auditor", "/proof/corrections"),
    ("auditor", "/proof/log"),
]


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
@pytest.mark.parametrize(("user", "path"), LOOKED_AT)
def test_axe_finds_no_serious_violation_and_nothing_is_clipped(
    browser: Browser, reported: Desk, user: str, path: str, width: int, scheme: str
) -> None:
    page = session_page(
        browser,
        reported,
        user,
        viewport={"width": width, "height": 900},
        color_scheme=scheme,
        bypass_csp=True,
    )
    page.goto(f"{reported.url}{path}", wait_until="networkidle")
    name = re.sub(r"[^a-z]+", "-", path.partition("?")[0].strip("/"))
    pictures = Path("/tmp/closebook-pictures") if Path("/tmp/closebook-pictures").is_dir() else None  # noqa: S108
    if pictures is not None:
        page.screenshot(path=pictures / f"{name}-{width}-{scheme}.png", full_page=True)
    page.evaluate("document.querySelectorAll('details').forEach(each => each.open = true)")
    serious = serious_violations(page)
    clipped = clipped_elements(page.main_frame) if width == 390 else []
    wide = page.evaluate("document.documentElement.scrollWidth")
    page.context.close()
    assert serious == []
    assert clipped == []
    assert wide <= width
