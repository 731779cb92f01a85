"""The guards: each with the text that it is, what to put in its place, who must notice.

A guard that can be taken out without a test that fails is not tested. `make mutants` tries.
"""

from dataclasses import dataclass

FENCE = "tests/closes/test_fence.py::"
PRIMARY = "tests/closes/test_primary.py::"
CHOICE = "tests/closes/test_choice.py::"
HOUR = "tests/closes/test_hour.py::"
DAY = "tests/closes/test_day.py::"
MONTH = "tests/closes/test_month.py::"
REPLICAS = "tests/closes/test_replicas.py::"
ISSUE = "tests/closes/test_documents.py::"
MODEL = "tests/statements/test_model.py::"
REISSUE = "tests/closes/test_reissue.py::"
RELEASE = "tests/closes/test_release.py::"
DOCUMENTS = "tests/statements/test_documents.py::"
COUNTER = "tests/test_counter.py::"
DAGS = "tests/dags/test_dags.py::"
SCHEDULING = "tests/dags/test_scheduling.py::"
READS = "tests/faults/test_reads.py::"
WRITES = "tests/faults/test_writes.py::"
DISK = "tests/faults/test_disk.py::"
PUBLICATION = "tests/faults/test_publication.py::"
FAILOVER = "tests/faults/servers/test_failover.py::"
ACCESS = "tests/desk/test_access.py::"
DESK_DOCUMENTS = "tests/desk/test_documents.py::"
DESK_RELEASE = "tests/desk/test_release.py::"
STORE_ROLES = "tests/test_store_roles.py::"


@dataclass(frozen=True)
class Guard:
    """A guard: ``old`` is found once in the file, ``new`` is the same place without it."""

    name: str
    file: str
    old: str
    new: str
    tests: tuple[str, ...]


