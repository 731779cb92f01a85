"""What a statement rests on: issue, release, the documents' files."""

from tests.mutants.guard import Guard

HOSTILE = "tests/statements/test_hostile.py::"
ISSUE = "tests/closes/test_documents.py::"
SIGNED = "tests/closes/test_signed_documents.py::"
MANIFEST = "tests/closes/test_manifest.py::"
MODEL = "tests/statements/test_model.py::"
REISSUE = "tests/closes/test_reissue.py::"
RELEASE = "tests/closes/test_release.py::"
DOCUMENTS = "tests/statements/test_document_store.py::"
DISK = "tests/faults/test_disk.py::"
SQL_CASE = "tests/sql/test_queries.py::test_case"
OBSTACLES = SQL_CASE + "[statement_decisions/obstacles: "
RELEASE_SQL = "sql/reporting/migrations/0004_release.sql"

STATEMENTS = (
    # ---- issue and release -----------------------------------------------------------------
    Guard(
        "issue: a month changes for a reason only",
        "plugins/closebook/closes/register.py",
        "if content.change_needs_reason and run.reason is None:",
        "if False:",
        (REISSUE + "test_a_month_that_is_issued_does_not_change_for_a_run_without_a_reason",),
    ),
    Guard(
        "issue: a change that nobody asked for is on record",
        "plugins/closebook/closes/execute.py",
        "                _record(settings, failure.tie_out, run)",
        "                pass",
        (REISSUE + "test_a_month_that_is_issued_does_not_change_for_a_run_without_a_reason",),
    ),
    Guard(
        "issue: once asked for, the change is no obstacle any more",
        "plugins/closebook/closes/register.py",
        "proved.append(checks.found(SAME_AS_ISSUED, period))",
        "pass",
        (
            RELEASE
            + "test_a_month_that_is_known_to_differ_from_the_platform_is_not_released_as_it_is",
        ),
    ),
    Guard(
        "issue: a line that differs is issued again",
        "sql/statement_versions/insert.sql",
        "having count(*) = 1",
        "having false",
        (
            SQL_CASE
            + "[statement_versions/insert: "
            + "a line that differs, came or went makes its statement another one, "
            + "whatever the totals]",
        ),
    ),
    Guard(
        "issue: what is the same keeps its version",
        "sql/statement_versions/insert.sql",
        "having count(*) = 2",
        "having count(*) = 3",
        (REISSUE + "test_only_the_statement_that_differs_is_issued_again",),
    ),
    Guard(
        "release: a second person",
        RELEASE_SQL,
        "where lower(involved.requested_by) = lower(shown.person)",
        "where false",
        (RELEASE + "test_who_triggered_the_run_does_not_release_it",),
    ),
    Guard(
        "release: the manifest that was shown",
        RELEASE_SQL,
        "where manifest.sha256 is distinct from shown.sha256",
        "where false",
        (RELEASE + "test_what_was_issued_after_it_was_shown_is_not_released",),
    ),
    Guard(
        "release: all checks tie out",
        RELEASE_SQL,
        "where checked.offending_count > 0",
        "where false",
        (RELEASE + "test_a_month_in_which_a_check_does_not_tie_out_is_not_released",),
    ),
    Guard(
        "release: no document is missing",
        RELEASE_SQL,
        "where manifest.missing_count > 0",
        "where false",
        (RELEASE + "test_a_month_with_a_missing_document_is_not_released",),
    ),
    Guard(
        "release: somebody, not nobody",
        RELEASE_SQL,
        "shown.person = ''\n            or exists",
        "exists",
        (OBSTACLES + "nobody is no person]",),
    ),
    Guard(
        "release: who asked for the manifest is involved",
        RELEASE_SQL,
        "inner join unreleased on manifests.close_id = unreleased.close_id",
        "where false",
        (OBSTACLES + "nor who had a manifest of it written]",),
    ),
    Guard(
        "release: who asked for a document is involved",
        RELEASE_SQL,
        "inner join unreleased on documents.close_id = unreleased.close_id",
        "where false",
        (OBSTACLES + "nor who had one of its documents rendered]",),
    ),
    Guard(
        "release: what an earlier close issued and nobody released counts",
        RELEASE_SQL,
        "            select versions.issued_close_id\n",
        "            select versions.close_id\n",
        (OBSTACLES + "nor who asked for the close that issued it]",),
    ),
    Guard(
        "release: what is released is nobody's own any more",
        RELEASE_SQL,
        "manifests.close_id = standing.close_id",
        "false",
        (OBSTACLES + "what a second person has released before is nobody's own any more]",),
    ),
    Guard(
        "release: a manifest that is there",
        RELEASE_SQL,
        "where not exists (select 1 from manifest)",
        "where false",
        (OBSTACLES + "a manifest that is not there]",),
    ),
    Guard(
        "release: once",
        RELEASE_SQL,
        "inner join shown on decisions.manifest_id = shown.manifest_id\n"
        "        where decisions.decision = 'released'",
        "inner join shown on decisions.manifest_id = shown.manifest_id\n        where false",
        (RELEASE + "test_a_month_is_released_once",),
    ),
    Guard(
        "release: not closed again since",
        RELEASE_SQL,
        "where not manifest.is_current",
        "where false",
        (OBSTACLES + "a month that was closed again since]",),
    ),
    Guard(
        "release: no later manifest",
        RELEASE_SQL,
        "having count(*) > 0",
        "having false",
        (OBSTACLES + "a later manifest says that something was issued since]",),
    ),
    Guard(
        "release: no document beside the manifest",
        RELEASE_SQL,
        "having count(documents.account_id) <> manifest.document_count",
        "having false",
        (OBSTACLES + "so does a document that the manifest does not have]",),
    ),
    Guard(
        "release: a check is on record",
        RELEASE_SQL,
        "where checked.close_id = manifest.close_id",
        "",
        (OBSTACLES + "the checks of a day in it do not prove the month]",),
    ),
    Guard(
        "release: a check that failed while it was closed again counts",
        RELEASE_SQL,
        "where tie_outs.close_id is null or closes.is_current",
        "where closes.is_current",
        (
            OBSTACLES
            + "the last result of a check counts, and a failed attempt to close again is one]",
        ),
    ),
    Guard(
        "release: the table itself refuses",
        RELEASE_SQL,
        "if found is not null then",
        "if false then",
        (
            SQL_CASE
            + "[statement_decisions/insert: "
            + "the table itself refuses who asked for the run]",
        ),
    ),
    Guard(
        "release: nothing is seen before",
        RELEASE_SQL,
        "        and decisions.decision = 'released'\n    order by",
        "    order by",
        (RELEASE + "test_a_rejection_is_kept_with_its_reason_and_shows_nothing",),
    ),
    Guard(
        "release: nothing is superseded before",
        RELEASE_SQL,
        "            and decisions.decision = 'released'\n    ) as is_superseded",
        "    ) as is_superseded",
        (
            RELEASE
            + "test_a_release_marks_every_earlier_version_though_one_in_between_was_never_released",
        ),
    ),
    # ---- the documents ---------------------------------------------------------------------
    Guard(
        "documents: a statement adds up",
        "plugins/closebook/statements/model.py",
        "if self.closing_minor != balance_minor:",
        "if False:",
        (MODEL + "test_a_difference_of_one_minor_unit_or_one_line_is_refused",),
    ),
    Guard(
        "documents: rename",
        "plugins/closebook/statements/document_store.py",
        "    _make_folder(final.parent)\n    try:",
        "    _make_folder(final.parent)\n    partial = final\n    try:",
        (DISK + "test_a_task_that_is_killed_while_it_writes_a_document",),
    ),
    Guard(
        "documents: nothing partial is left",
        "plugins/closebook/statements/document_store.py",
        "partial.unlink(missing_ok=True)",
        "pass",
        (DISK + "test_a_disk_that_is_full_while_documents_are_written",),
    ),
    Guard(
        "documents: content is what the name says",
        "plugins/closebook/statements/document_store.py",
        "if found != expected:",
        "if False:",
        (DOCUMENTS + "test_a_changed_document_is_noticed",),
    ),
    Guard(
        "documents: a lost one stops the manifest",
        "plugins/closebook/statements/manifest.py",
        "if lost:",
        "if False:",
        (MANIFEST + "test_a_registered_document_that_is_lost_stops_the_manifest",),
    ),
    Guard(
        "documents: a lost one is not replaced by another",
        "plugins/closebook/statements/archive.py",
        "if registered_name not in {None, document.object_name}:",
        "if False:",
        (ISSUE + "test_a_lost_file_that_cannot_be_made_again_has_to_come_from_a_backup",),
    ),
    Guard(
        "documents: of two that file a statement one does",
        "plugins/closebook/statements/archive.py",
        "return added.rowcount == 1",
        "return True",
        (SIGNED + "test_two_processes_that_add_the_same_statement_leave_one_document",),
    ),
    Guard(
        "documents: a lost one is kept again",
        "plugins/closebook/statements/archive.py",
        "if not is_new and registered_name is None:",
        "if not is_new:",
        (ISSUE + "test_a_lost_file_is_rendered_again_to_the_same_bytes",),
    ),
    Guard(
        "documents: a page that is no XML",
        "plugins/closebook/statements/weasyprint_adapter/page_layout.py",
        "except ParseError as error:",
        "except ZeroDivisionError as error:",
        (HOSTILE + "test_a_template_with_missing_escapes_or_end_tags_is_a_wrong_setting",),
    ),
)
