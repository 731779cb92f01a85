"""What the desk and its pages rest on: who may, the log, and the health of the servers."""

from tests.mutants.guard import Guard
from tests.mutants.operators import Condition, Removed, Token, Value

COLLECTION = "tests/health/test_collection.py::"
PLANS = "tests/health/test_plans.py::"
THRESHOLDS = "tests/health/test_thresholds.py::"
SQL_CASE = "tests/sql/test_queries.py::test_case"
INTERVAL = SQL_CASE + "[health/interval: "
HEALTH_SQL = "sql/reporting/migrations/0006_health.sql"
ACCESS = "tests/desk/test_access.py::"
DESK_DOCUMENTS = "tests/desk/test_documents.py::"
DESK_PICTURES = "tests/desk/test_pictures.py::"
DESK_RELEASE = "tests/desk/test_release.py::"
STORE_ROLES = "tests/test_store_roles.py::"

DESK = (
    # ---- the desk --------------------------------------------------------------------------
    Guard(
        "desk.route-without-a-row",
        Token("route.path))", "route.path), permissions.Anyone.SIGNED_IN)"),
        (ACCESS + "test_a_route_without_a_row_is_refused_and_so_is_whatever_is_mounted",),
    ),
    Guard(
        "desk.log-in",
        Condition(value=False),
        (ACCESS + "test_nobody_gets_in_without_a_log_in_and_pages_lead_there_and_back",),
    ),
    Guard(
        "desk.role",
        Condition(value=False),
        (ACCESS + "test_a_route_is_open_to_these_and_refused_to_all_others",),
    ),
    Guard(
        "desk.admin-reads-no-documents",
        Token("permission.confidential", "False"),
        (ACCESS + "test_admin_alone_opens_no_documents",),
    ),
    Guard(
        "desk.current-roles",
        Removed(),
        (ACCESS + "test_a_link_stops_working_at_once_when_the_role_is_taken_away",),
    ),
    Guard(
        "desk.same-origin",
        Condition(value=False),
        (ACCESS + "test_a_change_that_another_site_or_session_sends_is_refused",),
    ),
    Guard(
        "desk.csrf-token",
        Condition(value=False),
        (ACCESS + "test_a_change_that_another_site_or_session_sends_is_refused",),
    ),
    Guard(
        "desk.released-only",
        Condition(value=True),
        (
            DESK_DOCUMENTS
            + "test_an_id_of_another_month_or_version_that_is_not_released_is_not_there",
        ),
    ),
    Guard(
        "desk.released-only-in-zip",
        Condition(value=True),
        (DESK_DOCUMENTS + "test_a_selection_leaves_out_what_is_not_released",),
    ),
    Guard(
        "desk.ids-are-numbers",
        Value("Annotated[str, Path()]"),
        (DESK_DOCUMENTS + "test_a_path_leads_to_no_file_and_a_guessed_id_to_nothing",),
    ),
    Guard(
        "desk.looks-are-recorded",
        Removed(),
        (DESK_PICTURES + "test_a_page_and_its_text_are_shown_and_each_look_is_on_record",),
    ),
    Guard(
        "desk.preview-limits",
        Removed(),
        (
            DESK_PICTURES + "test_a_program_that_computes_for_long_is_ended",
            DESK_PICTURES + "test_a_program_that_takes_much_memory_is_ended",
        ),
    ),
    Guard(
        "desk.preview-sees-no-secrets",
        Token("env={", "env=os.environ | {"),
        (DESK_PICTURES + "test_a_program_sees_none_of_airflows_environment",),
    ),
    Guard(
        "desk.requester-does-not-release",
        Token("person.name", "'somebody'"),
        (DESK_RELEASE + "test_who_asked_for_the_run_does_not_release_it",),
    ),
    Guard(
        "desk.log-is-chained",
        Removed(),
        (DESK_RELEASE + "test_the_chain_is_verified_and_says_where_it_was_broken",),
    ),
    Guard(
        "desk.chain-is-verified",
        Token("_hash(entry)", "entry['entry_sha256']"),
        (DESK_RELEASE + "test_the_chain_is_verified_and_says_where_it_was_broken",),
    ),
    Guard(
        "desk.log-is-append-only",
        Token("grant insert", "grant insert, update"),
        (
            STORE_ROLES
            + "test_the_desk_writes_what_an_entry_of_its_log_is_about_and_no_column_of_the_chain",
        ),
    ),
    # ---- health ----------------------------------------------------------------------------
    Guard(
        "health.no-interval-across-a-start",
        Condition(value=True),
        (INTERVAL + "nor does one after the server was started anew, even with higher counters]",),
    ),
    Guard(
        "health.no-interval-across-a-reset",
        Condition(value=True),
        (INTERVAL + "nor after its statistics were reset, even with higher counters]",),
    ),
    Guard(
        "health.no-falling-counter",
        Condition(value=True),
        (INTERVAL + "nor one whose counter went back]",),
    ),
    Guard(
        "health.no-statements-across-a-reset",
        Condition(value=True),
        (
            SQL_CASE
            + "[health/slow_statements: "
            + "none where the statements' counters began anew]",
        ),
    ),
    Guard(
        "health.server-down",
        Removed(),
        (COLLECTION + "test_a_server_that_is_down_is_a_row_that_says_so_and_the_others_are_kept",),
    ),
    Guard(
        "health.no-server-fails-the-run",
        Condition(value=False),
        (COLLECTION + "test_when_no_server_answers_that_is_kept_and_the_run_fails",),
    ),
    Guard(
        "health.primary-is-a-primary",
        Condition(value=False),
        (COLLECTION + "test_a_primary_connection_that_leads_to_a_replica_is_a_finding",),
    ),
    Guard(
        "health.changed-plan",
        Condition(value=False),
        (PLANS + "test_without_it_each_query_on_each_replica_is_an_alert",),
    ),
    Guard(
        "health.large-scan",
        Token("row_count <= SMALL_TABLE_ROWS", "True"),
        (PLANS + "test_without_it_each_query_on_each_replica_is_an_alert",),
    ),
    Guard(
        "health.idle-primary-has-no-lag",
        Token("vitals.lag_bytes", "True"),
        (THRESHOLDS + "test_what_says_nothing_is_no_alert",),
    ),
)
