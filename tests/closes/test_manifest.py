"""The manifest lists every statement of a month with the sha256 of its document."""

from dataclasses import replace
from hashlib import sha256

import pytest

from closebook.closes.month import close_month
from closebook.errors import WrongData
from closebook.settings import Settings
from closebook.sql import query
from closebook.statements.manifest import refuse_exceptions, write_manifest
from closebook.store.session import on_store
from tests.books import Books
from tests.close_fixtures import RUN
from tests.closes.month_documents import ACCOUNTS, documents, manifest_of, render_all, stored
from tests.closes.october import OCTOBER
from tests.platform_rows import Platform


def test_the_manifest_lists_every_statement_with_the_digest_of_its_file(
    settings: Settings, books: Books, close_id: int
) -> None:
    render_all(settings, close_id)

    manifest, contents = manifest_of(settings, close_id)

    assert (manifest.document_count, manifest.missing_count) == (3, 0)
    assert (contents["month"], contents["close_id"]) == ("2026-10", close_id)
    listed = {entry["account_id"]: entry for entry in contents["statements"]}
    frozen = books.statements(close_id)
    assert listed.keys() == frozen.keys() == set(ACCOUNTS)
    for account_id, entry in listed.items():
        opening, closing, lines = frozen[account_id]
        assert (entry["opening_minor"], entry["closing_minor"]) == (opening, closing)
        assert entry["line_count"] == lines
        content = stored(settings, entry["object_name"]).read_bytes()
        assert entry["sha256"] == sha256(content).hexdigest()
    assert [listed[a]["currency"] for a in ACCOUNTS] == ["USD", "JPY", "KWD"]
    assert (
        manifest.sha256 == sha256(stored(settings, manifest.object_name).read_bytes()).hexdigest()
    )


def test_the_manifest_counts_the_missing_documents(settings: Settings, close_id: int) -> None:
    render_all(settings, close_id, [1])

    manifest, contents = manifest_of(settings, close_id)

    assert (manifest.document_count, manifest.missing_count) == (1, 2)
    assert [entry["sha256"] is None for entry in contents["statements"]] == [False, True, True]


def test_a_run_for_all_accounts_fails_while_documents_are_missing_and_one_for_some_warns(
    settings: Settings, close_id: int, caplog: pytest.LogCaptureFixture
) -> None:
    # Given a month of which one document is made
    render_all(settings, close_id, [1])
    manifest_of(settings, close_id)

    # When a run was for this account only, then it says what is missing and does not fail
    refuse_exceptions(settings, close_id, [1])
    assert "2 documents are not made yet, since the run was for 1 accounts only" in caplog.text

    # When it was for all accounts, then it fails
    with pytest.raises(WrongData, match="without 0 accounts, and 2 documents are not made yet"):
        refuse_exceptions(settings, close_id, None)


def test_a_run_for_one_account_fails_while_another_ones_correction_has_no_document(
    settings: Settings, platform: Platform, close_id: int
) -> None:
    # Given a month that is issued, and late entries for two accounts
    render_all(settings, close_id)
    manifest_of(settings, close_id)
    platform.post(1, OCTOBER.start, 5)
    platform.post(2, OCTOBER.start, 6, "JPY")

    # When a run corrects it and is for one of them only
    corrected = close_month(settings, OCTOBER, replace(RUN, reason="late entries")).close_id
    render_all(settings, corrected, [1])
    manifest, _ = manifest_of(settings, corrected)
    assert manifest.missing_count == 1

    # Then it fails, and says which statement lacks its document, and which run makes it
    with pytest.raises(
        WrongData, match=r"accounts: 2; .* the month 2026-10 and an empty field Accounts"
    ) as failed:
        refuse_exceptions(settings, corrected, [1])
    assert failed.value.code == "CB-DATA-CORRECTION-INCOMPLETE"

    # And after that run, which needs no reason, nothing is missing
    again = close_month(settings, OCTOBER, replace(RUN, reason=None)).close_id
    assert again == corrected
    render_all(settings, corrected)
    manifest, _ = manifest_of(settings, corrected)
    assert manifest.missing_count == 0
    refuse_exceptions(settings, corrected, None)
    refuse_exceptions(settings, corrected, [1])


def test_a_manifest_that_is_written_again_is_the_same(
    settings: Settings, books: Books, close_id: int
) -> None:
    render_all(settings, close_id)

    assert manifest_of(settings, close_id) == manifest_of(settings, close_id)
    assert len(books.rows("select 1 from reporting.statement_manifests")) == 1


def test_another_reason_of_an_exception_makes_another_manifest(
    settings: Settings, books: Books, close_id: int
) -> None:
    def fail(reason: str) -> None:
        failure = {
            "close_id": close_id,
            "account_id": 1,
            "currency": "USD",
            "reason": reason,
            "run_id": "a run",
        }
        with on_store(settings) as store:
            store.execute(query("document_failures/insert"), failure)

    render_all(settings, close_id, [2, 3])
    fail("CB-DATA-DOCUMENT-TOOK-TOO-LONG")
    first, _ = manifest_of(settings, close_id)
    again, _ = manifest_of(settings, close_id)
    fail("CB-DATA-PAGE-ASKED-FOR-ADDRESS")
    second, contents = manifest_of(settings, close_id)

    assert again == first
    assert second.sha256 != first.sha256
    # The root is of the statements, and these are the same.
    assert second.root_sha256 == first.root_sha256
    assert contents["exceptions"] == [
        {"subject": "1", "currency": "USD", "reason": "CB-DATA-PAGE-ASKED-FOR-ADDRESS"}
    ]
    assert books.rows("select reason from reporting.manifest_exceptions order by manifest_id") == [
        {"reason": "CB-DATA-DOCUMENT-TOOK-TOO-LONG"},
        {"reason": "CB-DATA-PAGE-ASKED-FOR-ADDRESS"},
    ]


def test_a_registered_document_that_is_lost_stops_the_manifest(
    settings: Settings, books: Books, close_id: int
) -> None:
    render_all(settings, close_id)
    stored(settings, documents(books)[2]["object_name"]).unlink()

    with pytest.raises(WrongData, match="accounts 2 "):
        write_manifest(settings, close_id, RUN)
