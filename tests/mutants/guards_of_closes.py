"""What a close rests on: fence, replica, bounds, store, counter, ranges of days."""

from tests.mutants.guard import Guard
from tests.mutants.operators import Condition, Removed, Token, Unwrapped, Value

FENCE = "tests/closes/test_fence.py::"
PRIMARY = "tests/closes/test_primary.py::"
CHOICE = "tests/closes/test_choice.py::"
HOUR = "tests/closes/test_hour.py::"
DAY = "tests/closes/test_day.py::"
DAY_FAILURES = "tests/closes/test_day_failures.py::"
MONTH = "tests/closes/test_month.py::"
REPLICAS = "tests/closes/test_replicas.py::"
READ_TRANSACTION = "tests/closes/test_read_transaction.py::"
RANGE = "tests/closes/test_day_range.py::"
REGISTER = "tests/test_register.py::"
COUNTER = "tests/counter/test_document.py::"
DAGS = "tests/dags/test_dags.py::"
SCHEDULING = "tests/dags/test_scheduling.py::"
READS = "tests/faults/test_reads.py::"
WRITES = "tests/faults/test_writes.py::"
PUBLICATION = "tests/faults/test_publication.py::"
FAILOVER = "tests/faults/servers/test_failover.py::"
WORKERS = "tests/faults/servers/test_workers.py::"
AGREEMENT = "tests/closes/test_cross_check.py::"
REISSUE = "tests/closes/test_reissue.py::"
TYPES = "tests/closes/test_contract_types.py::"
ENCODINGS = "tests/closes/test_encodings.py::"
REFUSALS = "tests/closes/test_postgres_refusals.py::"
LONG_TEXTS = "tests/closes/test_long_texts.py::"
FAULTS = "tests/test_postgres.py::"
COMMANDS = "tests/test_commands.py::"
MEMORY = "tests/closes/test_memory.py::"
EXCEPTIONS = "tests/closes/test_exceptions.py::"
BEYOND_BIGINT = (
    "tests/sql/test_queries.py::test_case[hourly_volume/beyond_bigint: the hour and currency of "
    "each sum that is beyond bigint, whichever sum it is]"
)
READ_PLANS = "tests/closes/test_plans.py::"
CUT_DAY = DAY + "test_a_day_that_begins_or_ends_within_an_hour_closes_with_its_whole_hours"
TIME_RULES = "tests/closes/test_time_rules.py::"
TIMETABLES = "tests/dags/test_timetables.py::"
HISTORIES = "tests/closes/test_histories.py::"
PROMOTIONS = "tests/faults/servers/test_histories.py::"

