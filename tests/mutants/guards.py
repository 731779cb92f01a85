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
RANGE = "tests/closes/test_day_range.py::"
REGISTER = "tests/test_register.py::"
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
WORKERS = "tests/faults/servers/test_workers.py::"
AGREEMENT = "tests/closes/test_cross_check.py::"
COLLECTION = "tests/health/test_collection.py::"
PLANS = "tests/health/test_plans.py::"
THRESHOLDS = "tests/health/test_thresholds.py::"
SQL_CASE = "tests/sql/test_queries.py::test_case"
OBSTACLES = SQL_CASE + "[reporting/decision_obstacles: "
INTERVAL = SQL_CASE + "[reporting/health_interval: "
RELEASE_SQL = "sql/reporting/migrations/0004_release.sql"
HEALTH_SQL = "sql/reporting/migrations/0006_health.sql"
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
        "fence: workers that write rows",
        "sql/primary/fence.sql",
        "and backend_type not in ('autovacuum worker', 'walsender')",
        "and backend_type = 'client backend'",
        (WORKERS + "test_a_worker_of_logical_replication_keeps_the_period_open_until_it_commits",),
    ),
    Guard(
        "fence: not autovacuum, which writes none",
        "sql/primary/fence.sql",
        "and backend_type not in ('autovacuum worker', 'walsender')",
        "and backend_type <> 'walsender'",
        (FENCE + "test_autovacuum_at_work_is_no_obstacle",),
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
    # ---- two replicas, one answer ----------------------------------------------------------
    Guard(
        "cross-check: the second replica only confirms",
        "plugins/closebook/closes.py",
        "if reading.agrees_with is not None:",
        "if False:",
        (AGREEMENT + "test_one_minor_unit_between_two_replicas_stops_the_close",),
    ),
    Guard(
        "cross-check: two replicas, not one twice",
        "plugins/closebook/replicas.py",
        "if r != first.replica)",
        "if r)",
        (AGREEMENT + "test_with_one_replica_behind_it_is_not_ready",),
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
        "issue: a change that nobody asked for is on record",
        "plugins/closebook/closing.py",
        "                _record(settings, failure.tie_out, run)",
        "                pass",
        (REISSUE + "test_a_month_that_is_issued_does_not_change_for_a_run_without_a_reason",),
    ),
    Guard(
        "issue: once asked for, the change is no obstacle any more",
        "plugins/closebook/closes.py",
        "proved.append(checks.found(SAME_AS_ISSUED, period, []))",
        "pass",
        (
            RELEASE
            + "test_a_month_that_is_known_to_differ_from_the_platform_is_not_released_as_it_is",
        ),
    ),
    Guard(
        "issue: a line that differs is issued again",
        "sql/reporting/insert_statement_versions.sql",
        "having count(*) = 1",
        "having false",
        (
            SQL_CASE
            + "[reporting/insert_statement_versions: "
            + "a line that differs, came or went makes its statement another one, "
            + "whatever the totals]",
        ),
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
            + "[reporting/insert_statement_decision: "
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
    Guard(
        "documents: of two that file a statement one does",
        "plugins/closebook/statements/filing.py",
        "return added.rowcount == 1",
        "return True",
        (
            ISSUE
            + "test_of_two_that_sign_the_same_statement_one_files_it_and_the_other_leaves_nothing",
        ),
    ),
    Guard(
        "documents: a lost one is kept again",
        "plugins/closebook/statements/filing.py",
        "named, seals) and registered_name is None:",
        "named, seals):",
        (ISSUE + "test_a_lost_file_is_rendered_again_to_the_same_bytes",),
    ),
    # ---- health ----------------------------------------------------------------------------
    Guard(
        "health: no interval across a start",
        HEALTH_SQL,
        "samples.postmaster_started_at = previous.postmaster_started_at\n"
        "            and samples.stats_reset_at",
        "samples.stats_reset_at",
        (INTERVAL + "nor does one after the server was started anew, even with higher counters]",),
    ),
    Guard(
        "health: no interval across a reset",
        HEALTH_SQL,
        "            and samples.stats_reset_at is not distinct from previous.stats_reset_at,",
        "            ,",
        (INTERVAL + "nor after its statistics were reset, even with higher counters]",),
    ),
    Guard(
        "health: no interval of a counter that went back",
        HEALTH_SQL,
        "and least(pairs.index_blocks_hit, pairs.index_blocks_read) >= 0",
        "",
        (INTERVAL + "nor one whose counter went back]",),
    ),
    Guard(
        "health: no interval of statements across a reset",
        HEALTH_SQL,
        "            and samples.statements_reset_at = previous.statements_reset_at,",
        "            ,",
        (
            SQL_CASE
            + "[reporting/slow_statements_of_sample: "
            + "none where the statements' counters began anew]",
        ),
    ),
    Guard(
        "health: a server that is down is a finding",
        "plugins/closebook/health.py",
        'yield Alert("server_down", server.problem or "it does not answer")',
        "yield from ()",
        (COLLECTION + "test_a_server_that_is_down_is_a_row_that_says_so_and_the_others_are_kept",),
    ),
    Guard(
        "health: without any server the run fails",
        "plugins/closebook/health.py",
        "if all(server.figures is None for server in servers):",
        "if False:",
        (COLLECTION + "test_when_no_server_answers_that_is_kept_and_the_run_fails",),
    ),
    Guard(
        "health: the primary is one",
        "plugins/closebook/server_health.py",
        'if server["in_recovery"]:',
        "if False:",
        (COLLECTION + "test_a_primary_connection_that_leads_to_a_replica_is_a_finding",),
    ),
    Guard(
        "health: a plan that changed is an alert",
        "plugins/closebook/health.py",
        "if not plan.is_as_meant:",
        "if False:",
        (PLANS + "test_without_it_each_query_on_each_replica_is_an_alert",),
    ),
    Guard(
        "health: a scan of a whole large table is not as meant",
        "plugins/closebook/plans.py",
        "return row_count <= SMALL_TABLE_ROWS or (",
        "return True or (",
        (PLANS + "test_without_it_each_query_on_each_replica_is_an_alert",),
    ),
    Guard(
        "health: an idle primary is no lag",
        "plugins/closebook/thresholds.py",
        "if vitals.lag_bytes and (",
        "if (",
        (THRESHOLDS + "test_what_says_nothing_is_no_alert",),
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
    # ---- ranges of days, and their register ------------------------------------------------
    Guard(
        "range: what it has closed is not repeated",
        "plugins/closebook/day_range.py",
        "if counts.get(day.start, 0) < most] or [*days]",
        "]",
        (RANGE + "test_once_mended_the_same_run_closes_the_rest_and_repeats_nothing",),
    ),
    Guard(
        "range: lost servers end a try",
        "plugins/closebook/day_range.py",
        "while queue and unready_in_a_row <= UNREADY_IN_A_ROW:",
        "while queue:",
        (RANGE + "test_without_replicas_it_ends_after_the_third_day_and_goes_on_from_there",),
    ),
    Guard(
        "range: days that stay unready keep no other from its close",
        "plugins/closebook/day_range.py",
        "queue.pop() if unready_in_a_row == UNREADY_IN_A_ROW else queue.popleft()",
        "queue.popleft()",
        (RANGE + "test_days_that_are_not_over_end_it_after_the_third_and_are_worth_a_retry",),
    ),
    Guard(
        "register: a close is not deleted",
        "sql/reporting/migrations/0007_register.sql",
        "before delete on reporting.closes\n",
        "before delete on reporting.tie_outs\n",
        (REGISTER + "test_not_even_the_owner_deletes_or_renumbers_a_close",),
    ),
    Guard(
        "register: rows of a close that it has",
        "sql/reporting/migrations/0007_register.sql",
        "if found then",
        "if false then",
        (REGISTER + "test_rows_of_a_close_are_written_and_of_an_unknown_one_none",),
    ),
)
