"""What is read, and from where: fence, replica, contract, agreement, the platform's history."""

from tests.mutants.guard import Guard
from tests.mutants.operators import Condition, Removed, Token, Unwrapped, Value

FENCE = "tests/closes/test_fence.py::"
PRIMARY = "tests/closes/test_primary.py::"
CHOICE = "tests/closes/test_choice.py::"
HOUR = "tests/closes/test_hour.py::"
REPLICAS = "tests/closes/test_replicas.py::"
READ_TRANSACTION = "tests/closes/test_read_transaction.py::"
READ_FAULTS = "tests/faults/test_reads.py::"
FAILOVER = "tests/faults/servers/test_failover.py::"
WORKERS = "tests/faults/servers/test_workers.py::"
AGREEMENT = "tests/closes/test_cross_check.py::"
TYPES = "tests/closes/test_contract_types.py::"
OPTIONAL_COLUMNS = "tests/closes/test_optional_columns.py::"
ENCODINGS = "tests/closes/test_encodings.py::"
REFUSALS = "tests/closes/test_postgres_refusals.py::"
FAULTS = "tests/test_postgres.py::"
POOLED_STORE = "tests/closes/test_store_pooler.py::"
COMMANDS = "tests/test_commands.py::"
READ_PLANS = "tests/closes/test_plans.py::"
ACKNOWLEDGED = "tests/closes/test_acknowledged_failover.py::"
SETTINGS = "tests/test_settings.py::"
HISTORIES = "tests/closes/test_histories.py::"
PROMOTIONS = "tests/faults/servers/test_histories.py::"

READS = (
    # ---- the fence -----------------------------------------------------------------------
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
        "fence.grace-within-its-limits",
        Condition(value=False),
        (SETTINGS + "test_a_grace_that_protects_too_little_or_waits_too_long_is_refused",),
    ),
    Guard(
        "keys.setting-is-understood",
        Condition(value=False),
        ("tests/test_keys.py::test_a_setting_that_cannot_be_understood_is_refused",),
    ),
    Guard(
        "keys.store-keeps-its-types",
        Condition(value=False),
        (
            "tests/test_migrations.py::"
            "test_other_types_than_an_empty_store_has_are_refused_with_how_to_make_it_anew",
        ),
    ),
    Guard(
        "fence.older-timestamps",
        Value("timedelta()"),
        (FENCE + "test_a_grace_covers_rows_that_were_stamped_before_their_transaction_began",),
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
    # ---- the replica ---------------------------------------------------------------------
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
        (READ_FAULTS + "test_a_replica_that_stops_during_a_read",),
    ),
    Guard(
        "replica.one-process-for-an-hour",
        Token("500", "100"),
        (READ_PLANS + "test_an_hour_is_read_by_one_process_unless_it_is_very_large",),
    ),
    # ---- the contract --------------------------------------------------------------------
    Guard(
        "contract.types",
        Condition(value=False),
        (TYPES + "test_a_column_of_another_type_stops_the_first_hour_and_says_what_to_write",),
    ),
    Guard(
        "contract.optional-types",
        Condition(value=False),
        (
            OPTIONAL_COLUMNS
            + "test_an_optional_column_of_another_type_or_unit_stops_before_a_row_is_read",
        ),
    ),
    Guard(
        "contract.original-amount-with-all",
        Condition(value=False),
        (
            OPTIONAL_COLUMNS
            + "test_an_optional_column_of_another_type_or_unit_stops_before_a_row_is_read",
        ),
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
    # ---- what PostgreSQL's errors mean ---------------------------------------------------
    Guard(
        "postgres.texts-come-as-utf-8",
        Token('client_encoding="UTF8", ', ""),
        (ENCODINGS + "test_a_platform_of_any_known_encoding_closes_with_its_letters",),
    ),
    Guard(
        "postgres.prepares-no-statement",
        Removed(),
        (
            POOLED_STORE + "test_an_hour_a_day_and_the_shards_of_a_month_close"
            "_through_a_transaction_pooler",
        ),
    ),
    Guard(
        "postgres.times-come-as-iso",
        Condition(value=False),
        (ENCODINGS + "test_what_is_set_for_roles_of_the_platform_and_the_store_changes_nothing",),
    ),
    Guard(
        "postgres.refused-login",
        Value("Fault.LOST"),
        (FAULTS + "test_a_refused_log_in_is_classified_by_its_text",),
    ),
    Guard(
        "postgres.copy-that-an-ended-session-breaks-off",
        Condition(value=False),
        (FAULTS + "test_an_error_without_sqlstate_is_classified_by_its_class",),
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
    # ---- two replicas, one answer --------------------------------------------------------
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
    # ---- the platform's history ----------------------------------------------------------
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
        "history.one-is-adopted",
        Removed(),
        (HISTORIES + "test_of_two_first_closes_of_different_platforms_only_one_is_written",),
    ),
    Guard(
        "failover.named-timeline",
        Condition(value=False),
        (ACKNOWLEDGED + "test_who_acknowledges_names_the_timeline_and_gives_a_reason",),
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
)
