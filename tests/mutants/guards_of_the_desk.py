"""Guards of the desk and of monitoring: access, audit log, and the health of the servers."""

from tests.mutants.guard import Guard
from tests.mutants.operators import Condition, Removed, Token, Value

COLLECTION = "tests/monitoring/test_collect.py::"
PLANS = "tests/monitoring/test_query_plans.py::"
THRESHOLDS = "tests/monitoring/test_thresholds.py::"
DESK_PDF_PREVIEW = "tests/desk/test_pdf_preview.py::"
SQL_CASE = "tests/sql/test_queries.py::test_case"
INTERVAL = SQL_CASE + "[health/interval: "
ACCESS = "tests/desk/test_access.py::"
DESK_DOCUMENTS = "tests/desk/test_documents.py::"
DESK_ZIPS = "tests/desk/test_zips.py::"
DESK_RELEASE = "tests/desk/test_release.py::"
FOUR_EYES = "tests/desk/test_four_eyes.py::"
STORE_ROLES = "tests/test_store_roles.py::"

SESSIONS = "tests/desk/test_sessions.py::"
PROXY = "tests/desk/test_proxy.py::"
CAPACITY = "tests/desk/test_capacity.py::"
LOAD = "tests/desk/test_load.py::"

DESK = (
    # ---- the desk --------------------------------------------------------------------------
    Guard(
        "desk.route-without-a-row",
        Token("route.path))", "route.path), permissions.Anyone.SIGNED_IN)"),
        (ACCESS + "test_a_route_without_a_row_and_a_mounted_app_have_no_rule",),
    ),
    Guard(
        "desk.log-in",
        Condition(value=False),
        (ACCESS + "test_without_a_log_in_a_page_leads_to_the_log_in_and_a_change_is_refused",),
    ),
    Guard(
        "desk.role",
        Condition(value=False),
        (ACCESS + "test_a_route_is_open_to_its_roles_and_refused_to_all_others",),
    ),
    Guard(
        "desk.admin-reads-no-documents",
        Token("permission.confidential", "False"),
        (ACCESS + "test_the_role_admin_alone_does_not_open_documents",),
    ),
    Guard(
        "desk.current-roles",
        Value("manager.deserialize_user(dict(session.claims))"),
        (ACCESS + "test_a_link_stops_working_at_once_when_the_role_is_taken_away",),
    ),
    Guard(
        "desk.same-origin",
        Condition(value=False),
        (ACCESS + "test_a_change_from_another_site_or_session_is_refused",),
    ),
    Guard(
        "desk.auth-manager",
        Condition(value=False),
        (SESSIONS + "test_the_desk_serves_nobody_with_an_auth_manager_that_ends_no_session",),
    ),
    Guard(
        "log-in.old-password-of-a-token",
        Condition(value=False),
        (SESSIONS + "test_a_new_password_ends_every_session_at_once",),
    ),
    Guard(
        "log-in.revoked-token",
        Condition(value=False),
        (SESSIONS + "test_a_log_out_ends_the_session_at_once",),
    ),
    Guard(
        "desk.verified-token",
        Value("Session(jwt.decode(token, options={'verify_signature': False}), token)"),
        (SESSIONS + "test_a_token_that_airflow_has_not_signed_is_no_log_in",),
    ),
    Guard(
        "log-in.old-password-of-a-form",
        Condition(value=False),
        (SESSIONS + "test_a_new_password_ends_every_session_at_once",),
    ),
    Guard(
        "log-in.limit",
        Condition(value=False),
        (PROXY + "test_the_form_and_the_tokens_are_counted_together_and_the_answer_says_how_long",),
    ),
    Guard(
        "log-in.counted-together",
        Token("self._file", '":memory:"'),
        ("tests/desk/test_log_in_limits.py::test_two_processes_at_once_give_one_limit",),
    ),
    Guard(
        "log-in.session-ends",
        Condition(value=True),
        (
            "tests/desk/test_log_in_limits.py::"
            "test_with_passwords_that_are_kept_elsewhere_a_session_has_an_end",
        ),
    ),
    Guard(
        "images.digest-of-what-was-sent",
        Condition(value=False),
        (
            "tests/local/test_pin_images.py::"
            "test_a_registry_that_sends_something_else_than_it_says_is_refused",
        ),
    ),
    Guard(
        "proxy.named",
        Token("list(proxies)", '"*"'),
        (PROXY + "test_a_client_past_the_proxy_cannot_choose_its_address",),
    ),
    Guard(
        "proxy.client-address",
        Token("$remote_addr", "$http_x_forwarded_for"),
        (PROXY + "test_the_audit_log_has_the_clients_address_and_not_what_the_client_says",),
    ),
    Guard(
        "proxy.secure-cookie",
        Token("_secure(value)", "value"),
        (PROXY + "test_every_cookie_is_sent_over_tls_only_if_the_outside_is_https",),
    ),
    Guard(
        "proxy.is-not-anybody",
        Condition(value=False),
        (PROXY + "test_anybody_is_no_proxy",),
    ),
    Guard(
        "proxy.no-proxy-fix",
        Condition(value=False),
        (PROXY + "test_airflows_own_ways_to_believe_everybody_are_refused",),
    ),
    Guard(
        "proxy.no-proxy-headers",
        Condition(value=False),
        (PROXY + "test_airflows_own_ways_to_believe_everybody_are_refused",),
    ),
    Guard(
        "desk.typed-text-is-seen",
        Condition(value=False),
        ("tests/test_typed_text.py::test_a_text_without_a_visible_character_is_empty",),
    ),
    Guard(
        "desk.csrf-token",
        Condition(value=False),
        (ACCESS + "test_a_change_from_another_site_or_session_is_refused",),
    ),
    Guard(
        "desk.each-clear-has-its-request",
        Condition(value=False),
        (FOUR_EYES + "test_nobody_releases_a_run_that_was_cleared_without_a_request",),
    ),
    Guard(
        "desk.log-reaches-back-to-the-run",
        Condition(value=False),
        (FOUR_EYES + "test_nobody_releases_a_run_that_is_older_than_airflows_log",),
    ),
    Guard(
        "desk.command-names-no-user",
        Condition(value=False),
        (FOUR_EYES + "test_nobody_releases_what_a_command_started_or_cleared",),
    ),
    Guard(
        "desk.name-is-of-the-user-who-acted",
        Value("True"),
        (FOUR_EYES + "test_a_user_who_got_the_name_later_did_not_do_it",),
    ),
    Guard(
        "desk.released-only",
        Condition(value=True),
        (DESK_DOCUMENTS + "test_a_version_that_is_not_released_is_not_found_by_its_id",),
    ),
    Guard(
        "desk.released-only-in-list",
        Token("is_shown.may_review", "true"),
        (SQL_CASE + "[desk/counted_statements: what the releases have, once each, by number]",),
    ),
    Guard(
        "desk.released-only-among-chosen",
        Token("%(may_review)s::boolean", "true"),
        (SQL_CASE + "[desk/chosen_statements: what is chosen is not seen before its release]",),
    ),
    Guard(
        "desk.released-only-in-zip",
        Condition(value=True),
        (DESK_ZIPS + "test_the_zip_of_a_selection_leaves_out_statements_that_are_not_released",),
    ),
    Guard(
        "desk.lines-of-corrections-only",
        Token("null and", "null or"),
        (SQL_CASE + "[desk/corrected_lines: no line of a statement that has no released version]",),
    ),
    Guard(
        "desk.statement-with-an-amount-once",
        Removed(),
        (
            SQL_CASE + "[desk/quoting_statements: each such statement once, where its lines stand "
            "apart in the table]",
        ),
    ),
    Guard(
        "desk.zip-lacks-no-statement",
        Value("is_all"),
        (
            "tests/desk/test_searches.py::"
            "test_the_statements_that_are_found_are_counted_up_to_a_number",
        ),
    ),
    Guard(
        "desk.one-open-request",
        Condition(value=False),
        (
            SQL_CASE + "[desk/insert_reissue_request: none while one about the same version is open"
            ", whoever asked]",
        ),
    ),
    Guard(
        "desk.requests-wait-for-another",
        Removed(),
        (DESK_RELEASE + "test_a_request_that_is_sent_twice_at_once_is_taken_once",),
    ),
    Guard(
        "desk.ids-are-numbers",
        Value("Annotated[str, Path()]"),
        (DESK_DOCUMENTS + "test_a_path_to_a_file_and_a_guessed_id_are_refused",),
    ),
    Guard(
        "desk.looks-are-recorded",
        Removed(),
        (DESK_PDF_PREVIEW + "test_a_page_and_its_text_are_shown_and_are_in_the_audit_log",),
    ),
    Guard(
        "desk.preview-limits",
        Removed(),
        (
            DESK_PDF_PREVIEW + "test_a_program_that_uses_much_cpu_is_stopped",
            DESK_PDF_PREVIEW + "test_a_program_that_uses_much_memory_is_stopped",
        ),
    ),
    Guard(
        "desk.preview-sees-no-secrets",
        Token("env={", "env=os.environ | {"),
        (DESK_PDF_PREVIEW + "test_a_program_does_not_get_the_environment_of_airflow",),
    ),
    Guard(
        "desk.requester-does-not-release",
        Token("user.user_id", "'0'"),
        (DESK_RELEASE + "test_the_user_who_requested_the_run_cannot_release_it",),
    ),
    Guard(
        "desk.log-is-chained",
        Removed(),
        (DESK_RELEASE + "test_verify_log_names_the_entry_at_which_the_chain_is_broken",),
    ),
    Guard(
        "desk.chain-is-verified",
        Token("_hash(entry)", "entry['entry_sha256']"),
        (DESK_RELEASE + "test_verify_log_names_the_entry_at_which_the_chain_is_broken",),
    ),
    Guard(
        "desk.log-is-append-only",
        Token("grant insert", "grant insert, update"),
        (STORE_ROLES + "test_the_desk_writes_no_column_of_any_table",),
    ),
    # ---- the desk's share of the API server -------------------------------------------------
    Guard(
        "desk.own-threads",
        Condition(value=False),
        (ACCESS + "test_a_route_that_would_run_in_the_threads_of_airflow_has_no_rule",),
    ),
    Guard(
        "desk.airflow-goes-first",
        Removed(),
        (CAPACITY + "test_python_changes_to_airflows_event_loop_at_once",),
    ),
    Guard(
        "desk.places-of-one-person",
        Condition(value=False),
        (CAPACITY + "test_a_person_gets_some_places_and_leaves_the_rest_to_others",),
    ),
    Guard(
        "desk.places-in-all",
        Condition(value=False),
        (CAPACITY + "test_a_person_gets_some_places_and_leaves_the_rest_to_others",),
    ),
    Guard(
        "desk.threads-of-one-person",
        Condition(value=True),
        (CAPACITY + "test_one_person_whose_work_hangs_leaves_a_thread_to_others",),
    ),
    Guard(
        "desk.form-bytes",
        Condition(value=False),
        (LOAD + "test_a_form_that_is_too_large_is_refused",),
    ),
    Guard(
        "desk.client-takes-its-answer",
        Token("MAX_SILENCE_SECONDS", "None"),
        (CAPACITY + "test_a_client_that_does_not_take_its_answer_is_given_up",),
    ),
    Guard(
        "desk.log-is-free-at-once",
        Removed(),
        (CAPACITY + "test_after_its_entry_a_request_holds_up_nobody_elses_entry",),
    ),
    Guard(
        "store.desk-time-limits",
        Removed(),
        (CAPACITY + "test_the_desk_waits_for_a_lock_no_longer_than_its_limit",),
    ),
    Guard(
        "store.desk-hangs-up",
        Token("if is_desk", "if False"),
        (CAPACITY + "test_the_desk_hangs_up_on_a_store_that_does_not_answer",),
    ),
    # ---- health ----------------------------------------------------------------------------
    Guard(
        "health.no-interval-across-a-start",
        Condition(value=True),
        (INTERVAL + "nor does one after a restart of the server, even with higher counters]",),
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
            + "none where the statements' counters were reset]",
        ),
    ),
    Guard(
        "health.server-down",
        Removed(),
        (COLLECTION + "test_a_server_that_is_down_has_an_alert_and_the_other_servers_are_stored",),
    ),
    Guard(
        "health.no-server-fails-the-run",
        Condition(value=False),
        (COLLECTION + "test_if_no_server_answers_the_alerts_are_stored_and_the_run_fails",),
    ),
    Guard(
        "health.primary-is-a-primary",
        Condition(value=False),
        (
            COLLECTION
            + "test_a_primary_connection_that_leads_to_a_replica_is_a_problem_of_the_primary",
        ),
    ),
    Guard(
        "health.replica-is-a-replica",
        Condition(value=False),
        (
            COLLECTION
            + "test_a_replicas_connection_that_leads_to_the_primary_is_a_problem_of_its_own",
        ),
    ),
    Guard(
        "health.clock",
        Value("False"),
        ("tests/monitoring/test_thresholds.py::test_each_exceeded_threshold_is_one_alert",),
    ),
    Guard(
        "health.changed-plan",
        Condition(value=False),
        (PLANS + "test_without_the_index_each_query_on_each_replica_is_an_alert",),
    ),
    Guard(
        "health.large-scan",
        Token("row_count <= SMALL_TABLE_ROWS", "True"),
        (PLANS + "test_without_the_index_each_query_on_each_replica_is_an_alert",),
    ),
    Guard(
        "health.idle-primary-has-no-lag",
        Token("metrics.lag_bytes", "True"),
        (THRESHOLDS + "test_values_that_prove_no_problem_are_no_alert",),
    ),
)
