"""Guards of retention: which lines leave the store, and only once they are elsewhere."""

from tests.mutants.guard import Guard
from tests.mutants.operators import Condition

RETENTION_TESTS = "tests/audit/test_retention.py::"
REMOVE = "tests/sql/test_queries.py::test_case[line_archives/remove: "

RETENTION = (
    Guard(
        "retention.not-before-its-time",
        Condition(value=True),
        (REMOVE + "not before its time, whatever a setting says]",),
    ),
    Guard(
        "retention.held-lines-stay",
        Condition(value=True),
        (REMOVE + "the lines of the archive leave, with their optional columns, and no others]",),
    ),
    Guard(
        "retention.what-goes-is-what-was-written",
        Condition(value=False),
        (REMOVE + "not if the document has another sum]",),
    ),
    Guard(
        "retention.held-lines-are-not-written",
        Condition(value=True),
        (
            "tests/sql/test_queries.py::test_case[line_archives/next_accounts: "
            "the accounts of so many lines, in their order, without those that are held]",
        ),
    ),
    Guard(
        "retention.read-back-before-removal",
        Condition(value=False),
        (RETENTION_TESTS + "test_nothing_is_removed_if_what_is_read_back_differs",),
    ),
    Guard(
        "retention.form-is-known",
        Condition(value=False),
        ("tests/statements/test_line_archives.py::test_parquet_of_something_else_is_refused",),
    ),
    Guard(
        "retention.removed-month-is-not-closed",
        Condition(value=False),
        (RETENTION_TESTS + "test_a_month_whose_lines_have_left_is_not_closed_again",),
    ),
    Guard(
        "retention.years-are-a-number",
        Condition(value=False),
        (RETENTION_TESTS + "test_the_commands_move_lines_and_print_them",),
    ),
    Guard(
        "retention.off-unless-set",
        Condition(value=False),
        (RETENTION_TESTS + "test_the_task_is_skipped_unless_the_years_are_set",),
    ),
    Guard(
        "audit.removed-lines-are-summed",
        Condition(value=False),
        (
            RETENTION_TESTS
            + "test_lines_leave_the_store_and_are_read_again_and_the_audit_has_no_finding",
        ),
    ),
)
