"""An issued month changes only for a given reason, and only in the statements that differ."""

import json
from dataclasses import replace
from datetime import timedelta
from io import BytesIO
from typing import Any

import pytest
from pypdf import PdfReader

from closebook.closes.checks import SAMPLE_ROWS, TieOutFailed
from closebook.closes.month import close_month
from closebook.closes.register import ChangeWithoutReason
from closebook.periods import HOUR
from closebook.settings import Run, Settings
from closebook.statements import issue
from closebook.statements.document_store import DocumentStore
from closebook.statements.issue import Shard
from closebook.statements.manifest import write_manifest
from tests.books import Books
from tests.close_fixtures import RUN
from tests.closes.october import NEW_YORK, OCTOBER, SEPTEMBER
from tests.platform_rows import Platform

REASON = "ticket 4712: the import job was forgotten"
UNASKED = replace(RUN, reason=None)
HOLDER_TEXT = "Two card payments of 30 October."
ON_PURPOSE = replace(
    RUN,
    run_id="manual",
    reason=REASON,
    requested_by="ada",
    holder_reason="entries_posted_late",
    holder_text=HOLDER_TEXT,
)
ADA, GRACE, MARY = 1, 2, 3


def fill(platform: Platform) -> None:
    for account_id, name in ((ADA, "Ada Lovelace"), (GRACE, "Grace Hopper"), (MARY, "Mary S.")):
        platform.open_account(account_id, "USD", name)
        platform.post(account_id, OCTOBER.start + HOUR, 10_000 * account_id)


def issue_month(settings: Settings, run: Run = RUN) -> int:
    """Close October, render what has no document, and write the manifest."""
    close_id = close_month(settings, OCTOBER, run).close_id
    for shard in issue.plan_shards(settings, close_id, None):
        issue.render_shard(settings, close_id, Shard(**shard), None, run)
    write_manifest(settings, close_id, run)
    return close_id


def versions(books: Books, close_id: int) -> dict[int, tuple[int, int, int | None]]:
    """Version, the close that issued it and the one that it supersedes, by account."""
    rows = books.rows("select * from reporting.statement_versions where close_id = %s", close_id)
    return {
        row["account_id"]: (
            row["statement_version"],
            row["issued_close_id"],
            row["superseded_close_id"],
        )
        for row in rows
    }


def document(settings: Settings, books: Books, close_id: int, account_id: int) -> bytes:
    [row] = books.rows(
        "select object_name from reporting.statement_documents where close_id = %s"
        " and account_id = %s",
        close_id,
        account_id,
    )
    return DocumentStore(settings.documents_url).read(row["object_name"])


def text_of(pdf: bytes) -> str:
    return " ".join(page.extract_text() for page in PdfReader(BytesIO(pdf)).pages)


def manifest(settings: Settings, books: Books, close_id: int) -> dict[int, Any]:
    [row] = books.rows(
        "select object_name from reporting.statement_manifests where close_id = %s", close_id
    )
    listed = json.loads(DocumentStore(settings.documents_url).read(row["object_name"]))
    return {entry["account_id"]: entry for entry in listed["statements"]}


def test_a_month_that_is_issued_does_not_change_for_a_run_without_a_reason(
    settings: Settings, platform: Platform, books: Books
) -> None:
    # Given October as it was issued, and an entry that came late
    fill(platform)
    issue_month(settings)
    platform.post(GRACE, OCTOBER.end - HOUR, -55)
    before = books.size()
    # When it is closed again and nobody says why
    with pytest.raises(ChangeWithoutReason) as refused:
        close_month(settings, OCTOBER, UNASKED)
    # Then the error names the account, old and new, and nothing has changed
    text = str(refused.value)
    assert f"account_id={GRACE}, " in text
    assert "old_closing_minor=20000, new_closing_minor=19945" in text
    assert "run it again with a reason" in text
    assert f"account_id={ADA}, " not in text
    assert "Hopper" not in text
    assert books.size() == before
    # And the check that failed is on record
    [failed] = books.failed_tie_outs()
    assert (failed["check_name"], failed["close_id"]) == ("same_as_issued", None)


def test_an_error_about_many_changed_statements_counts_all_and_shows_some(
    settings: Settings, platform: Platform, books: Books
) -> None:
    many = range(100, 100 + 2 * SAMPLE_ROWS)
    for account_id in many:
        platform.open_account(account_id, "USD", "Ada Lovelace")
        platform.post(account_id, OCTOBER.start + HOUR, 10_000)
    close_month(settings, OCTOBER, RUN)
    for account_id in many:
        platform.post(account_id, OCTOBER.end - HOUR, -55)

    with pytest.raises(ChangeWithoutReason, match=f"found {len(many)} rows") as refused:
        close_month(settings, OCTOBER, UNASKED)

    assert str(refused.value).count("new_closing_minor=9945") == SAMPLE_ROWS
    [failed] = books.failed_tie_outs()
    assert failed["offending_count"] == len(many)
    assert len(failed["offending_sample"]) == SAMPLE_ROWS


def test_a_month_whose_numbers_are_the_same_needs_no_reason(
    settings: Settings, platform: Platform
) -> None:
    fill(platform)
    issue_month(settings)

    assert close_month(settings, OCTOBER, UNASKED).outcome == "confirmed"


