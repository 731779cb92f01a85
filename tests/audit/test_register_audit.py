"""The audit finds whatever does not agree: in the register, the document store, decisions, log."""

import json
import os
from collections.abc import Callable
from typing import Any

import pytest

from closebook.audit.findings import AuditFailed
from closebook.cli import main
from closebook.errors import WrongData
from closebook.settings import Settings
from closebook.statements import log_anchors
from closebook.statements.document_store import DocumentStore
from closebook.statements.model import Statement
from closebook.statements.render.document import RenderedStatement, render
from closebook.statements.stamp import shard_renderer
from local.stack import Stack
from tests.audit.released_month import ReleasedMonth, log, release_month
from tests.closes.month_documents import manifest_of, render_all


@pytest.fixture
def month(
    stack: Stack, settings: Settings, module_store_database: str, close_id: int
) -> ReleasedMonth:
    return release_month(stack, module_store_database, settings, close_id)


def test_what_nobody_changed_has_no_findings(month: ReleasedMonth) -> None:
    report = month.audit()

    assert report.findings == []
    assert report.counts == {
        "manifests": 1,
        "entries": 3,
        "documents": 9,
        "decisions": 1,
        "closes": 1,
        "anchors": 1,
        "log entries": 1,
        "stored documents": 11,
    }
    report.raise_findings()


# What somebody with all rights on the database changes, and what the audit says of it.
TAMPERED = {
    "a document's row names another account's document": (
        "update reporting.statement_documents as mine set sha256 = other.sha256,"
        " object_name = other.object_name from reporting.statement_documents as other"
        " where mine.account_id = 1 and other.account_id = 2",
        {"document-differs", "document-not-listed", "unknown-document"},
    ),
    "two documents are swapped": (
        "update reporting.statement_documents as mine set sha256 = other.sha256,"
        " object_name = other.object_name from reporting.statement_documents as other"
        " where mine.account_id + other.account_id = 3",
        {"document-differs", "document-not-listed"},
    ),
    "an attachment's row names another account's attachment": (
        "update reporting.statement_twins as mine set sha256 = other.sha256,"
        " object_name = other.object_name from reporting.statement_twins as other"
        " where mine.account_id = 1 and other.account_id = 2"
        " and mine.media_type = other.media_type and mine.media_type = 'text/csv'",
        {"attachment-differs", "document-not-listed", "unknown-document"},
    ),
    "a document's name and hash differ": (
        "update reporting.statement_documents as mine set object_name = other.object_name"
        " from reporting.statement_documents as other"
        " where mine.account_id = 1 and other.account_id = 2",
        {"document-name", "unknown-document"},
    ),
    "two holders are swapped": (
        "update reporting.statements as mine set holder_name = other.holder_name,"
        " account_number = other.account_number from reporting.statements as other"
        " where mine.account_id + other.account_id = 3",
        {"holder-differs"},
    ),
    "a balance is changed": (
        "update reporting.statements set closing_minor = closing_minor + 1 where account_id = 1",
        {"statement-differs", "tie-out"},
    ),
    "a line is changed": (
        "update reporting.statement_lines set amount_minor = amount_minor + 1"
        " where account_id = 1 and line_number = 1",
        {"tie-out"},
    ),
    "a document's row is deleted": (
        "delete from reporting.statement_documents where account_id = 1",
        {"document-differs", "unknown-document"},
    ),
    "a statement is deleted": (
        "with gone as (delete from reporting.statement_lines where account_id = 1)"
        " delete from reporting.statements where account_id = 1",
        {"statement-missing", "tie-out"},
    ),
    "a version is changed": (
        "update reporting.statement_versions set statement_version = 2, superseded_close_id = 0"
        " where account_id = 1",
        {"statement-differs", "version-gap"},
    ),
    "a decision names another hash": (
        "update reporting.statement_decisions set manifest_sha256 = repeat('0', 64)",
        {"decision-manifest", "decision-log"},
    ),
    "a decision is deleted": ("delete from reporting.statement_decisions", {"decision-log"}),
    "a decision is invented": (
        "insert into reporting.statement_decisions"
        " (manifest_id, manifest_sha256, decision, decided_by, reason)"
        " select manifest_id, sha256, 'rejected', 'eve', 'a whim'"
        " from reporting.statement_manifests",
        {"decision-log"},
    ),
    "a decision is another person's": (
        "update reporting.statement_decisions set decided_by = 'eve'",
        {"decision-log"},
    ),
    "a manifest's hash is changed": (
        "update reporting.statement_manifests set sha256 = repeat('0', 64)",
        {"manifest-hash", "decision-manifest"},
    ),
    "a manifest's root is changed": (
        "update reporting.statement_manifests set root_sha256 = repeat('0', 64)",
        {"manifest-root"},
    ),
    "a manifest's counts are changed": (
        "update reporting.statement_manifests set missing_count = 1",
        {"manifest-count"},
    ),
    "a manifest is deleted": (
        "with gone as (delete from reporting.statement_decisions)"
        " delete from reporting.statement_manifests",
        {"unknown-document", "decision-log"},
    ),
    "the number of exceptions is changed": (
        "update reporting.statement_manifests set exception_count = 1",
        {"manifest-count"},
    ),
    "an exception is invented": (
        "insert into reporting.manifest_exceptions (manifest_id, subject, reason)"
        " select manifest_id, '1', 'row_impossible' from reporting.statement_manifests",
        {"manifest-exceptions", "decision-exceptions"},
    ),
    "a release names an exception that it had not": (
        "update reporting.statement_decisions set named_exceptions = '{1}', reason = 'a whim'",
        {"decision-exceptions"},
    ),
    "an entry of the log is changed": (
        "update reporting.desk_log set person = 'eve' where entry_id = 1",
        {"log-entry"},
    ),
    "a control total is changed": (
        "update reporting.close_totals set amount_minor = amount_minor + 1",
        {"tie-out"},
    ),
}


