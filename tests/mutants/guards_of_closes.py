"""What a close writes: bounds, money, the store and its register, ranges of days."""

from tests.mutants.guard import Guard
from tests.mutants.operators import Condition, Removed, Token

HOUR = "tests/closes/test_hour.py::"
DAY = "tests/closes/test_day.py::"
DAY_FAILURES = "tests/closes/test_day_failures.py::"
MONTH = "tests/closes/test_month.py::"
RANGE = "tests/closes/test_day_range.py::"
REGISTER = "tests/test_register.py::"
SCHEDULING = "tests/dags/test_schedules.py::"
REPORT = "tests/desk/test_report_and_proof.py::"
WRITES = "tests/faults/test_writes.py::"
TRIAL = "tests/closes/test_trial_hour.py::"
REISSUE = "tests/closes/test_reissue.py::"
MEMORY = "tests/closes/test_memory.py::"
CUT_DAY = DAY + "test_a_day_that_begins_or_ends_within_an_hour_closes_with_its_whole_hours"

CLOSES = (
    # ---- a month that is confirmed ---------------------------------------------------------
    Guard(
        "month.each-table-is-compared",
        Condition(value=False),
        (MONTH + "test_a_line_whose_text_alone_changed_makes_a_new_version",),
    ),
    Guard(
        "exceptions.others-are-not-confirmed",
        Token("set(left_out)", "set(content.exceptions)"),
        (
            "tests/closes/test_confirmed_month.py::"
            "test_a_month_that_leaves_out_an_account_for_another_reason_is_not_confirmed",
        ),
    ),
    # ---- late rows -----------------------------------------------------------------------
    Guard(
        "late-rows.found-by-an-enclosing-close",
        Condition(value=True),
        (DAY + "test_a_late_row_that_its_own_hour_found_is_none_that_the_day_found",),
    ),
    Guard(
        "late-rows.gone-rows-do-not-count",
        Condition(value=True),
        (DAY + "test_a_row_that_is_gone_from_a_closed_hour_hides_no_late_row",),
    ),
    # ---- a trial -------------------------------------------------------------------------
    Guard(
        "trial.equals-the-second-count",
        Condition(value=False),
        (TRIAL + "test_a_trial_hour_whose_second_count_differs_is_refused",),
    ),
    # ---- the period's bounds -------------------------------------------------------------
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
        "bounds.half-open-entries",
        Token("<", "<="),
        (MONTH + "test_statements_equal_a_recount",),
    ),
    Guard(
        "bounds.half-open-details",
        Token("<", "<="),
        (
            "tests/sql/test_queries.py::test_case[statement_line_details/read: what is posted "
            "exactly at the start belongs to the month, exactly at the end to the next]",
        ),
    ),
    # ---- money ---------------------------------------------------------------------------
    Guard(
        "money.no-minor-unit",
        Condition(value=False),
        ("tests/test_money.py::" + "test_a_code_without_a_minor_unit_is_refused",),
    ),
    Guard(
        "money.figures-are-those-of-babel",
        Condition(value=True),
        ("tests/test_money.py::test_an_amount_is_written_as_its_locale_writes_it",),
    ),
    Guard(
        "money.own-currencies-are-readable",
        Condition(value=False),
        ("tests/test_money.py::test_a_setting_that_cannot_be_read_is_refused",),
    ),
    Guard(
        "money.iso-4217-stays-as-it-is",
        Condition(value=False),
        ("tests/test_money.py::test_a_currency_of_iso_4217_keeps_its_places",),
    ),
    Guard(
        "money.exponents-of-iso-4217",
        Token("0)", "2)"),
        ("tests/test_iso4217.py::test_each_currency_in_use_has_the_minor_unit_of_isos_list",),
    ),
    # ---- the store -----------------------------------------------------------------------
    Guard(
        "store.advisory-lock",
        Token("pg_advisory_xact_lock", "abs"),
        (WRITES + "test_the_same_close_twice_at_once_with_both_about_to_write",),
    ),
    Guard(
        "store.no-transaction-while-waiting",
        Removed(),
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
        "store.one-state",
        Token("REPEATABLE_READ", "READ_COMMITTED"),
        (REPORT + "test_the_sums_and_the_rows_of_a_report_are_of_the_same_versions",),
    ),
    Guard(
        "store.tie-outs",
        Removed(),
        (
            DAY_FAILURES + "test_a_day_that_does_not_equal_its_control_totals_is_not_closed",
            MONTH + "test_an_opening_that_differs_from_the_closing_before_stops_the_close",
        ),
    ),
    Guard(
        "store.fetches-few-offending-rows",
        Token("SAMPLE_ROWS", "1_000_000"),
        (
            MEMORY + "test_a_month_of_twelve_times_the_statements_takes_no_more_memory"
            "_even_if_all_are_corrected",
        ),
    ),
    Guard(
        "store.counts-all-offending-rows",
        Token("count", "len(rows)"),
        (REISSUE + "test_an_error_about_many_changed_statements_counts_all_and_shows_some",),
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
    # ---- the register --------------------------------------------------------------------
    Guard(
        "register.close-is-not-deleted",
        Token("reporting.closes", "reporting.tie_outs"),
        (REGISTER + "test_not_even_the_owner_deletes_or_renumbers_a_close",),
    ),
    Guard(
        "register.rows-of-a-known-close",
        Condition(value=False),
        (REGISTER + "test_rows_of_an_unknown_close_are_refused",),
    ),
    Guard(
        "register.lines-of-a-known-statement",
        Condition(value=False),
        (REGISTER + "test_lines_of_an_unknown_statement_are_refused",),
    ),
    Guard(
        "register.statements-of-lines-stay",
        Condition(value=False),
        (REGISTER + "test_not_even_the_owner_takes_the_statement_from_its_lines",),
    ),
    Guard(
        "events.outcome-of-the-whole-run",
        Token("replace", "(lambda close, outcome: close)"),
        (
            "tests/closes/test_run_closes.py::"
            "test_a_close_that_an_earlier_try_made_is_reported_as_new_and_not_as_confirmed",
        ),
    ),
    # ---- ranges of days ------------------------------------------------------------------
    Guard(
        "range.closed-days-are-not-repeated",
        Condition(value=True),
        (RANGE + "test_the_same_run_closes_only_the_days_that_failed",),
    ),
    Guard(
        "range.tasks-end-within-minutes",
        Condition(value=False),
        (RANGE + "test_a_range_that_takes_long_is_closed_by_several_tasks_in_order",),
    ),
    Guard(
        "range.failed-days-come-last",
        Removed(),
        (RANGE + "test_a_day_that_failed_in_an_earlier_task_is_tried_again_after_all_others",),
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
        "range.mistyped-year",
        Condition(value=False),
        (SCHEDULING + "test_a_range_with_a_mistyped_year_is_refused",),
    ),
    Guard(
        "range.both-bounds-and-no-day",
        Condition(value=False),
        (SCHEDULING + "test_half_a_range_and_a_range_beside_a_day_are_refused",),
    ),
)
