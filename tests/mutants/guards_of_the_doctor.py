"""Guards of the doctor, and of what is misconfigured and so not tried again."""

from tests.mutants.guard import Guard
from tests.mutants.operators import Condition, Removed, Value

PARTS = "tests/doctor/test_parts.py::"
SERVERS = "tests/doctor/test_servers.py::"
VIEWS = "tests/doctor/test_rows_and_views.py::"

REDIS = "tests/counter/test_redis_refusals.py::"

DOCTOR = (
    Guard(
        "replica.is-not-the-primary",
        Condition(value=False),
        ("tests/closes/test_read_transaction.py::test_a_server_that_is_no_replica_is_never_read",),
    ),
    Guard(
        "counter.redis-log-in",
        Condition(value=False),
        (REDIS + "test_a_wrong_password_is_not_retried",),
    ),
    Guard(
        "counter.redis-cluster",
        Condition(value=False),
        (REDIS + "test_a_cluster_without_slots_is_named_too",),
    ),
    Guard(
        "counter.redis-rights",
        Condition(value=False),
        (REDIS + "test_a_command_that_the_user_may_not_run_is_not_retried",),
    ),
    Guard(
        "counter.redis-key-taken",
        Condition(value=False),
        (REDIS + "test_a_key_that_holds_something_else_is_not_retried_by_who_reads",),
    ),
    Guard(
        "doctor.reads-only",
        Removed(),
        (SERVERS + "test_a_session_of_the_doctor_is_read_only_whoever_logs_in",),
    ),
    Guard(
        "doctor.no-row-of-the-primary",
        Condition(value=True),
        (SERVERS + "test_no_row_of_the_primary_is_read_where_a_readers_connection_leads_there",),
    ),
    Guard(
        "doctor.consumer-timeout",
        Condition(value=False),
        (PARTS + "test_a_queue_with_a_time_limit_that_is_too_short_is_found",),
    ),
    Guard(
        "doctor.broker-without-limits-by-queue",
        Condition(value=False),
        (PARTS + "test_a_rabbitmq_without_limits_by_queue_is_named",),
    ),
    Guard("doctor.a-warning-counts", Value("True"), (PARTS + "test_a_note_alone_is_no_fault",)),
    Guard(
        "doctor.clock-of-the-worker",
        Condition(value=False),
        (PARTS + "test_the_clock_that_is_wrong_is_named",),
    ),
    Guard(
        "doctor.times-without-zone",
        Condition(value=False),
        (VIEWS + "test_a_time_that_the_sessions_zone_decides_is_found",),
    ),
    Guard(
        "doctor.eviction",
        Condition(value=False),
        (SERVERS + "test_a_redis_that_may_drop_the_counter_is_found",),
    ),
    Guard(
        "doctor.connections-of-the-api-server",
        Condition(value=False),
        (PARTS + "test_a_connection_that_only_the_api_server_may_have_is_not_looked_at",),
    ),
    Guard(
        "health.joined-tables",
        Condition(value=False),
        (VIEWS + "test_a_joined_table_that_is_read_whole_for_few_rows_is_found",),
    ),
)