@pytest.mark.parametrize("what", TAMPERED)
def test_a_change_in_the_database_is_found(month: ReleasedMonth, what: str) -> None:
    statement, expected = TAMPERED[what]
    month.tamper(statement)

    report = month.audit()

    assert {finding.check for finding in report.findings} == expected
    with pytest.raises(AuditFailed, match="CB-DATA-AUDIT-FINDINGS"):
        report.raise_findings()
    said = json.dumps(report.as_json)
    for name in ("Lovelace", "山田", "Bobby", "ACC-"):
        assert name not in said


def test_an_account_that_was_released_as_an_exception_has_no_findings_and_the_others_have(
    stack: Stack,
    settings: Settings,
    module_store_database: str,
    close_id: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # Given a month that was released without the account whose document could not be made
    with monkeypatch.context() as changed:
        changed.setattr(shard_renderer, "render", without_the_first)
        month = release_month(stack, module_store_database, settings, close_id, ["1"])
    assert (month.manifest.document_count, month.manifest.exception_count) == (2, 1)
    assert month.checks() == set()
    # When its document is made, and no manifest lists it yet
    render_all(settings, close_id)
    assert month.checks() == set()
    # Then another account's row is still held against the manifest
    month.tamper(
        "update reporting.statement_documents as mine set sha256 = other.sha256,"
        " object_name = other.object_name from reporting.statement_documents as other"
        " where mine.account_id = 2 and other.account_id = 3"
    )
    assert month.checks() == {"document-differs", "document-not-listed", "unknown-document"}


def without_the_first(statement: Statement) -> RenderedStatement:
    if statement.account_id == 1:
        raise WrongData("CB-DATA-PAGE-ASKED-FOR-ADDRESS", "the page asked for an address")
    return render(statement)


def lose_document(month: ReleasedMonth) -> None:
    month.file(month.document(1)["object_name"]).unlink()


def change_document(month: ReleasedMonth) -> None:
    month.file(month.document(1)["object_name"]).write_bytes(b"%PDF-1.7 of somebody else")


def lose_attachment(month: ReleasedMonth) -> None:
    twin = month.row("select object_name from reporting.statement_twins where account_id = 1")
    month.file(twin["object_name"]).unlink()


def lose_manifest(month: ReleasedMonth) -> None:
    month.file(month.manifest.object_name).unlink()


def add_document(month: ReleasedMonth) -> None:
    documents = DocumentStore(month.settings.documents_url)
    documents.put(b"%PDF-1.7 forged", folder="statements/2026-10", suffix="pdf")


def add_file(month: ReleasedMonth) -> None:
    (month.file("statements/2026-10") / "notes.txt").write_text("forged")


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (lose_document, {"document-missing"}),
        (change_document, {"document-missing"}),
        (lose_attachment, {"document-missing"}),
        (lose_manifest, {"manifest-missing"}),
        (add_document, {"unknown-document"}),
        (add_file, {"unknown-document"}),
    ],
)
def test_a_change_in_the_document_store_is_found(
    month: ReleasedMonth, change: Callable[[ReleasedMonth], None], expected: set[str]
) -> None:
    change(month)

    assert month.checks() == expected


def test_a_release_in_the_log_alone_is_found(month: ReleasedMonth) -> None:
    log(month.stack, month.database, "released", "0" * 64)

    assert month.checks() == {"decision-log"}


@pytest.mark.parametrize("person", [" bob", "bob ", "\tbob", "bob\u00a0", "ＢＯＢ", "bo\u200bb"])
def test_a_user_name_with_blanks_is_the_same_person_in_register_and_log(
    stack: Stack, module_store_database: str, settings: Settings, close_id: int, person: str
) -> None:
    month = release_month(stack, module_store_database, settings, close_id, person=person)
    assert month.audit().findings == []
    # Version 0.1.0 left the blanks out in the register
    month.tamper("update reporting.statement_decisions set decided_by = %s", person.strip())
    assert month.audit().findings == []


