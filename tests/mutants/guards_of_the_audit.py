"""Guards of what was released: manifest, proof, audit, and how a server proves who it is."""

from tests.mutants.guard import Guard
from tests.mutants.operators import Condition, Removed, Token, Value

AUDIT_TESTS = "tests/audit/test_register_audit.py::"
CHANGED = AUDIT_TESTS + "test_a_change_in_the_database_is_found"
DESK_DOCUMENTS = "tests/desk/test_documents.py::"
SWAPPED = DESK_DOCUMENTS + "test_what_was_swapped_after_the_release_is_handed_to_nobody"
IDENTITY = "tests/test_server_identity.py::"
WEAKER = IDENTITY + "test_a_connection_that_would_weaken_this_is_refused"
WEAKER_REDIS = IDENTITY + "test_a_redis_elsewhere_needs_tls_with_a_certificate_that_is_checked"
VERIFY = "tests/statements/test_verify_manifest.py::"
PARTS = "tests/statements/test_manifest_parts.py::"
PARTS_OF_A_MONTH = "tests/closes/test_manifest_parts.py::"
SILENT_GLYPHS = (
    "tests/statements/test_verify_fonts.py::test_a_glyph_without_text_in_an_amount_is_refused"
)
BARE_FONTS = (
    "tests/statements/test_verify_fonts.py::test_a_bare_font_that_shows_something_else_is_refused"
)
FONTS = "tests/statements/test_verify_fonts.py::test_a_font_that_shows_something_else_is_refused"
HIDDEN_TEXT = (
    "tests/statements/test_verify_visible_text.py::"
    "test_text_that_is_not_seen_as_it_is_read_is_refused_though_a_manifest_lists_the_file"
)
DETAILS = (
    "tests/statements/test_verify_changed_files.py::"
    "test_a_change_is_found_in_the_file_itself_and_by_its_hash"
)
PLANS = "tests/statements/test_released_plans.py::"
ARCHIVE = "tests/desk/test_zip_archive.py::"
MERKLE = "tests/statements/test_merkle.py::"
STORE_ROLES = "tests/test_store_roles.py::"


def never(name: str, *tests: str) -> Guard:
    """A guard whose condition is false without it."""
    return Guard(name, Condition(value=False), tests)


