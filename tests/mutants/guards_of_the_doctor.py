"""Guards of the doctor: what it must not read or overlook."""

from tests.mutants.guard import Guard
from tests.mutants.operators import Condition, Removed, Value

PARTS = "tests/doctor/test_parts.py::"
SERVERS = "tests/doctor/test_servers.py::"
VIEWS = "tests/doctor/test_rows_and_views.py::"

DOCTOR = (
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
        "health.joined-tables",
        Condition(value=False),
        (VIEWS + "test_a_joined_table_that_is_read_whole_for_few_rows_is_found",),
    ),
)