def test_a_manifest_that_was_taken_out_is_missed_by_the_next_one(month: ReleasedMonth) -> None:
    # Given a second manifest, for which a document was replaced
    month.tamper("update reporting.statement_documents set unsigned_sha256 = repeat('1', 64)")
    second, _ = manifest_of(month.settings, month.close_id)
    assert second.sha256 != month.manifest.sha256
    # When the first one goes, from register and document store
    month.tamper("delete from reporting.statement_decisions")
    month.tamper("delete from reporting.desk_log")
    month.tamper("delete from reporting.statement_manifests where sha256 <> %s", second.sha256)
    lose_manifest(month)
    # Then the second one names it
    assert month.checks() == {"manifest-missing", "log-entry"}


def test_the_command_prints_findings_by_ids_and_ends_with_a_status(
    month: ReleasedMonth, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["audit", "--conninfo", month.settings.store]
    arguments += ["--documents", month.settings.documents_url]
    assert main(arguments) == 0
    assert capsys.readouterr().out.startswith("0 findings; looked at 1 manifests, 3 entries")

    lose_document(month)
    assert main(arguments) == 1
    first = capsys.readouterr().out.splitlines()[0]
    assert first.startswith(
        f"document-missing: statement {month.close_id}-1-USD: document statements/"
    )

    assert main([*arguments, "--json"]) == 1
    report = json.loads(capsys.readouterr().out)
    assert [finding["check"] for finding in report["findings"]] == ["document-missing"]

    assert main(["audit", "--conninfo", "host=127.0.0.1 port=1", *arguments[3:]]) == 4
    assert "CB-RETRY-STORE-FAILED" in capsys.readouterr().err


# ---- the log's end outside of the database ---------------------------------------------


def rewritten(month: ReleasedMonth) -> None:
    """Write the whole log again, with hashes that follow, as the database's owner can."""
    entries = [(row["person"], row["act"], row["document_sha256"]) for row in month_log(month)]
    month.tamper("delete from reporting.desk_log")
    for person, act, digest in entries:
        log(month.stack, month.database, act, digest, person.replace("bob", "eve"))


def month_log(month: ReleasedMonth) -> list[dict[str, Any]]:
    with month.admin() as admin:
        return admin.execute("select * from reporting.desk_log order by entry_id").fetchall()


def verify_log(month: ReleasedMonth) -> int:
    arguments = ["verify-log", "--conninfo", month.settings.store]
    return main([*arguments, "--documents", month.settings.documents_url])


def test_a_log_that_was_written_again_is_found_by_an_anchor(
    month: ReleasedMonth, capsys: pytest.CaptureFixture[str]
) -> None:
    anchor = log_anchors.write_anchor(month.settings)
    assert anchor.entry_count == 1
    assert verify_log(month) == 0
    assert "2 anchors in the document store agree" in capsys.readouterr().out

    rewritten(month)

    assert main(["verify-log", "--conninfo", month.settings.store]) == 0
    assert "compared with no anchors" in capsys.readouterr().out
    assert verify_log(month) == 1
    assert "CB-DATA-DESK-LOG-REWRITTEN" in capsys.readouterr().err
    assert "log-entry" in month.checks()


def test_a_log_that_was_cut_short_is_found_by_an_anchor(
    month: ReleasedMonth, capsys: pytest.CaptureFixture[str]
) -> None:
    log(month.stack, month.database, "looked", None)
    log_anchors.write_anchor(month.settings)

    month.tamper("delete from reporting.desk_log where entry_id = 2")

    assert verify_log(month) == 1
    assert "CB-DATA-DESK-LOG-SHORTER-THAN-ANCHOR" in capsys.readouterr().err


def test_a_manifest_is_an_anchor_of_the_log(
    month: ReleasedMonth, capsys: pytest.CaptureFixture[str]
) -> None:
    # Given a second manifest, written when the log had the entry of the release
    month.tamper("update reporting.statement_documents set unsigned_sha256 = repeat('1', 64)")
    manifest_of(month.settings, month.close_id)
    assert verify_log(month) == 0

    rewritten(month)

    assert verify_log(month) == 1
    assert "manifests/2026-10/" in capsys.readouterr().err


def test_an_end_of_the_log_gets_one_anchor_and_each_names_the_one_before(
    month: ReleasedMonth, capsys: pytest.CaptureFixture[str]
) -> None:
    first = log_anchors.write_anchor(month.settings)
    assert log_anchors.write_anchor(month.settings) == first
    log(month.stack, month.database, "looked", None)
    second = log_anchors.write_anchor(month.settings)
    assert json.loads(month.file(second.source).read_bytes())["previous"] == first.source

    month.file(first.source).unlink()

    assert verify_log(month) == 1
    assert "CB-DATA-LOG-ANCHOR-MISSING" in capsys.readouterr().err
    assert month.checks() == {"log-anchor"}


def test_the_environments_document_store_is_used_without_the_option(
    month: ReleasedMonth, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(os.environ, "CLOSEBOOK_DOCUMENTS_URL", month.settings.documents_url)
    assert main(["audit", "--conninfo", month.settings.store]) == 0
    monkeypatch.delenv("CLOSEBOOK_DOCUMENTS_URL")
    assert main(["audit", "--conninfo", month.settings.store]) == 2
    assert "--documents" in capsys.readouterr().err
