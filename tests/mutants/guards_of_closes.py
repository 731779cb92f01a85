"""What a close rests on: fence, replica, bounds, store, counter, ranges of days."""

from tests.mutants.guard import Guard

FENCE = "tests/closes/test_fence.py::"
PRIMARY = "tests/closes/test_primary.py::"
CHOICE = "tests/closes/test_choice.py::"
HOUR = "tests/closes/test_hour.py::"
DAY = "tests/closes/test_day.py::"
MONTH = "tests/closes/test_month.py::"
REPLICAS = "tests/closes/test_replicas.py::"
RANGE = "tests/closes/test_day_range.py::"
REGISTER = "tests/test_register.py::"
COUNTER = "tests/test_counter.py::"
DAGS = "tests/dags/test_dags.py::"
SCHEDULING = "tests/dags/test_scheduling.py::"
READS = "tests/faults/test_reads.py::"
WRITES = "tests/faults/test_writes.py::"
PUBLICATION = "tests/faults/test_publication.py::"
FAILOVER = "tests/faults/servers/test_failover.py::"
WORKERS = "tests/faults/servers/test_workers.py::"
AGREEMENT = "tests/closes/test_cross_check.py::"
REISSUE = "tests/closes/test_reissue.py::"
MEMORY = "tests/closes/test_memory.py::"
READ_PLANS = "tests/closes/test_plans.py::"
CUT_DAY = DAY + "test_a_day_that_begins_or_ends_within_an_hour_closes_with_its_whole_hours"