GUARDS = (
    # ---- the fence -----------------------------------------------------------------------
    Guard(
        "fence: the period has ended",
        "plugins/closebook/fence.py",
        "if remaining <= 0:",
        "if True:",
        (HOUR + "test_an_hour_that_has_not_ended_is_not_ready",),
    ),
    Guard(
        "fence: grace",
        "plugins/closebook/fence.py",
        "timedelta(seconds=settings.fence_grace_seconds)",
        "timedelta(seconds=0)",
        (HOUR + "test_an_hour_that_has_just_ended_is_closed_once_the_grace_is_over",),
    ),
    Guard(
        "fence: open transactions",
        "plugins/closebook/fence.py",
        'if backend["began_at"] < period.end:',
        "if False:",
        (FENCE + "test_it_closes_with_the_row_of_that_transaction_after_its_commit",),
    ),
    Guard(
        "fence: hidden transactions",
        "plugins/closebook/fence.py",
        'if backend["began_at"] is None:',
        'if backend["began_at"] is None:\n        return None\n    if not backend:',
        (FENCE + "test_a_session_that_hides_its_transactions_keeps_the_period_open",),
    ),
    Guard(
        "fence: prepared transactions",
        "plugins/closebook/fence.py",
        'suspects = {row["transaction_id"] for row in seen.prepared}',
        "suspects = set()",
        (
            FENCE
            + "test_a_transaction_prepared_before_the_end_keeps_the_period_open_until_it_commits",
        ),
    ),
    Guard(
        "fence: sees_all_backends",
        "plugins/closebook/fence.py",
        'if not clock["sees_all_backends"]:',
        "if False:",
        (PRIMARY + "test_a_fence_role_that_cannot_see_the_others_is_refused_not_believed",),
    ),
    Guard(
        "fence: page headers",
        "plugins/closebook/fence.py",
        'if position % log["block_bytes"] == PAGE_HEADER_BYTES:',
        "if False:",
        (FENCE + "test_an_idle_primary_whose_log_stands_at_the_start_of_a_page_is_ready",),
    ),
    # ---- the replica ---------------------------------------------------------------------
    Guard(
        "replica: past the fence",
        "plugins/closebook/replica_status.py",
        "if not self.lag_bytes(fence):\n            return None",
        "if True:\n            return None",
        (REPLICAS + "test_a_replica_that_does_not_replay_is_passed_over_for_the_other",),
    ),
    Guard(
        "replica: in recovery when it is chosen",
        "plugins/closebook/replica_status.py",
        "if not self.in_recovery:",
        "if False:",
        (REPLICAS + "test_a_server_that_is_no_replica_is_never_read",),
    ),
    Guard(
        "replica: in recovery when it is read",
        "plugins/closebook/replicas.py",
        'if not identity["in_recovery"]:',
        "if False:",
        (FAILOVER + "test_a_replica_that_is_promoted_between_the_choice_and_the_read_is_not_read",),
    ),
    Guard(
        "replica: the server that was chosen",
        "plugins/closebook/replicas.py",
        'if identity["postmaster_started_at"] != status.postmaster_started_at:',
        "if False:",
        (FAILOVER + "test_a_replica_that_is_rebuilt_between_the_choice_and_the_read_is_not_read",),
    ),
    Guard(
        "replica: the primary's cluster",
        "plugins/closebook/replicas.py",
        "if status.cluster != fence.cluster:",
        "if False:",
        (PRIMARY + "test_a_fence_on_another_cluster_than_the_replicas_is_refused",),
    ),
    Guard(
        "replica: the primary's timeline",
        "plugins/closebook/replica_status.py",
        "if self.timeline != fence.timeline:",
        "if False:",
        (CHOICE + "test_after_a_failover_a_replica_of_the_old_primary_is_not_read",),
    ),
    Guard(
        "replica: another one after a failure",
        "plugins/closebook/replicas.py",
        "(s.replica == avoided, s.open_transactions)",
        "s.open_transactions",
        (REPLICAS + "test_a_read_that_is_cut_off_begins_again_on_the_other_replica",),
    ),
    Guard(
        "replica: one snapshot",
        "plugins/closebook/replicas.py",
        "IsolationLevel.REPEATABLE_READ",
        "IsolationLevel.READ_COMMITTED",
        (REPLICAS + "test_the_reader_reads_in_one_read_only_snapshot",),
    ),
    Guard(
        "replica: hang-up of a frozen one",
        "plugins/closebook/connections.py",
        "line.shutdown(socket.SHUT_RDWR)",
        "pass",
        (REPLICAS + "test_a_replica_that_hangs_does_not_hold_up_the_close",),
    ),
    Guard(
        "replica: a COPY that a shutdown ends",
        "plugins/closebook/connections.py",
        "error.sqlstate is None or ",
        "",
        (READS + "test_a_replica_that_goes_during_a_read",),
    ),
    # ---- the period's bounds, and the schedule --------------------------------------------
    Guard(
        "bounds: half-open hours",
        "sql/replica/hourly_volume.sql",
        "settled_at < %(period_end)s",
        "settled_at <= %(period_end)s",
        (HOUR + "test_a_row_on_the_boundary_belongs_to_the_later_hour",),
    ),
    Guard(
        "bounds: half-open days",
        "sql/replica/daily_volume.sql",
        "settled_at < %(period_end)s",
        "settled_at <= %(period_end)s",
        (DAY + "test_the_volume_of_a_day_equals_a_recount_by_every_dimension",),
    ),
    Guard(
        "bounds: half-open months",
        "sql/replica/statement_lines.sql",
        "posted_at < %(period_end)s",
        "posted_at <= %(period_end)s",
        (MONTH + "test_statements_equal_a_recount",),
    ),
    Guard(
        "schedule: one time zone",
        "plugins/closebook/scheduling.py",
        "if self.interval_start is not None and period.start != self.interval_start:",
        "if False:",
        (SCHEDULING + "test_an_interval_of_another_time_zone_is_refused",),
    ),
    Guard(
        "schedule: a backfill names no period",
        "plugins/closebook/scheduling.py",
        "if named and self.is_backfill:",
        "if False:",
        (SCHEDULING + "test_a_backfill_must_not_name_one_period_for_all_of_its_runs",),
    ),
    Guard(
        "schedule: nothing catches up by itself",
        "plugins/closebook/scheduling.py",
        '"catchup": False',
        '"catchup": True',
        (DAGS + "test_nothing_is_caught_up_by_itself",),
    ),
    Guard(
        "schedule: wrong data is not tried again",
        "plugins/closebook/scheduling.py",
        "action=RetryAction.FAIL",
        "action=RetryAction.RETRY",
        (DAGS + "test_not_ready_and_lost_servers_are_tried_again_and_wrong_data_stops",),
    ),
    # ---- the store -----------------------------------------------------------------------
    Guard(
        "store: advisory lock",
        "sql/reporting/lock_period.sql",
        "pg_advisory_xact_lock(",
        "abs(",
        (WRITES + "test_the_same_close_twice_at_once_with_both_about_to_write",),
    ),
    Guard(
        "store: the version that the reading began with",
        "plugins/closebook/closes.py",
        "if current_id != reading.basis.get((period.grain, period.start)):",
        "if False:",
        (HOUR + "test_a_later_fence_with_an_older_snapshot_does_not_undo_what_another_close_saw",),
    ),
    Guard(
        "store: see what the lock's holder wrote",
        "plugins/closebook/store.py",
        "IsolationLevel.READ_COMMITTED",
        "IsolationLevel.REPEATABLE_READ",
        (WRITES + "test_the_same_close_twice_at_once_with_both_about_to_write",),
    ),
    Guard(
        "store: tie-outs",
        "plugins/closebook/checks.py",
        "raise TieOutFailed(result)",
        "pass",
        (
            DAY + "test_a_join_that_doubles_rows_stops_the_close",
            MONTH + "test_an_opening_that_is_not_the_closing_before_stops_the_close",
        ),
    ),
    # ---- the counter ---------------------------------------------------------------------
    Guard(
        "counter: publish if newer",
        "plugins/closebook/publish_if_newer.lua",
        "publication > tonumber(ARGV[1])",
        "false",
        (PUBLICATION + "test_an_older_run_that_publishes_last_does_not_replace_a_newer_one",),
    ),
    Guard(
        "counter: numbered in order",
        "sql/reporting/lock_counter.sql",
        "pg_advisory_xact_lock(",
        "abs(",
        (PUBLICATION + "test_a_run_that_counts_while_another_one_numbers_its_count_waits_for_it",),
    ),
    Guard(
        "counter: gross never falls",
        "plugins/closebook/counter.py",
        '_refuse_falling_gross(last["counter_document"], content)',
        "pass",
        (COUNTER + "test_a_gross_total_that_would_fall_is_wrong_data_and_redis_keeps_the_old_one",),
    ),
    # ---- issue and release ----------------------------------------------------------------
    Guard(
        "issue: a month changes for a reason only",
        "plugins/closebook/closes.py",
        "if content.change_needs_reason and run.reason is None:",
        "if False:",
        (REISSUE + "test_a_month_that_is_issued_does_not_change_for_a_run_without_a_reason",),
    ),
    Guard(
        "issue: what is the same keeps its version",
        "sql/reporting/insert_statement_versions.sql",
        "having count(*) = 2",
        "having count(*) = 3",
        (REISSUE + "test_only_the_statement_that_differs_is_issued_again",),
    ),
    Guard(
        "release: a second person",
        "sql/reporting/migrations/0004_release.sql",
        "where lower(involved.requested_by) = lower(shown.person)",
        "where false",
        (RELEASE + "test_who_triggered_the_run_does_not_release_it",),
    ),
    Guard(
        "release: the manifest that was shown",
        "sql/reporting/migrations/0004_release.sql",
        "where manifest.sha256 is distinct from shown.sha256",
        "where false",
        (RELEASE + "test_what_was_issued_after_it_was_shown_is_not_released",),
    ),
    Guard(
        "release: all checks tie out",
        "sql/reporting/migrations/0004_release.sql",
        "where checked.offending_count > 0",
        "where false",
        (RELEASE + "test_a_month_in_which_a_check_does_not_tie_out_is_not_released",),
    ),
    Guard(
        "release: no document is missing",
        "sql/reporting/migrations/0004_release.sql",
        "where manifest.missing_count > 0",
        "where false",
        (RELEASE + "test_a_month_with_a_missing_document_is_not_released",),
    ),
    # ---- the documents -------------------------------------------------------------------
    Guard(
        "documents: a statement adds up",
        "plugins/closebook/statements/model.py",
        "if self.closing_minor != balance_minor:",
        "if False:",
        (MODEL + "test_one_minor_unit_or_one_line_amiss_is_refused",),
    ),
    Guard(
        "documents: rename",
        "plugins/closebook/statements/documents.py",
        "    _make_folder(final.parent)\n    try:",
        "    _make_folder(final.parent)\n    partial = final\n    try:",
        (DISK + "test_a_task_that_is_killed_while_it_writes_a_document",),
    ),
    Guard(
        "documents: nothing partial is left",
        "plugins/closebook/statements/documents.py",
        "partial.unlink(missing_ok=True)",
        "pass",
        (DISK + "test_a_disk_that_is_full_while_documents_are_written",),
    ),
    Guard(
        "documents: content is what the name says",
        "plugins/closebook/statements/documents.py",
        "if found != expected:",
        "if False:",
        (DOCUMENTS + "test_a_changed_document_is_noticed",),
    ),
    Guard(
        "documents: a lost one stops the manifest",
        "plugins/closebook/statements/issue.py",
        "if lost:",
        "if False:",
        (ISSUE + "test_a_registered_document_that_is_lost_stops_the_manifest",),
    ),
    Guard(
        "documents: a lost one is not replaced by another",
        "plugins/closebook/statements/filing.py",
        "if registered_name not in {None, named.object_name}:",
        "if False:",
        (ISSUE + "test_a_lost_file_that_would_not_be_the_same_again_has_to_come_from_a_backup",),
    ),
    # ---- the desk ------------------------------------------------------------------------
    Guard(
        "desk: a route without a row",
        "plugins/closebook/desk/gate.py",
        "return self._rules.get((request.method, route.path))",
        "return self._rules.get((request.method, route.path), access.Anyone.SIGNED_IN)",
        (ACCESS + "test_a_route_without_a_row_is_refused_and_so_is_whatever_is_mounted",),
    ),
    Guard(
        "desk: a log-in",
        "plugins/closebook/desk/gate.py",
        "if person is None:",
        "if False:",
        (ACCESS + "test_nobody_gets_in_without_a_log_in_and_pages_lead_there_and_back",),
    ),
    Guard(
        "desk: a role",
        "plugins/closebook/desk/gate.py",
        "if not allowed:",
        "if False:",
        (ACCESS + "test_a_route_is_open_to_these_and_refused_to_all_others",),
    ),
    Guard(
        "desk: a role other than Admin for documents",
        "plugins/closebook/desk/people.py",
        "return not permission.confidential or any(",
        "return True or any(",
        (ACCESS + "test_admin_alone_opens_no_documents",),
    ),
    Guard(
        "desk: a role that is still there",
        "plugins/closebook/desk/people.py",
        "manager.cache.pop(user.id, None)",
        "pass",
        (ACCESS + "test_a_link_stops_working_at_once_when_the_role_is_taken_away",),
    ),
    Guard(
        "desk: a change comes from its own site",
        "plugins/closebook/desk/gate.py",
        "if request.method not in _SAFE_METHODS and not _is_same_origin(request):",
        "if False:",
        (ACCESS + "test_a_change_that_another_site_or_session_sends_is_refused",),
    ),
    Guard(
        "desk: a change comes from a form of the session",
        "plugins/closebook/desk/forms.py",
        "not compare_digest(sent.encode(), expected.encode())",
        "False",
        (ACCESS + "test_a_change_that_another_site_or_session_sends_is_refused",),
    ),
    Guard(
        "desk: released statements only",
        "sql/desk/statement.sql",
        "and (%(may_review)s::boolean or statement_state in ('released', 'superseded'))",
        "and %(may_review)s::boolean is not null",
        (
            DESK_DOCUMENTS
            + "test_an_id_of_another_month_or_version_that_is_not_released_is_not_there",
        ),
    ),
    Guard(
        "desk: released statements only, in a ZIP",
        "sql/desk/selected_documents.sql",
        "where statements.statement_state in ('released', 'superseded')",
        "where true",
        (DESK_DOCUMENTS + "test_a_selection_leaves_out_what_is_not_released",),
    ),
    Guard(
        "desk: ids are looked up, and nothing else",
        "plugins/closebook/desk/statements.py",
        "Id = Annotated[int, Path(ge=0, lt=2**63)]",
        "Id = Annotated[str, Path()]",
        (DESK_DOCUMENTS + "test_a_path_leads_to_no_file_and_a_guessed_id_to_nothing",),
    ),
    Guard(
        "desk: who asked for the run does not release it",
        "plugins/closebook/desk/releases.py",
        "release.release(store, period, manifest_sha256, person.name, why or None)",
        'release.release(store, period, manifest_sha256, "somebody", why or None)',
        (DESK_RELEASE + "test_who_asked_for_the_run_does_not_release_it",),
    ),
    Guard(
        "desk: the log is chained",
        "sql/reporting/migrations/0005_desk.sql",
        "            new.previous_sha256,\n            new.entry_id::text,",
        "            new.entry_id::text,",
        (DESK_RELEASE + "test_the_chain_is_verified_and_says_where_it_was_broken",),
    ),
    Guard(
        "desk: the chain is verified",
        "plugins/closebook/desk_log.py",
        ' or entry["entry_sha256"] != _hash(entry):',
        ":",
        (DESK_RELEASE + "test_the_chain_is_verified_and_says_where_it_was_broken",),
    ),
    Guard(
        "desk: the log is only added to",
        "sql/reporting/migrations/0005_desk.sql",
        "grant insert (person, act, subject, document_sha256, address)",
        "grant insert, update",
        (
            STORE_ROLES
            + "test_the_desk_says_what_an_entry_of_its_log_is_about_and_nothing_of_the_chain",
        ),
    ),
)
