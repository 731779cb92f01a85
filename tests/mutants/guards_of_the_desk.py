"""Guards of the desk and of monitoring: access, audit log, and the health of the servers."""

from tests.mutants.guard import Guard

COLLECTION = "tests/monitoring/test_collect.py::"
PLANS = "tests/monitoring/test_query_plans.py::"
THRESHOLDS = "tests/monitoring/test_thresholds.py::"
SQL_CASE = "tests/sql/test_queries.py::test_case"
INTERVAL = SQL_CASE + "[health/interval: "
HEALTH_SQL = "sql/reporting/migrations/0006_health.sql"
ACCESS = "tests/desk/test_access.py::"
DESK_DOCUMENTS = "tests/desk/test_documents.py::"
DESK_PDF_PREVIEW = "tests/desk/test_pdf_preview.py::"
DESK_RELEASE = "tests/desk/test_release.py::"
STORE_ROLES = "tests/test_store_roles.py::"

DESK = (
    # ---- the desk --------------------------------------------------------------------------
    Guard(
        "desk: a route without a row",
        "plugins/closebook/desk/auth_middleware.py",
        "return self._rules.get((request.method, route.path))",
        "return self._rules.get((request.method, route.path), permissions.Anyone.SIGNED_IN)",
        (ACCESS + "test_a_route_without_a_row_and_a_mounted_app_have_no_rule",),
    ),
    Guard(
        "desk: a log-in",
        "plugins/closebook/desk/auth_middleware.py",
        "if user is None:",
        "if False:",
        (ACCESS + "test_without_a_log_in_a_page_leads_to_the_log_in_and_a_change_is_refused",),
    ),
    Guard(
        "desk: a role",
        "plugins/closebook/desk/auth_middleware.py",
        "if not allowed:",
        "if False:",
        (ACCESS + "test_a_route_is_open_to_its_roles_and_refused_to_all_others",),
    ),
    Guard(
        "desk: a role other than Admin for documents",
        "plugins/closebook/desk/current_user.py",
        "return not permission.confidential or any(",
        "return True or any(",
        (ACCESS + "test_the_role_admin_alone_does_not_open_documents",),
    ),
    Guard(
        "desk: a role that is still there",
        "plugins/closebook/desk/current_user.py",
        "manager.cache.pop(user.id, None)",
        "pass",
        (ACCESS + "test_a_link_stops_working_at_once_when_the_role_is_taken_away",),
    ),
    Guard(
        "desk: a change comes from its own site",
        "plugins/closebook/desk/auth_middleware.py",
        "if request.method not in _SAFE_METHODS and not _is_same_origin(request):",
        "if False:",
        (ACCESS + "test_a_change_from_another_site_or_session_is_refused",),
    ),
    Guard(
        "desk: a change comes from a form of the session",
        "plugins/closebook/desk/csrf.py",
        "not compare_digest(token.encode(), expected.encode())",
        "False",
        (ACCESS + "test_a_change_from_another_site_or_session_is_refused",),
    ),
    Guard(
        "desk: released statements only",
        "sql/desk/statement.sql",
        "and (%(may_review)s::boolean or statement_state in ('released', 'superseded'))",
        "and %(may_review)s::boolean is not null",
        (DESK_DOCUMENTS + "test_a_version_that_is_not_released_is_not_found_by_its_id",),
    ),
    Guard(
        "desk: released statements only, in a ZIP",
        "sql/desk/selected_documents.sql",
        "where statements.statement_state in ('released', 'superseded')",
        "where true",
        (
            DESK_DOCUMENTS
            + "test_the_zip_of_a_selection_leaves_out_statements_that_are_not_released",
        ),
    ),
    Guard(
        "desk: ids are looked up, and nothing else",
        "plugins/closebook/desk/statement_documents.py",
        "Id = Annotated[int, Path(ge=0, lt=2**63)]",
        "Id = Annotated[str, Path()]",
        (DESK_DOCUMENTS + "test_a_path_to_a_file_and_a_guessed_id_are_refused",),
    ),
    Guard(
        "desk: what is given of a document is on record",
        "plugins/closebook/desk/statement_documents.py",
        'audit_log.record(store, request, action, f"{part} of {audit_subject(row)}", digest)',
        "pass",
        (DESK_PDF_PREVIEW + "test_a_page_and_its_text_are_shown_and_are_in_the_audit_log",),
    ),
    Guard(
        "desk: what makes a picture of a page has limits",
        "plugins/closebook/desk/pdf_preview.py",
        "_limit(process.pid, limits)",
        "pass",
        (
            DESK_PDF_PREVIEW + "test_a_program_that_uses_much_cpu_is_stopped",
            DESK_PDF_PREVIEW + "test_a_program_that_uses_much_memory_is_stopped",
        ),
    ),
    Guard(
        "desk: what makes a picture of a page sees no secrets",
        "plugins/closebook/desk/pdf_preview.py",
        'env={"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8"},',
        "env=None,",
        (DESK_PDF_PREVIEW + "test_a_program_does_not_get_the_environment_of_airflow",),
    ),
    Guard(
        "desk: who asked for the run does not release it",
        "plugins/closebook/desk/routes/releases.py",
        "release.release(store, period, manifest_sha256, user.name, text or None)",
        'release.release(store, period, manifest_sha256, "somebody", text or None)',
        (DESK_RELEASE + "test_the_user_who_requested_the_run_cannot_release_it",),
    ),
    Guard(
        "desk: the log is chained",
        "sql/reporting/migrations/0005_desk.sql",
        "            new.previous_sha256,\n            new.entry_id::text,",
        "            new.entry_id::text,",
        (DESK_RELEASE + "test_verify_log_names_the_entry_at_which_the_chain_is_broken",),
    ),
    Guard(
        "desk: the chain is verified",
        "plugins/closebook/store/audit_chain.py",
        ' or entry["entry_sha256"] != _hash(entry):',
        ":",
        (DESK_RELEASE + "test_verify_log_names_the_entry_at_which_the_chain_is_broken",),
    ),
    Guard(
        "desk: the log is only added to",
        "sql/reporting/migrations/0005_desk.sql",
        "grant insert (person, act, subject, document_sha256, address)",
        "grant insert, update",
        (
            STORE_ROLES
            + "test_the_desk_says_what_an_entry_of_its_log_is_about_and_nothing_of_the_chain",
        ),
    ),
    # ---- health ----------------------------------------------------------------------------
    Guard(
        "health: no interval across a start",
        HEALTH_SQL,
        "samples.postmaster_started_at = previous.postmaster_started_at\n"
        "            and samples.stats_reset_at",
        "samples.stats_reset_at",
        (INTERVAL + "nor does one after the server was started anew, even with higher counters]",),
    ),
    Guard(
        "health: no interval across a reset",
        HEALTH_SQL,
        "            and samples.stats_reset_at is not distinct from previous.stats_reset_at,",
        "            ,",
        (INTERVAL + "nor after its statistics were reset, even with higher counters]",),
    ),
    Guard(
        "health: no interval of a counter that went back",
        HEALTH_SQL,
        "and least(pairs.index_blocks_hit, pairs.index_blocks_read) >= 0",
        "",
        (INTERVAL + "nor one whose counter went back]",),
    ),
    Guard(
        "health: no interval of statements across a reset",
        HEALTH_SQL,
        "            and samples.statements_reset_at = previous.statements_reset_at,",
        "            ,",
        (
            SQL_CASE
            + "[health/slow_statements: "
            + "none where the statements' counters began anew]",
        ),
    ),
    Guard(
        "health: a server that is down has an alert",
        "plugins/closebook/monitoring/collect.py",
        'yield Alert("server_down", server.problem or "the server does not answer")',
        "yield from ()",
        (COLLECTION + "test_a_server_that_is_down_has_an_alert_and_the_other_servers_are_stored",),
    ),
    Guard(
        "health: without any server the run fails",
        "plugins/closebook/monitoring/collect.py",
        "if all(server.statistics is None for server in servers):",
        "if False:",
        (COLLECTION + "test_if_no_server_answers_the_alerts_are_stored_and_the_run_fails",),
    ),
    Guard(
        "health: the primary is one",
        "plugins/closebook/monitoring/probe.py",
        'if server["in_recovery"]:',
        "if False:",
        (
            COLLECTION
            + "test_a_primary_connection_that_leads_to_a_replica_is_a_problem_of_the_primary",
        ),
    ),
    Guard(
        "health: a plan that changed is an alert",
        "plugins/closebook/monitoring/collect.py",
        "if not plan.is_as_expected:",
        "if False:",
        (PLANS + "test_without_the_index_each_query_on_each_replica_is_an_alert",),
    ),
    Guard(
        "health: a sequential scan of a large table is not as expected",
        "plugins/closebook/monitoring/query_plans.py",
        "return row_count <= SMALL_TABLE_ROWS or (",
        "return True or (",
        (PLANS + "test_without_the_index_each_query_on_each_replica_is_an_alert",),
    ),
    Guard(
        "health: an idle primary is no lag",
        "plugins/closebook/monitoring/thresholds.py",
        "if metrics.lag_bytes and (",
        "if (",
        (THRESHOLDS + "test_values_that_prove_no_problem_are_no_alert",),
    ),
)