def test_only_the_statement_that_differs_is_issued_again(
    settings: Settings, platform: Platform, books: Books
) -> None:
    # Given October as it was issued, and an entry that came late on one account
    fill(platform)
    first = issue_month(settings)
    before = {account: document(settings, books, first, account) for account in (ADA, GRACE, MARY)}
    platform.post(GRACE, OCTOBER.end - HOUR, -55)
    # When it is issued again on purpose
    second = issue_month(settings, ON_PURPOSE)
    # Then that account has a second version that supersedes the first, and the others are as before
    assert versions(books, first) == dict.fromkeys((ADA, GRACE, MARY), (1, first, None))
    assert versions(books, second) == {
        ADA: (1, first, None),
        GRACE: (2, second, first),
        MARY: (1, first, None),
    }
    made = books.rows(
        "select account_id from reporting.statement_documents where close_id = %s", second
    )
    assert [row["account_id"] for row in made] == [GRACE]
    # And every document of before is still there, to the byte
    assert before == {
        account: document(settings, books, first, account) for account in (ADA, GRACE, MARY)
    }


def test_the_new_version_says_what_it_replaces_and_why_and_the_old_one_says_nothing_of_it(
    settings: Settings, platform: Platform, books: Books
) -> None:
    fill(platform)
    first = issue_month(settings)
    platform.post(GRACE, OCTOBER.end - HOUR, -55)
    second = issue_month(settings, ON_PURPOSE)

    old, new = (text_of(document(settings, books, close, GRACE)) for close in (first, second))

    assert "replaces version 1, issued on" in new
    assert "Reason: Entries of this period were posted after the statement was issued." in new
    assert HOLDER_TEXT in new
    assert "replaces version" not in old
    assert "199.45" in new
    assert "199.45" not in old


def test_no_form_of_a_statement_has_the_reason_that_is_for_colleagues(
    settings: Settings, platform: Platform, books: Books
) -> None:
    fill(platform)
    issue_month(settings)
    platform.post(GRACE, OCTOBER.end - HOUR, -55)
    second = issue_month(settings, replace(ON_PURPOSE, holder_reason=None, holder_text=None))

    pdf = document(settings, books, second, GRACE)
    attached = [
        content for files in PdfReader(BytesIO(pdf)).attachments.values() for content in files
    ]
    assert len(attached) == 2
    for text in (text_of(pdf), *(content.decode() for content in attached)):
        assert "4712" not in text
        assert "forgotten" not in text
    assert "This corrected statement replaces version 1" in text_of(pdf)
    assert "Reason" not in text_of(pdf)


def test_the_manifest_of_the_new_version_lists_the_documents_that_stand(
    settings: Settings, platform: Platform, books: Books
) -> None:
    fill(platform)
    first = issue_month(settings)
    platform.post(GRACE, OCTOBER.end - HOUR, -55)
    second = issue_month(settings, ON_PURPOSE)

    old, new = (manifest(settings, books, close_id) for close_id in (first, second))

    for account_id in (ADA, MARY):
        # Each manifest has salts of its own.
        salted = {
            "salt": new[account_id]["salt"],
            "holder_sha256": new[account_id]["holder_sha256"],
        }
        assert new[account_id] == old[account_id] | salted
    assert new[GRACE]["sha256"] != old[GRACE]["sha256"]
    assert (new[GRACE]["statement_version"], new[GRACE]["superseded_close_id"]) == (2, first)


def test_a_document_that_the_first_version_never_got_is_made_as_it_would_have_been(
    settings: Settings, platform: Platform, books: Books
) -> None:
    # Given a first version of which no document was rendered
    fill(platform)
    first = close_month(settings, OCTOBER, RUN).close_id
    platform.post(GRACE, OCTOBER.end - HOUR, -55)
    # When the second one is issued
    second = issue_month(settings, ON_PURPOSE)
    # Then what is still version 1 gets its document as version 1
    rows = books.rows("select close_id, account_id from reporting.statement_documents")
    assert {(row["close_id"], row["account_id"]) for row in rows} == {
        (first, ADA),
        (second, GRACE),
        (first, MARY),
    }
    assert "replaces version" not in text_of(document(settings, books, first, ADA))


def test_the_register_keeps_who_asked_for_what(
    settings: Settings, platform: Platform, books: Books
) -> None:
    fill(platform)
    first = issue_month(settings)
    platform.post(GRACE, OCTOBER.end - HOUR, -55)
    second = issue_month(settings, ON_PURPOSE)

    for table in ("closes", "statement_documents", "statement_manifests"):
        asked = books.rows(
            f"select close_id, requested_by from reporting.{table}"  # noqa: S608  # names of here
            " where close_id in (%s, %s)",
            first,
            second,
        )
        assert {(row["close_id"], row["requested_by"]) for row in asked} == {
            (first, None),
            (second, "ada"),
        }


def test_a_statement_says_on_which_business_day_it_was_issued(
    settings: Settings, platform: Platform, books: Books
) -> None:
    fill(platform)
    close_id = issue_month(settings)
    [row] = books.rows(
        "select (closed_at at time zone %s)::date as issued_on from reporting.closes"
        " where close_id = %s",
        NEW_YORK,
        close_id,
    )

    day = row["issued_on"]
    assert f"{day:%b} {day.day}, {day.year}" in text_of(document(settings, books, close_id, ADA))


def test_an_opening_that_is_not_the_closing_as_issued_stops_the_month_and_names_the_accounts(
    settings: Settings, platform: Platform
) -> None:
    # Given September as issued, and an entry that came late for it
    fill(platform)
    platform.post(MARY, SEPTEMBER.start, 700)
    close_month(settings, SEPTEMBER, RUN)
    platform.post(MARY, SEPTEMBER.end - timedelta(seconds=1), -1)
    # When October is closed, it stops and says which account, old and new
    with pytest.raises(
        TieOutFailed,
        match=f"account_id={MARY}, currency=USD, previous_closing_minor=700, opening_minor=699",
    ):
        close_month(settings, OCTOBER, RUN)
    # And when September is issued again on purpose, it closes
    assert close_month(settings, SEPTEMBER, ON_PURPOSE).outcome == "changed"
    assert close_month(settings, OCTOBER, RUN).outcome == "new"