AUDIT = (
    # ---- what the desk hands out -----------------------------------------------------------
    never(
        "released.manifest-has-the-released-hash",
        DESK_DOCUMENTS + "test_without_the_released_manifest_no_document_is_shown",
    ),
    never("released.balances-are-as-released", SWAPPED),
    never("released.holder-is-as-released", SWAPPED),
    never("released.document-is-as-released", SWAPPED),
    never(
        "released.month-is-complete",
        DESK_DOCUMENTS
        + "test_a_statement_that_was_taken_out_of_the_register_stops_the_zip_of_its_month",
    ),
    never("desk.attachment-is-as-released", SWAPPED),
    Guard("desk.zip-is-as-released", Removed(), (SWAPPED,)),
    Guard("desk.part-zip-is-as-released", Value("None"), (SWAPPED,)),
    never(
        "released.plan-has-the-released-hash",
        PLANS + "test_a_manifest_that_is_not_the_released_one_is_refused",
    ),
    never("released.plan-leads-to-the-root", PLANS + "test_a_plan_of_another_manifest_is_refused"),
    never("zip.entries-have-their-node", PLANS + "test_entries_that_were_changed_are_refused"),
    never(
        "manifest.parts-are-nodes",
        PARTS + "test_parts_that_are_no_nodes_of_one_tree_are_refused",
    ),
    never(
        "manifest.part-is-as-listed",
        PARTS + "test_a_part_that_is_not_the_listed_one_is_refused",
        PARTS + "test_an_entry_that_was_changed_in_a_part_is_refused",
    ),
    Guard(
        "manifest.part-of-a-shard-is-complete",
        Condition(value=True),
        (
            PARTS_OF_A_MONTH
            + "test_no_part_is_written_for_a_shard_before_all_its_statements_have_documents",
        ),
    ),
    Guard(
        "manifest.documents-are-read",
        Value("documents.absent"),
        (PARTS_OF_A_MONTH + "test_a_document_that_is_lost_or_changed_stops_the_part",),
    ),
    Guard(
        "manifest.part-lists-what-is-registered",
        Value("True"),
        (
            "tests/closes/test_manifest.py::"
            "test_a_run_for_one_account_fails_while_another_ones_correction_has_no_document",
        ),
    ),
    never(
        "zip.sizes-are-as-planned",
        ARCHIVE + "test_files_of_another_size_than_was_said_break_the_zip_off",
    ),
    never("zip.part-of-the-same-file", ARCHIVE + "test_a_client_gets_the_part_that_it_asks_for"),
    Guard(
        "desk.role-reads-what-its-pages-show",
        Token("closebook_desk", "closebook_store"),
        (STORE_ROLES + "test_the_desk_does_not_read_what_no_page_shows",),
    ),
    # ---- manifest and proof ----------------------------------------------------------------
    Guard(
        "merkle.leaf-is-no-node",
        Token("_LEAF", "_NODE"),
        (MERKLE + "test_the_root_is_that_of_the_published_vectors",),
    ),
    never(
        "manifest.root-is-of-its-entries",
        VERIFY + "test_a_manifest_whose_entries_were_changed_is_no_manifest",
    ),
    never("proof.leads-to-its-root", VERIFY + "test_a_proof_with_a_change_leads_to_no_root"),
    never(
        "verify.root-is-the-published-one",
        VERIFY + "test_a_forged_file_with_a_forged_manifest_is_not_verified",
    ),
    never(
        "verify.manifest-is-the-published-one",
        VERIFY + "test_a_forged_file_with_a_forged_manifest_is_not_verified",
    ),
    never(
        "verify.manifest-signer-is-trusted",
        VERIFY + "test_a_trusted_signature_proves_the_manifest_and_another_one_does_not",
    ),
    never(
        "verify.account-is-that-of-the-manifest",
        "tests/statements/test_verify_manifest.py::"
        "test_a_manifest_that_lists_the_file_for_another_account_does_not_verify_it",
    ),
    never(
        "verify.manifest-signature-is-valid",
        VERIFY + "test_a_trusted_signature_proves_the_manifest_and_another_one_does_not",
    ),
    never("verify.font-keeps-its-outlines", BARE_FONTS),
    never("verify.bare-outlines-are-the-typefaces", BARE_FONTS),
    never("verify.details-are-those-of-the-entry", DETAILS),
    never("verify.table-agrees-with-the-font", FONTS),
    never("verify.amounts-have-no-silent-glyph", SILENT_GLYPHS),
    never("verify.outlines-are-the-typefaces", FONTS),
    never(
        "verify.no-foreign-parts",
        "tests/statements/test_verify_foreign_parts.py::"
        "test_a_part_that_no_statement_has_is_refused_though_a_manifest_lists_the_file",
    ),
    never("verify.commands-are-known", HIDDEN_TEXT),
    never("verify.no-layers", HIDDEN_TEXT),
    never("verify.text-is-filled", HIDDEN_TEXT),
    never("verify.font-is-the-one-that-is-read", HIDDEN_TEXT),
    never("verify.glyphs-beside-each-other", HIDDEN_TEXT),
    never("verify.nothing-over-text", HIDDEN_TEXT),
    never("verify.text-is-opaque", HIDDEN_TEXT),
    never("verify.text-is-upright", HIDDEN_TEXT),
    never("verify.text-is-on-the-page", HIDDEN_TEXT),
    never("verify.text-is-not-clipped", HIDDEN_TEXT),
    never("verify.text-has-contrast", HIDDEN_TEXT),
    never("verify.no-text-over-text", HIDDEN_TEXT),
    never(
        "verify.unproven-register-verifies-nothing",
        VERIFY + "test_a_forged_file_with_a_forged_manifest_is_not_verified",
    ),
    Guard(
        "verify.small-files-get-little",
        Value("_MOST"),
        (
            "tests/statements/test_verify_hostile_files.py::"
            "test_a_small_hostile_file_takes_less_than_30_seconds_and_300_megabytes",
        ),
    ),
    # ---- the audit -------------------------------------------------------------------------
    never("audit.manifest-is-as-registered", CHANGED),
    never(
        "audit.manifests-follow",
        AUDIT_TESTS + "test_a_manifest_that_was_taken_out_is_missed_by_the_next_one",
    ),
    never("audit.rows-are-listed", CHANGED),
    never("audit.listed-ones-are-registered", CHANGED),
    Guard("audit.entries-are-registered", Removed(), (CHANGED,)),
    Guard(
        "audit.documents-are-there",
        Removed(),
        (AUDIT_TESTS + "test_a_change_in_the_document_store_is_found",),
    ),
    never("audit.decision-has-hash", CHANGED),
    never("audit.release-names-the-exceptions", CHANGED),
    never("audit.totals-again", CHANGED),
    never(
        "audit.decisions-are-logged",
        CHANGED,
        AUDIT_TESTS + "test_a_release_in_the_log_alone_is_found",
    ),
    Guard(
        "audit.blanks-of-a-name",
        Token("person.strip()", "person"),
        (AUDIT_TESTS + "test_a_user_name_with_blanks_is_the_same_person_in_register_and_log",),
    ),
    never(
        "audit.stored-documents-are-known",
        AUDIT_TESTS + "test_a_change_in_the_document_store_is_found",
    ),
    never(
        "log.anchors-follow",
        AUDIT_TESTS + "test_an_end_of_the_log_gets_one_anchor_and_each_names_the_one_before",
    ),
    never(
        "desk.anchored-log-is-not-cut-short",
        AUDIT_TESTS + "test_a_log_that_was_cut_short_is_found_by_an_anchor",
    ),
    never(
        "desk.anchors-are-verified",
        AUDIT_TESTS + "test_a_log_that_was_written_again_is_found_by_an_anchor",
    ),
    # ---- servers ---------------------------------------------------------------------------
    Guard(
        "server.scram-only",
        Value("{**_AUTHENTICATION, **parameters, 'require_auth': None}"),
        (IDENTITY + "test_a_server_that_asks_for_the_password_does_not_get_it",),
    ),
    never("server.tls-elsewhere", WEAKER),
    never("server.no-other-extras", WEAKER),
    never(
        "server.trust-is-the-environments",
        IDENTITY + "test_the_authorities_of_the_environment_cannot_be_replaced_by_a_connection",
    ),
    never("server.redis-host", WEAKER_REDIS),
    never("server.redis-tls-elsewhere", WEAKER_REDIS),
)