CLOSES = (
    # ---- the fence -------------------------------------------------------------------------
    Guard(
        "fence.period-has-ended",
        Condition(value=True),
        (HOUR + "test_an_hour_that_has_not_ended_is_not_ready",),
    ),
    Guard(
        "fence.grace",
        Token("settings.fence_grace_seconds", "0"),
        (HOUR + "test_an_hour_that_has_just_ended_is_closed_once_the_grace_is_over",),
    ),
    Guard(
        "fence.open-transactions",
        Condition(value=False),
        (FENCE + "test_a_period_closes_with_the_row_of_an_open_transaction_once_it_has_committed",),
    ),
    Guard(
        "fence.hidden-transactions",
        Value("None"),
        (FENCE + "test_a_session_that_hides_its_transactions_keeps_the_period_open",),
    ),
    Guard(
        "fence.prepared-transactions",
        Value("set()"),
        (
            FENCE
            + "test_a_transaction_prepared_before_the_end_keeps_the_period_open_until_it_commits",
        ),
    ),
    Guard(
        "fence.workers",
        Token("'walsender'", "'walsender', 'logical replication worker'"),
        (WORKERS + "test_a_worker_of_logical_replication_keeps_the_period_open_until_it_commits",),
    ),
    Guard(
        "fence.no-autovacuum",
        Token("'autovacuum worker', ", ""),
        (FENCE + "test_autovacuum_at_work_is_no_obstacle",),
    ),
    Guard(
        "fence.sees-all-backends",
        Condition(value=False),
        (PRIMARY + "test_a_fence_role_that_cannot_see_other_sessions_is_misconfigured",),
    ),
    Guard(
        "fence.page-headers",
        Condition(value=False),
        (FENCE + "test_an_idle_primary_whose_log_stands_at_the_start_of_a_page_is_ready",),
    ),
    # ---- the replica -----------------------------------------------------------------------
    Guard(
        "replica.past-the-fence",
        Condition(value=True),
        (REPLICAS + "test_a_replica_that_does_not_replay_is_passed_over_for_the_other",),
    ),
    Guard(
        "replica.chosen-in-recovery",
        Condition(value=False),
        (READ_TRANSACTION + "test_a_server_that_is_no_replica_is_never_read",),
    ),
    Guard(
        "replica.read-in-recovery",
        Condition(value=False),
        (FAILOVER + "test_a_replica_that_is_promoted_between_the_choice_and_the_read_is_not_read",),
    ),
    Guard(
        "replica.same-server",
        Condition(value=False),
        (FAILOVER + "test_a_replica_that_is_rebuilt_between_the_choice_and_the_read_is_not_read",),
    ),
    Guard(
        "replica.same-cluster",
        Condition(value=False),
        (PRIMARY + "test_a_fence_on_another_cluster_than_the_replicas_is_refused",),
    ),
    Guard(
        "replica.is-not-the-primary",
        Condition(value=False),
        ("tests/closes/test_read_transaction.py::test_a_server_that_is_no_replica_is_never_read",),
    ),
    Guard(
        "replica.same-timeline",
        Condition(value=False),
        (CHOICE + "test_after_a_failover_a_replica_of_the_old_primary_is_not_read",),
    ),
    Guard(
        "replica.another-after-failure",
        Token("r.status.replica == avoided", "False"),
        (REPLICAS + "test_a_read_that_is_cut_off_begins_again_on_the_other_replica",),
    ),
    Guard(
        "replica.same-connection",
        Token("chosen", "replace(chosen, connection=connected(chosen.status.replica))"),
        (CHOICE + "test_the_chosen_replica_is_read_on_the_connection_that_it_was_asked_on",),
    ),
    Guard(
        "replica.others-are-closed",
        Removed(),
        (CHOICE + "test_connections_to_replicas_that_are_not_chosen_are_closed",),
    ),
    Guard(
        "replica.refusing-one-is-closed",
        Removed(),
        (CHOICE + "test_the_connection_to_a_replica_that_refuses_a_query_is_closed",),
    ),
    Guard(
        "replica.lost-before-the-read",
        Unwrapped(),
        (CHOICE + "test_a_replica_whose_connection_is_lost_before_it_is_read_is_passed_over",),
    ),
    Guard(
        "replica.one-snapshot",
        Token("REPEATABLE_READ", "READ_COMMITTED"),
        (READ_TRANSACTION + "test_the_reader_reads_in_one_read_only_snapshot",),
    ),
    Guard(
        "replica.hang-up",
        Removed(),
        (REPLICAS + "test_a_replica_that_hangs_does_not_hold_up_the_close",),
    ),
    Guard(
        "replica.copy-that-a-shutdown-ends",
        Token("error.sqlstate is None", "False"),
        (READS + "test_a_replica_that_stops_during_a_read",),
    ),
    # ---- the contract, and what PostgreSQL's errors mean ------------------------------------
    Guard(
        "contract.types",
        Condition(value=False),
        (TYPES + "test_a_column_of_another_type_stops_the_first_hour_and_says_what_to_write",),
    ),
    Guard(
        "contract.views-stay-the-same",
        Condition(value=False),
        (TYPES + "test_a_view_that_is_made_anew_during_a_read_is_read_again",),
    ),
    Guard(
        "contract.encoding",
        Condition(value=False),
        (
            ENCODINGS + "test_a_database_that_does_not_know_its_encoding_is_refused"
            "_before_a_row_is_read",
        ),
    ),
    Guard(
        "postgres.texts-come-as-utf-8",
        Token('client_encoding="UTF8", ', ""),
        (ENCODINGS + "test_a_platform_of_any_known_encoding_closes_with_its_letters",),
    ),
    Guard(
        "postgres.times-come-as-iso",
        Condition(value=False),
        (ENCODINGS + "test_what_is_set_for_roles_of_the_platform_and_the_store_changes_nothing",),
    ),
    Guard(
        "postgres.refused-login",
        Value("Fault.LOST"),
        (FAULTS + "test_a_refused_log_in_is_told_by_its_text",),
    ),
    Guard(
        "postgres.pooler-in-statement-mode",
        Condition(value=False),
        (REFUSALS + "test_a_pooler_in_statement_mode_is_misconfigured",),
    ),
    Guard(
        "postgres.copy-of-other-types",
        Condition(value=False),
        (REFUSALS + "test_bytes_of_another_type_are_wrong_data_and_name_their_column",),
    ),
    Guard(
        "postgres.no-values-in-errors",
        Condition(value=True),
        (FAULTS + "test_a_text_about_a_row_is_not_repeated",),
    ),
    Guard(
        "fence.refused-log-in-is-not-retried",
        Condition(value=False),
        (REFUSALS + "test_a_wrong_password_for_the_primary_is_not_retried",),
    ),
    Guard(
        "fence.on-a-primary",
        Condition(value=False),
        (REFUSALS + "test_a_fence_on_a_replica_is_misconfigured",),
    ),
    Guard(
        "store.errors-have-a-class",
        Removed(),
        (REFUSALS + "test_what_the_store_refuses_outside_of_a_close_has_a_class_too",),
    ),
    Guard(
        "store.holds-every-script",
        Condition(value=False),
        (COMMANDS + "test_a_store_that_cannot_hold_every_script_is_not_migrated",),
    ),
    Guard(
        "limits.category",
        Condition(value=False),
        (LONG_TEXTS + "test_a_category_of_many_kilobytes_is_counted_under_a_short_key_and_told",),
    ),
    Guard(
        "limits.country",
        Condition(value=False),
        (LONG_TEXTS + "test_long_countries_and_fundings_stay_apart_and_no_number_is_lost",),
    ),
    Guard(
        "limits.funding",
        Condition(value=False),
        (LONG_TEXTS + "test_long_countries_and_fundings_stay_apart_and_no_number_is_lost",),
    ),
    Guard(
        "limits.account-number",
        Condition(value=False),
        (LONG_TEXTS + "test_account_numbers_of_many_kilobytes_stay_apart_and_stop_no_month",),
    ),
    Guard(
        "limits.description",
        Condition(value=False),
        (LONG_TEXTS + "test_texts_of_statements_are_cut_at_the_documented_limits",),
    ),
    # ---- two replicas, one answer ----------------------------------------------------------
    Guard(
        "cross-check.only-confirms",
        Condition(value=False),
        (AGREEMENT + "test_one_minor_unit_between_two_replicas_stops_the_close",),
    ),
    Guard(
        "cross-check.two-replicas",
        Condition(value=True),
        (AGREEMENT + "test_a_cross_check_with_one_replica_behind_is_not_ready",),
    ),
    # ---- the period's bounds, and the schedule ---------------------------------------------
    Guard(
        "bounds.half-open-hours",
        Token("<", "<="),
        (
            HOUR + "test_a_row_on_the_boundary_belongs_to_the_later_hour",
            DAY + "test_the_volume_of_a_day_equals_a_recount_by_every_dimension",
        ),
    ),
    Guard(
        "bounds.day-begins-within-an-hour",
        Token("_begins_an_hour(self.start)", "True"),
        (CUT_DAY,),
    ),
    Guard(
        "bounds.day-ends-within-an-hour",
        Token("_begins_an_hour(self.end)", "True"),
        (CUT_DAY,),
    ),
    Guard(
        "bounds.half-open-part-of-an-hour",
        Token("<", "<="),
        (CUT_DAY,),
    ),
    Guard(
        "bounds.half-open-months",
        Token("<", "<="),
        (MONTH + "test_statements_equal_a_recount",),
    ),
    Guard(
        "schedule.manifest-of-what-is-made",
        Token("ALL_DONE", "NONE_FAILED"),
        (DAGS + "test_the_manifest_is_written_though_a_shard_failed",),
    ),
    Guard(
        "schedule.one-time-zone",
        Removed(),
        (SCHEDULING + "test_an_interval_of_another_time_zone_is_refused",),
    ),
    Guard(
        "schedule.backfill-names-no-period",
        Condition(value=False),
        (SCHEDULING + "test_a_backfill_must_not_name_one_period_for_all_of_its_runs",),
    ),
    Guard(
        "schedule.no-catch-up",
        Token("False", "True"),
        (DAGS + "test_no_dag_catches_up_by_itself",),
    ),
    Guard(
        "schedule.wrong-data-is-not-retried",
        Token("FAIL", "RETRY"),
        (DAGS + "test_not_ready_and_lost_servers_are_tried_again_and_wrong_data_stops",),
    ),
    # ---- the store -------------------------------------------------------------------------
    Guard(
        "store.advisory-lock",
        Token("pg_advisory_xact_lock", "abs"),
        (WRITES + "test_the_same_close_twice_at_once_with_both_about_to_write",),
    ),
    Guard(
        "store.no-transaction-while-waiting",
        Unwrapped(),
        (WRITES + "test_a_store_that_ends_a_session_for_idling_while_a_replica_is_waited_for",),
    ),
    Guard(
        "store.version-of-the-reading",
        Condition(value=False),
        (HOUR + "test_a_later_fence_with_an_older_snapshot_does_not_undo_what_another_close_saw",),
    ),
    Guard(
        "store.sees-what-the-lock-holder-wrote",
        Token("READ_COMMITTED", "REPEATABLE_READ"),
        (WRITES + "test_the_same_close_twice_at_once_with_both_about_to_write",),
    ),
    Guard(
        "store.tie-outs",
        Removed(),
        (
            DAY_FAILURES + "test_a_join_that_doubles_rows_stops_the_close",
            MONTH + "test_an_opening_that_differs_from_the_closing_before_stops_the_close",
        ),
    ),
    Guard(
        "store.fetches-few-offending-rows",
        Token("SAMPLE_ROWS", "1_000_000"),
        (
            MEMORY + "test_a_month_of_thirty_times_the_statements_takes_no_more_memory"
            "_even_if_all_are_corrected",
        ),
    ),
    Guard(
        "store.counts-all-offending-rows",
        Token("count", "len(rows)"),
        (REISSUE + "test_an_error_about_many_changed_statements_counts_all_and_shows_some",),
    ),
    Guard(
        "replica.one-process-for-an-hour",
        Token("500", "100"),
        (READ_PLANS + "test_an_hour_is_read_by_one_process_unless_it_is_very_large",),
    ),
    Guard(
        "store.expects-many-rows",
        Removed(),
        (
            MONTH
            + "test_a_month_of_many_accounts_is_closed_again_in_about_the_time_of_the_first_close",
        ),
    ),
    Guard(
        "store.no-snapshot-while-writing",
        Removed(),
        (
            "tests/closes/test_month_and_days.py::"
            "test_a_month_that_is_being_written_holds_no_snapshot_on_a_replica",
        ),
    ),
    # ---- the counter -----------------------------------------------------------------------
    Guard(
        "counter.publish-if-newer",
        Condition(value=False),
        (PUBLICATION + "test_an_older_run_that_publishes_last_does_not_replace_a_newer_one",),
    ),
    Guard(
        "counter.numbered-in-order",
        Token("pg_advisory_xact_lock", "abs"),
        (PUBLICATION + "test_a_run_that_counts_while_another_one_numbers_its_count_waits_for_it",),
    ),
    Guard(
        "counter.redis-log-in",
        Condition(value=False),
        ("tests/counter/test_redis_refusals.py::test_a_wrong_password_is_not_retried",),
    ),
    Guard(
        "counter.redis-cluster",
        Condition(value=False),
        ("tests/counter/test_redis_refusals.py::test_a_cluster_without_slots_is_named_too",),
    ),
    Guard(
        "counter.redis-rights",
        Condition(value=False),
        (
            "tests/counter/test_redis_refusals.py::"
            "test_a_command_that_the_user_may_not_run_is_not_retried",
        ),
    ),
    Guard(
        "counter.redis-key-taken",
        Condition(value=False),
        (
            "tests/counter/test_redis_refusals.py::"
            "test_a_key_that_holds_something_else_is_not_retried_by_who_reads",
        ),
    ),
    Guard(
        "counter.gross-never-falls",
        Value("None"),
        (
            COUNTER
            + "test_a_gross_total_that_would_fall_is_left_out_with_its_last_total_and_no_other_is",
        ),
    ),
    Guard(
        "counter.unknown-currency-stops-itself-only",
        Value("None"),
        (COUNTER + "test_an_unknown_code_in_hours_that_an_older_version_closed_is_left_out",),
    ),
    Guard(
        "counter.incomplete-currency-is-left-out",
        Value("None"),
        (
            COUNTER
            + "test_a_currency_that_an_hour_left_out_keeps_its_last_total_until_the_hour_is_mended",
        ),
    ),
    Guard(
        "counter.excluded-total-is-remembered",
        Removed(),
        (COUNTER + "test_a_total_that_fell_is_remembered_until_it_is_reached_again",),
    ),
    # ---- exceptions ------------------------------------------------------------------------
    Guard(
        "exceptions.unknown-currency",
        Value("None"),
        (EXCEPTIONS + "test_a_code_that_is_no_currency_is_left_out_of_hour_and_day",),
    ),
    Guard(
        "exceptions.unsettled-status",
        Value("None"),
        (EXCEPTIONS + "test_a_row_that_cannot_be_counted_leaves_its_currency_out_and_no_other",),
    ),
    Guard(
        "exceptions.impossible-row",
        Value("None"),
        (EXCEPTIONS + "test_a_row_that_cannot_be_counted_leaves_its_currency_out_and_no_other",),
    ),
    Guard(
        "exceptions.hour-beyond-bigint",
        Condition(value=False),
        (BEYOND_BIGINT,),
    ),
    Guard(
        "exceptions.left-out-of-the-hour",
        Condition(value=True),
        (
            EXCEPTIONS
            + "test_sums_beyond_bigint_leave_their_currency_out_and_the_others_are_closed",
        ),
    ),
    Guard(
        "exceptions.no-merchant",
        Condition(value=False),
        (EXCEPTIONS + "test_a_transaction_without_a_merchant_leaves_its_currency_out_of_the_day",),
    ),
    Guard(
        "exceptions.day-beyond-bigint",
        Condition(value=False),
        (
            EXCEPTIONS
            + "test_a_currency_that_only_the_day_cannot_hold_is_in_its_hours_and_not_in_the_day",
        ),
    ),
    Guard(
        "exceptions.left-out-of-the-day",
        Condition(value=True),
        (
            EXCEPTIONS
            + "test_sums_beyond_bigint_leave_their_currency_out_and_the_others_are_closed",
        ),
    ),
    Guard(
        "exceptions.left-out-of-the-movement",
        Condition(value=True),
        (
            EXCEPTIONS
            + "test_accounts_in_a_code_that_is_no_currency_are_left_out_of_the_month_and_its_days",
        ),
    ),
    Guard(
        "exceptions.entry-without-amount",
        Condition(value=True),
        (EXCEPTIONS + "test_an_account_with_an_entry_that_lacks_a_value_is_left_out_of_the_month",),
    ),
    Guard(
        "exceptions.entry-repeated",
        Condition(value=False),
        (EXCEPTIONS + "test_an_entry_that_is_there_twice_leaves_its_account_out_of_the_month",),
    ),
    Guard(
        "exceptions.running-balance-beyond-bigint",
        Condition(value=False),
        (EXCEPTIONS + "test_a_balance_beyond_bigint_leaves_its_account_out_and_no_other",),
    ),
    Guard(
        "exceptions.left-out-of-the-month",
        Condition(value=True),
        (EXCEPTIONS + "test_an_account_with_entries_in_another_currency_is_left_out_of_the_month",),
    ),
    Guard(
        "exceptions.account-for-the-rest",
        Condition(value=False),
        (EXCEPTIONS + "test_a_code_that_is_no_currency_is_left_out_of_hour_and_day",),
    ),
    Guard(
        "exceptions.left-out-accounts-are-not-compared-with-days",
        Condition(value=False),
        (EXCEPTIONS + "test_an_account_with_an_entry_that_lacks_a_value_is_left_out_of_the_month",),
    ),
    Guard(
        "exceptions.left-out-accounts-have-no-opening",
        Condition(value=True),
        (
            EXCEPTIONS
            + "test_the_next_month_is_closed_though_an_account_was_left_out_of_one_of_the_two",
        ),
    ),
    Guard(
        "exceptions.make-a-new-version",
        Token('"close_exceptions"', "*content.changes"),
        (EXCEPTIONS + "test_another_reason_for_the_same_rows_is_a_new_version",),
    ),
    Guard(
        "exceptions.day-is-tried-again",
        Token("day in with_exceptions", "False"),
        (EXCEPTIONS + "test_a_day_with_exceptions_is_tried_again_when_its_month_closes",),
    ),
    # ---- ranges of days, and their register ------------------------------------------------
    Guard(
        "range.closed-days-are-not-repeated",
        Condition(value=True),
        (RANGE + "test_the_same_run_closes_only_the_days_that_failed",),
    ),
    Guard(
        "range.lost-servers-end-a-try",
        Token("FAILURES_BEFORE_LAST_DAY", "10**6"),
        (RANGE + "test_a_range_without_replicas_stops_at_the_third_day_and_continues_from_there",),
    ),
    Guard(
        "range.unready-days-keep-no-other",
        Condition(value=False),
        (RANGE + "test_a_range_stops_at_the_third_day_that_has_not_ended_and_is_retried",),
    ),
    Guard(
        "register.close-is-not-deleted",
        Token("reporting.closes", "reporting.tie_outs"),
        (REGISTER + "test_not_even_the_owner_deletes_or_renumbers_a_close",),
    ),
    Guard(
        "range.mistyped-year",
        Condition(value=False),
        (SCHEDULING + "test_a_range_with_a_mistyped_year_is_refused",),
    ),
    Guard(
        "range.both-bounds-and-no-day",
        Condition(value=False),
        (SCHEDULING + "test_half_a_range_and_a_range_beside_a_day_are_refused",),
    ),
    Guard(
        "register.rows-of-a-known-close",
        Condition(value=False),
        (REGISTER + "test_rows_of_an_unknown_close_are_refused",),
    ),
    # ---- the platform's history ------------------------------------------------------------
    Guard(
        "history.cluster",
        Condition(value=False),
        (HISTORIES + "test_a_close_that_does_not_continue_the_history_is_refused_before_it_reads",),
    ),
    Guard(
        "history.newer-timeline",
        Condition(value=False),
        (
            PROMOTIONS + "test_after_a_failover_nothing_is_closed_until_it_is"
            "_acknowledged_and_what_was_lost_closed_again",
        ),
    ),
    Guard(
        "history.older-timeline",
        Condition(value=False),
        (HISTORIES + "test_a_close_that_does_not_continue_the_history_is_refused_before_it_reads",),
    ),
    Guard(
        "history.other-promotion",
        Condition(value=False),
        (HISTORIES + "test_a_close_that_does_not_continue_the_history_is_refused_before_it_reads",),
    ),
    Guard(
        "history.earlier-position",
        Condition(value=False),
        (HISTORIES + "test_a_close_that_does_not_continue_the_history_is_refused_before_it_reads",),
    ),
    Guard(
        "history.same-when-written",
        Condition(value=False),
        (HISTORIES + "test_a_close_whose_history_is_replaced_while_it_reads_writes_nothing",),
    ),
    Guard(
        "failover.named-timeline",
        Condition(value=False),
        (HISTORIES + "test_who_acknowledges_names_the_timeline_and_gives_a_reason",),
    ),
    Guard(
        "counter.no-hour-of-a-lost-log",
        Condition(value=False),
        (HISTORIES + "test_the_counter_may_fall_once_by_what_a_failover_took_away",),
    ),
    Guard(
        "replica.same-history",
        Condition(value=False),
        (PROMOTIONS + "test_a_second_promotion_with_the_same_number_is_another_history",),
    ),
    Guard(
        "health.history",
        Condition(value=False),
        (
            "tests/monitoring/test_collect.py::"
            "test_a_server_of_another_history_than_the_closes_were_read_from_is_an_alert",
        ),
    ),
    # ---- rules of time ---------------------------------------------------------------------
    Guard(
        "time.bounds-as-closed",
        Token("closed.get(each.first_date, each)", "each"),
        (
            TIME_RULES
            + "test_with_the_boundary_accepted_a_month_begins_where_the_one_before_was_closed_to",
        ),
    ),
    Guard(
        "time.zone-as-closed",
        Condition(value=False),
        (TIME_RULES + "test_another_business_time_zone_stops_a_new_day_and_one_that_is_closed",),
    ),
    Guard(
        "time.accepted-boundary-has-reason",
        Condition(value=False),
        (TIME_RULES + "test_a_boundary_is_accepted_with_a_reason_only",),
    ),
    Guard(
        "time.boundaries-meet",
        Condition(value=False),
        (TIME_RULES + "test_new_rules_that_leave_an_hour_between_two_months_stop_the_second",),
    ),
    Guard(
        "time.months-follow-each-other",
        Condition(value=False),
        (TIME_RULES + "test_a_month_waits_for_the_months_between_it_and_the_last_closed_one",),
    ),
    Guard(
        "time.dates-as-closed",
        Token("(first, last)", "None"),
        (
            TIME_RULES
            + "test_a_closed_month_keeps_its_bounds_its_name_and_its_days_under_new_rules",
        ),
    ),
    Guard(
        "time.moved-end-is-a-version",
        Value("False"),
        (
            TIME_RULES + "test_a_gap_that_the_register_has_already_is_mended_by"
            "_closing_the_day_before_it_again",
        ),
    ),
    Guard(
        "time.label-as-closed",
        Token("first_date", "period_start"),
        (
            TIME_RULES
            + "test_a_closed_month_keeps_its_bounds_its_name_and_its_days_under_new_rules",
        ),
    ),
    Guard(
        "time.line-keeps-its-day",
        Token("days.day_dates[", "(array[null::date])[0 * "),
        (
            "tests/sql/test_queries.py::test_case[statement_lines/insert: a line keeps i"
            "ts business day, the first instant of a day belongs to that day]",
        ),
    ),
    Guard(
        "time.latest-earlier-month",
        Token("desc", "asc"),
        (
            "tests/sql/test_queries.py::test_case[statements/check_opening_equals_previo"
            "us_closing: the last closed month before is compared, though there are mont"
            "hs between that are not closed]",
        ),
    ),
    Guard(
        "schedule.manual-period",
        Token("self._before(", "("),
        (TIMETABLES + "test_a_run_by_hand_on_the_day_after_a_missing_midnight_closes_yesterday",),
    ),
    Guard(
        "schedule.second-midnight",
        Value("False"),
        (TIMETABLES + "test_a_day_of_two_midnights_begins_at_the_first",),
    ),
    Guard(
        "schedule.interval-of-no-length",
        Condition(value=False),
        (
            TIMETABLES + "test_a_run_by_hand_of_the_cron_timetable_without_length_is"
            "_understood_as_of_yesterday",
        ),
    ),
    Guard(
        "schedule.time-zone-is-set",
        Condition(value=False),
        (
            TIMETABLES
            + "test_a_zone_that_is_missing_or_misspelt_is_the_import_error_of_day_and_month_alone",
        ),
    ),
    Guard(
        "documents.unique-reference",
        Token("entry_id", "transaction_id"),
        (
            "tests/closes/test_documents.py::"
            + "test_a_payment_its_fee_and_another_entry_of_one_number_have"
            "_references_of_their_own",
        ),
    ),
    Guard(
        "money.no-minor-unit",
        Condition(value=False),
        ("tests/test_money.py::" + "test_a_code_without_a_minor_unit_is_refused",),
    ),
    Guard(
        "money.exponents-of-iso-4217",
        Token("0)", "2)"),
        ("tests/test_iso4217.py::test_each_currency_in_use_has_the_minor_unit_of_isos_list",),
    ),
)