CLOSES = (
    # ---- the fence -------------------------------------------------------------------------
    Guard(
        "fence: the period has ended",
        "plugins/closebook/platform/fence.py",
        "if remaining <= 0:",
        "if True:",
        (HOUR + "test_an_hour_that_has_not_ended_is_not_ready",),
    ),
    Guard(
        "fence: grace",
        "plugins/closebook/platform/fence.py",
        "timedelta(seconds=settings.fence_grace_seconds)",
        "timedelta(seconds=0)",
        (HOUR + "test_an_hour_that_has_just_ended_is_closed_once_the_grace_is_over",),
    ),
    Guard(
        "fence: open transactions",
        "plugins/closebook/platform/fence.py",
        'if backend["began_at"] < period.end:',
        "if False:",
        (FENCE + "test_it_closes_with_the_row_of_that_transaction_after_its_commit",),
    ),
    Guard(
        "fence: hidden transactions",
        "plugins/closebook/platform/fence.py",
        'if backend["began_at"] is None:',
        'if backend["began_at"] is None:\n        return None\n    if not backend:',
        (FENCE + "test_a_session_that_hides_its_transactions_keeps_the_period_open",),
    ),
    Guard(
        "fence: prepared transactions",
        "plugins/closebook/platform/fence.py",
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
        "plugins/closebook/platform/fence.py",
        'if not clock["sees_all_backends"]:',
        "if False:",
        (PRIMARY + "test_a_fence_role_that_cannot_see_the_others_is_refused_not_believed",),
    ),
    Guard(
        "fence: page headers",
        "plugins/closebook/platform/fence.py",
        'if position % log["block_bytes"] == PAGE_HEADER_BYTES:',
        "if False:",
        (FENCE + "test_an_idle_primary_whose_log_stands_at_the_start_of_a_page_is_ready",),
    ),
    # ---- the replica -----------------------------------------------------------------------
    Guard(
        "replica: past the fence",
        "plugins/closebook/platform/replica_status.py",
        "if not self.lag_bytes(fence):\n            return None",
        "if True:\n            return None",
        (REPLICAS + "test_a_replica_that_does_not_replay_is_passed_over_for_the_other",),
    ),
    Guard(
        "replica: in recovery when it is chosen",
        "plugins/closebook/platform/replica_status.py",
        "if not self.in_recovery:",
        "if False:",
        (REPLICAS + "test_a_server_that_is_no_replica_is_never_read",),
    ),
    Guard(
        "replica: in recovery when it is read",
        "plugins/closebook/platform/replicas.py",
        'if not identity["in_recovery"]:',
        "if False:",
        (FAILOVER + "test_a_replica_that_is_promoted_between_the_choice_and_the_read_is_not_read",),
    ),
    Guard(
        "replica: the server that was chosen",
        "plugins/closebook/platform/replicas.py",
        'if identity["postmaster_started_at"] != status.postmaster_started_at:',
        "if False:",
        (FAILOVER + "test_a_replica_that_is_rebuilt_between_the_choice_and_the_read_is_not_read",),
    ),
    Guard(
        "replica: the primary's cluster",
        "plugins/closebook/platform/replicas.py",
        "if asked.status.cluster != fence.cluster:",
        "if False:",
        (PRIMARY + "test_a_fence_on_another_cluster_than_the_replicas_is_refused",),
    ),
    Guard(
        "replica: the primary's timeline",
        "plugins/closebook/platform/replica_status.py",
        "if self.timeline != fence.timeline:",
        "if False:",
        (CHOICE + "test_after_a_failover_a_replica_of_the_old_primary_is_not_read",),
    ),
    Guard(
        "replica: another one after a failure",
        "plugins/closebook/platform/replicas.py",
        "(r.status.replica == avoided, r.status.open_transactions)",
        "r.status.open_transactions",
        (REPLICAS + "test_a_read_that_is_cut_off_begins_again_on_the_other_replica",),
    ),
    Guard(
        "replica: read on the connection that it was asked on",
        "plugins/closebook/platform/replicas.py",
        "read_transaction(settings, fence, chosen) as source:\n                    return",
        "_connected_read(settings, fence, chosen.leave()) as source:\n                return",
        (CHOICE + "test_the_chosen_replica_is_read_on_the_connection_that_it_was_asked_on",),
    ),
    Guard(
        "replica: those not chosen are left",
        "plugins/closebook/platform/replicas.py",
        "other.leave()",
        "pass",
        (CHOICE + "test_whoever_is_asked_in_vain_is_left",),
    ),
    Guard(
        "replica: one that refuses is left",
        "plugins/closebook/platform/replica_status.py",
        "except BaseException:\n            connection.close()",
        "except BaseException:",
        (CHOICE + "test_a_replica_that_refuses_is_left",),
    ),
    Guard(
        "replica: a connection that is lost before the read",
        "plugins/closebook/platform/replicas.py",
        "with _replica_error(replica):\n            connection.autocommit",
        "with suppress():\n            connection.autocommit",
        (CHOICE + "test_a_replica_whose_connection_is_lost_before_it_is_read_is_passed_over",),
    ),
    Guard(
        "replica: one snapshot",
        "plugins/closebook/platform/replicas.py",
        "IsolationLevel.REPEATABLE_READ",
        "IsolationLevel.READ_COMMITTED",
        (REPLICAS + "test_the_reader_reads_in_one_read_only_snapshot",),
    ),
    Guard(
        "replica: hang-up of a frozen one",
        "plugins/closebook/postgres.py",
        "line.shutdown(socket.SHUT_RDWR)",
        "pass",
        (REPLICAS + "test_a_replica_that_hangs_does_not_hold_up_the_close",),
    ),
    Guard(
        "replica: a COPY that a shutdown ends",
        "plugins/closebook/postgres.py",
        "error.sqlstate is None or ",
        "",
        (READS + "test_a_replica_that_goes_during_a_read",),
    ),
    # ---- two replicas, one answer ----------------------------------------------------------
    Guard(
        "cross-check: the second replica only confirms",
        "plugins/closebook/closes/register.py",
        "if reading.agrees_with is not None:",
        "if False:",
        (AGREEMENT + "test_one_minor_unit_between_two_replicas_stops_the_close",),
    ),
    Guard(
        "cross-check: two replicas, not one twice",
        "plugins/closebook/platform/replicas.py",
        "if r != first.replica)",
        "if r)",
        (AGREEMENT + "test_with_one_replica_behind_it_is_not_ready",),
    ),
    # ---- the period's bounds, and the schedule ---------------------------------------------
    Guard(
        "bounds: half-open hours",
        "sql/shared/settled_transactions.sql",
        "hour_start >= date_bin(",
        "hour_start > date_bin(",
        (HOUR + "test_a_row_on_the_boundary_belongs_to_the_later_hour",),
    ),
    Guard(
        "bounds: half-open days",
        "sql/shared/settled_transactions.sql",
        "hour_start < %(period_end)s",
        "hour_start <= %(period_end)s",
        (DAY + "test_the_volume_of_a_day_equals_a_recount_by_every_dimension",),
    ),
    Guard(
        "bounds: a day that begins within an hour",
        "plugins/closebook/periods.py",
        "_begins_an_hour(self.start) and _begins_an_hour(self.end)",
        "_begins_an_hour(self.end)",
        (CUT_DAY,),
    ),
    Guard(
        "bounds: a day that ends within an hour",
        "plugins/closebook/periods.py",
        "_begins_an_hour(self.start) and _begins_an_hour(self.end)",
        "_begins_an_hour(self.start)",
        (CUT_DAY,),
    ),
    Guard(
        "bounds: half-open days that end within an hour",
        "sql/shared/settled_transactions.sql",
        "settled_at < %(period_end)s",
        "settled_at <= %(period_end)s",
        (CUT_DAY,),
    ),
    Guard(
        "bounds: half-open months",
        "sql/statement_lines/read.sql",
        "posted_at < %(period_end)s",
        "posted_at <= %(period_end)s",
        (MONTH + "test_statements_equal_a_recount",),
    ),
    Guard(
        "schedule: one time zone",
        "plugins/closebook/orchestration/task_context.py",
        "if self.interval_start is not None and period.start != self.interval_start:",
        "if False:",
        (SCHEDULING + "test_an_interval_of_another_time_zone_is_refused",),
    ),
    Guard(
        "schedule: a backfill names no period",
        "plugins/closebook/orchestration/task_context.py",
        "if named and self.is_backfill:",
        "if False:",
        (SCHEDULING + "test_a_backfill_must_not_name_one_period_for_all_of_its_runs",),
    ),
    Guard(
        "schedule: nothing catches up by itself",
        "plugins/closebook/orchestration/task_context.py",
        '"catchup": False',
        '"catchup": True',
        (DAGS + "test_nothing_is_caught_up_by_itself",),
    ),
    Guard(
        "schedule: wrong data is not tried again",
        "plugins/closebook/orchestration/task_context.py",
        "action=RetryAction.FAIL",
        "action=RetryAction.RETRY",
        (DAGS + "test_not_ready_and_lost_servers_are_tried_again_and_wrong_data_stops",),
    ),
    # ---- the store -------------------------------------------------------------------------
    Guard(
        "store: advisory lock",
        "sql/closes/lock_period.sql",
        "pg_advisory_xact_lock(",
        "abs(",
        (WRITES + "test_the_same_close_twice_at_once_with_both_about_to_write",),
    ),
    Guard(
        "store: no transaction is open while fence and replica are waited for",
        "plugins/closebook/closes/execute.py",
        "with store.transaction():\n            basis",
        "if True:\n            basis",
        (WRITES + "test_a_store_that_ends_a_session_for_idling_while_a_replica_is_waited_for",),
    ),
    Guard(
        "store: the version that the reading began with",
        "plugins/closebook/closes/register.py",
        "if current_id != reading.basis.get((period.grain, period.start)):",
        "if False:",
        (HOUR + "test_a_later_fence_with_an_older_snapshot_does_not_undo_what_another_close_saw",),
    ),
    Guard(
        "store: see what the lock's holder wrote",
        "plugins/closebook/store/session.py",
        "IsolationLevel.READ_COMMITTED",
        "IsolationLevel.REPEATABLE_READ",
        (WRITES + "test_the_same_close_twice_at_once_with_both_about_to_write",),
    ),
    Guard(
        "store: tie-outs",
        "plugins/closebook/closes/checks.py",
        "raise TieOutFailed(result)",
        "pass",
        (
            DAY + "test_a_join_that_doubles_rows_stops_the_close",
            MONTH + "test_an_opening_that_is_not_the_closing_before_stops_the_close",
        ),
    ),
    Guard(
        "store: rows that offend are counted there, and the first of them fetched",
        "plugins/closebook/closes/checks.py",
        "from selected limit {}",
        "from selected limit 1000000 + {}",
        (
            MEMORY + "test_a_month_of_thirty_times_the_statements_takes_no_more_memory"
            "_even_if_all_are_corrected",
        ),
    ),
    Guard(
        "store: of rows that offend all are counted",
        "plugins/closebook/closes/checks.py",
        "return Selected(count, rows)",
        "return Selected(len(rows), rows)",
        (
            REISSUE
            + "test_of_very_many_statements_that_would_change_all_are_counted_and_some_are_shown",
        ),
    ),
    Guard(
        "replica: no second process for what ends before it has started",
        "sql/platform/roles.sql",
        "parallel_setup_cost = 500",
        "parallel_setup_cost = 100",
        (READ_PLANS + "test_an_hour_is_read_by_one_process_unless_it_is_very_large",),
    ),
    Guard(
        "store: proofs of rows that statistics do not know",
        "plugins/closebook/closes/month.py",
        '        store.execute(query("session/expect_many_rows"))\n',
        "",
        (
            MONTH
            + "test_a_month_of_many_accounts_is_closed_again_in_about_the_time_of_the_first_close",
        ),
    ),
    Guard(
        "store: no snapshot while it is written",
        "plugins/closebook/closes/month.py",
        "        reading.source.close()\n",
        "",
        (
            "tests/closes/test_month_and_days.py::"
            "test_a_month_that_is_being_written_holds_no_snapshot_on_a_replica",
        ),
    ),
    # ---- the counter -----------------------------------------------------------------------
    Guard(
        "counter: publish if newer",
        "plugins/closebook/counter/publish_if_newer.lua",
        "publication > tonumber(ARGV[1])",
        "false",
        (PUBLICATION + "test_an_older_run_that_publishes_last_does_not_replace_a_newer_one",),
    ),
    Guard(
        "counter: numbered in order",
        "sql/counter_publications/lock.sql",
        "pg_advisory_xact_lock(",
        "abs(",
        (PUBLICATION + "test_a_run_that_counts_while_another_one_numbers_its_count_waits_for_it",),
    ),
    Guard(
        "counter: gross never falls",
        "plugins/closebook/counter/publisher.py",
        '_refuse_falling_gross(last["counter_document"], content)',
        "pass",
        (COUNTER + "test_a_gross_total_that_would_fall_is_wrong_data_and_redis_keeps_the_old_one",),
    ),
    # ---- ranges of days, and their register ------------------------------------------------
    Guard(
        "range: what it has closed is not repeated",
        "plugins/closebook/closes/day_range.py",
        "if counts.get(day.start, 0) < most] or [*days]",
        "]",
        (RANGE + "test_once_mended_the_same_run_closes_the_rest_and_repeats_nothing",),
    ),
    Guard(
        "range: lost servers end a try",
        "plugins/closebook/closes/day_range.py",
        "while queue and unready_in_a_row <= UNREADY_IN_A_ROW:",
        "while queue:",
        (RANGE + "test_without_replicas_it_ends_after_the_third_day_and_goes_on_from_there",),
    ),
    Guard(
        "range: days that stay unready keep no other from its close",
        "plugins/closebook/closes/day_range.py",
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
        "range: a slip in a year",
        "plugins/closebook/orchestration/task_context.py",
        "if first_day < START_DATE.date() or is_too_long or last_day == date.max:",
        "if False:",
        (SCHEDULING + "test_a_range_with_a_slip_in_a_year_is_refused",),
    ),
    Guard(
        "range: bounds beside a day, or one alone",
        "plugins/closebook/orchestration/task_context.py",
        'if not first or not last or self._named("day"):',
        "if False:",
        (SCHEDULING + "test_half_a_range_and_a_range_beside_a_day_are_refused",),
    ),
    Guard(
        "register: rows of a close that it has",
        "sql/reporting/migrations/0008_codes_and_differences.sql",
        "if found then",
        "if false then",
        (REGISTER + "test_rows_of_a_close_are_written_and_of_an_unknown_one_none",),
    ),
)
