"""When a period is closed and counted: schedules, rules of time, the counter."""

from tests.mutants.guard import Guard
from tests.mutants.operators import Condition, Removed, Token, Value

COUNTER = "tests/counter/test_document.py::"
DAGS = "tests/dags/test_dags.py::"
SCHEDULING = "tests/dags/test_schedules.py::"
REDIS_USERS = "tests/counter/test_redis_users.py::"
PUBLICATION = "tests/faults/test_publication.py::"
TIME_RULES = "tests/closes/test_time_rules.py::"
CLOSED_PERIODS = "tests/closes/test_time_rules_of_closed_periods.py::"
TIMETABLES = "tests/dags/test_timetables.py::"
ACKNOWLEDGED = "tests/closes/test_acknowledged_failover.py::"

SCHEDULES = (
    # ---- schedules -----------------------------------------------------------------------
    Guard(
        "schedule.manifest-of-what-is-made",
        Token("ALL_DONE", "NONE_FAILED"),
        (DAGS + "test_the_manifest_is_written_though_a_shard_failed",),
    ),
    Guard(
        "schedule.failed-shards-fail-the-run",
        Token("NONE_FAILED", "ALL_DONE"),
        (DAGS + "test_a_shard_that_failed_fails_the_run_though_the_manifest_is_written",),
    ),
    Guard(
        "celery.longest-task-keeps-its-consumer",
        Token("UNACKNOWLEDGED", "LONGEST_TASK"),
        (DAGS + "test_celery_gives_each_queue_more_time_than_any_task_may_take",),
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
            + "test_a_zone_that_is_missing_or_misspelt_is_the_import_error_of_those_with_days",
        ),
    ),
    # ---- rules of time -------------------------------------------------------------------
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
            CLOSED_PERIODS
            + "test_a_closed_month_keeps_its_bounds_its_name_and_its_days_under_new_rules",
        ),
    ),
    Guard(
        "time.moved-end-is-a-version",
        Value("False"),
        (
            TIME_RULES + "test_a_gap_that_the_register_has_already_is_corrected_by"
            "_closing_the_day_before_it_again",
        ),
    ),
    Guard(
        "time.label-as-closed",
        Token("first_date", "period_start"),
        (
            CLOSED_PERIODS
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
    # ---- the counter ---------------------------------------------------------------------
    Guard(
        "counter.publish-if-newer",
        Condition(value=False),
        (PUBLICATION + "test_an_older_run_that_publishes_last_does_not_replace_a_newer_one",),
    ),
    Guard(
        "counter.refused-read",
        Condition(value=False),
        (REDIS_USERS + "test_the_publisher_needs_each_of_its_commands",),
    ),
    Guard(
        "redis.publisher-one-key",
        Token("~closebook:platform_volume", "~*"),
        (REDIS_USERS + "test_a_user_may_do_nothing_else",),
    ),
    Guard(
        "redis.app-reads-only",
        Token("-@all +get", "+@all"),
        (REDIS_USERS + "test_a_user_may_do_nothing_else",),
    ),
    Guard(
        "counter.numbered-in-order",
        Token("pg_advisory_xact_lock", "abs"),
        (PUBLICATION + "test_a_run_that_counts_while_another_one_numbers_its_count_waits_for_it",),
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
            COUNTER + "test_a_currency_that_an_hour_left_out_keeps_its_last_total"
            "_until_the_hour_is_corrected",
        ),
    ),
    Guard(
        "counter.excluded-total-is-remembered",
        Removed(),
        (COUNTER + "test_a_total_that_fell_is_remembered_until_it_is_reached_again",),
    ),
    Guard(
        "counter.no-hour-of-a-lost-log",
        Condition(value=False),
        (ACKNOWLEDGED + "test_the_counter_may_fall_once_by_what_a_failover_took_away",),
    ),
)
