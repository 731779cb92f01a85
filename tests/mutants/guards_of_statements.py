"""What a statement depends on: issue, release, the documents' files."""

from tests.mutants.guard import Guard
from tests.mutants.operators import Condition, Removed, Token, Value

HOSTILE = "tests/statements/test_hostile_texts.py::"
LONG_TEXTS = "tests/statements/test_long_texts.py::"
TALL_ROW = "test_a_row_of_several_pages_has_its_column_heads_on_each_and_is_verified"
ISSUE = "tests/closes/test_documents.py::"
SHARDS = "tests/closes/test_shards.py::"
SIGNED = "tests/closes/test_signed_documents.py::"
MANIFEST = "tests/closes/test_manifest.py::"
MODEL = "tests/statements/test_model.py::"
REISSUE = "tests/closes/test_reissue.py::"
RELEASE = "tests/closes/test_release.py::"
STORE_ROLES = "tests/test_store_roles.py::"
RUN_START = "tests/dags/test_run_start.py::"
DOCUMENTS = "tests/statements/test_document_store.py::"
DISK = "tests/faults/test_disk.py::"
LINE_DETAILS = "tests/statements/test_line_details.py::"
SQL_CASE = "tests/sql/test_queries.py::test_case"
OBSTACLES = SQL_CASE + "[statement_decisions/obstacles: "
UNNAMED = SQL_CASE + "[statement_decisions/insert: a release that does not name its exceptions]"

KEY_KINDS = "tests/statements/test_key_kinds.py::"
TIMESTAMPS = "tests/statements/test_timestamps.py::"

BRANDS = "tests/statements/test_brands.py::"
BRAND_VERIFICATION = "tests/statements/test_brand_verification.py::"
BRAND_FAULTS = "tests/statements/test_brand_faults.py::"
BRAND_LANGUAGES = "tests/statements/test_brand_languages.py::"
BRAND_WORDS = "tests/statements/test_brand_words.py::"
CONTENT = "tests/statements/test_brand_content.py::"
OTHER_FORMS = "tests/statements/test_other_forms.py::"

STAMPED = "tests/statements/test_stamped_documents.py::"
IN_PARTS = "tests/statements/test_stamped_in_parts.py::"
FROM_RIGHT = "tests/statements/test_stamped_from_right.py::"
REFUSED = "tests/statements/test_stamp_refusals.py::"

STATEMENTS = (
    # ---- stamped statements ------------------------------------------------------------------
    Guard(
        "stamp.all-parts-of-a-line",
        Condition(value=False),
        (REFUSED + "test_details_that_no_layout_has_are_made_by_the_first_renderer",),
    ),
    Guard(
        "stamp.language-and-script-of-a-text",
        Removed(),
        (STAMPED + "test_a_text_has_the_glyphs_of_its_language",),
    ),
    Guard(
        "stamp.plain-settings-of-a-text",
        Condition(value=True),
        (STAMPED + "test_a_design_whose_letters_are_set_in_another_way_is_stamped",),
    ),
    Guard(
        "stamp.lines-and-backgrounds-are-tried",
        Condition(value=False),
        (REFUSED + "test_a_layout_without_the_lines_of_its_pages_fails_its_trial",),
    ),
    Guard(
        "stamp.stand-in-has-the-minus",
        Condition(value=True),
        (STAMPED + "test_a_sign_that_a_font_lacks_is_set_in_the_font_that_pango_takes",),
    ),
    Guard(
        "stamp.widths-are-tried",
        Condition(value=False),
        (REFUSED + "test_a_layout_with_texts_of_another_width_fails_its_trial",),
    ),
    Guard(
        "stamp.no-document-without-reading-it-back",
        Removed(),
        (REFUSED + "test_a_wrong_page_is_made_again_by_the_first_renderer",),
    ),
    Guard(
        "stamp.rows-are-read-back",
        Condition(value=False),
        (REFUSED + "test_a_page_with_another_line_is_not_filed",),
    ),
    Guard(
        "stamp.totals-are-read-back",
        Condition(value=False),
        (REFUSED + "test_a_page_with_another_total_is_not_filed",),
    ),
    Guard(
        "stamp.names-are-read-back",
        Condition(value=False),
        (REFUSED + "test_a_page_with_another_name_is_not_filed",),
    ),
    Guard(
        "stamp.every-declared-slot-is-found",
        Condition(value=False),
        (REFUSED + "test_a_slot_that_is_declared_and_not_drawn_stops_the_compilation",),
    ),
    Guard(
        "stamp.what-differs-is-a-slot",
        Condition(value=False),
        (REFUSED + "test_a_variable_that_is_no_slot_stops_the_compilation",),
    ),
    Guard(
        "stamp.rows-keep-the-rule",
        Condition(value=False),
        (REFUSED + "test_rows_of_two_heights_stop_the_compilation",),
    ),
    Guard(
        "stamp.probes-differ-in-every-slot",
        Condition(value=False),
        (REFUSED + "test_probes_with_equal_texts_are_refused",),
    ),
    Guard(
        "stamp.probe-is-of-the-class",
        Condition(value=False),
        (REFUSED + "test_a_probe_of_another_class_is_refused",),
    ),
    Guard(
        "stamp.layout-is-tried-before-it-is-used",
        Removed(),
        (REFUSED + "test_a_layout_that_draws_something_else_fails_its_trial",),
    ),
    Guard(
        "stamp.what-is-no-slot-is-of-the-class",
        Value("{}"),
        (REFUSED + "test_what_is_no_slot_makes_another_class",),
    ),
    Guard(
        "stamp.every-tag-has-its-piece",
        Condition(value=False),
        (REFUSED + "test_a_picture_that_moves_with_the_lines_stops_the_compilation",),
    ),
    Guard(
        "stamp.element-of-a-slot-has-its-text",
        Condition(value=False),
        (REFUSED + "test_an_element_without_the_text_of_its_slot_stops_the_compilation",),
    ),
    Guard(
        "stamp.rows-at-page-breaks-stand-at-breaks",
        Condition(value=True),
        (STAMPED + "test_high_rows_at_page_breaks_stand_where_the_first_renderer_puts_them",),
    ),
    Guard(
        "stamp.what-is-below-a-sentence-moves",
        Value("0.0"),
        (STAMPED + "test_a_sentence_around_a_name_has_as_many_lines_as_it_needs",),
    ),
    Guard(
        "stamp.figures-are-set-as-each-alone",
        Condition(value=False),
        (REFUSED + "test_figures_that_a_font_sets_in_another_way_together_are_shaped_together",),
    ),
    Guard(
        "stamp.pango-breaks-at-other-blanks",
        Condition(value=False),
        (STAMPED + "test_a_line_that_ends_with_a_blank_that_does_not_break_is_equal",),
    ),
    Guard(
        "stamp.taller-lines-move-what-is-below",
        Removed(),
        (STAMPED + "test_a_text_that_would_move_others_is_made_by_the_first_renderer",),
    ),
    Guard(
        "stamp.text-from-right-is-compared-in-order",
        Value("True"),
        (STAMPED + "test_a_word_from_right_with_another_letter_is_not_filed",),
    ),
    Guard(
        "stamp.closing-has-the-background-of-its-place",
        Value("layout.closing_art[0]"),
        (IN_PARTS + "test_the_closing_has_the_tint_of_its_place",),
    ),
    Guard(
        "stamp.memory-of-a-long-statement-is-bounded",
        Condition(value=False),
        (IN_PARTS + "test_a_very_long_statement_is_made_by_the_first_renderer",),
    ),
    Guard(
        "stamp.column-has-its-left-edge",
        Condition(value=False),
        (FROM_RIGHT + "test_a_column_is_as_wide_as_its_widest_text_and_begins_at_one_place",),
    ),
    Guard(
        "stamp.column-leaves-room-beside-it",
        Condition(value=False),
        (FROM_RIGHT + "test_totals_that_reach_their_labels_are_made_by_the_first_renderer",),
    ),
    Guard(
        "stamp.rows-at-page-breaks-are-read-back",
        Condition(value=False),
        (REFUSED + "test_a_row_at_a_page_break_with_another_amount_is_not_filed",),
    ),
    Guard(
        "stamp.every-page-break-is-read-back",
        Condition(value=False),
        (REFUSED + "test_a_page_without_its_balance_carried_forward_is_not_filed",),
    ),
    Guard(
        "stamp.glyph-has-one-text",
        Condition(value=False),
        (REFUSED + "test_a_glyph_with_two_meanings_is_refused",),
    ),
    Guard(
        "stamp.closing-stays-with-the-last-line",
        Condition(value=False),
        (REFUSED + "test_the_closing_stays_with_the_last_line",),
    ),
    Guard(
        "stamp.lost-one-is-made-by-its-renderer",
        Condition(value=False),
        (REFUSED + "test_a_lost_document_is_made_again_by_the_renderer_that_made_it",),
    ),
    Guard(
        "documents.sample-conforms",
        Condition(value=False),
        ("tests/statements/test_validator.py::test_a_file_that_does_not_conform_is_refused",),
    ),
    Guard(
        "documents.days-do-not-wrap",
        Condition(value=False),
        ("tests/statements/test_languages.py::test_a_day_stands_on_one_line_and_is_verified",),
    ),
    # ---- brands ----------------------------------------------------------------------------
    Guard(
        "brands.no-file-outside-of-the-folder",
        Condition(value=False),
        (BRAND_FAULTS + "test_a_file_outside_of_the_folder_is_not_read",),
    ),
    Guard(
        "brands.same-font-same-bytes",
        Removed(),
        (BRANDS + "test_the_same_brand_gives_the_same_bytes_in_another_process_on_another_day",),
    ),
    Guard(
        "brands.svg-draws-only",
        Condition(value=False),
        (BRAND_FAULTS + "test_a_picture_with_scripts_or_references_is_refused",),
    ),
    Guard(
        "brands.svg-refers-to-itself-only",
        Condition(value=False),
        (BRAND_FAULTS + "test_a_picture_with_scripts_or_references_is_refused",),
    ),
    Guard(
        "brands.escaping-stays-on",
        Condition(value=False),
        (BRAND_WORDS + "test_a_block_that_breaks_the_rules_makes_no_document",),
    ),
    Guard(
        "brands.texts-have-no-way-around-escaping",
        Condition(value=False),
        (BRAND_WORDS + "test_a_block_that_breaks_the_rules_makes_no_document",),
    ),
    Guard(
        "brands.another-brand-is-another-renderer",
        Condition(value=False),
        (BRANDS + "test_a_changed_brand_makes_other_bytes_and_another_fingerprint",),
    ),
    Guard(
        "brands.fonts-have-a-blank",
        Removed(),
        (BRAND_FAULTS + "test_a_font_without_a_blank_or_a_digit_is_refused",),
    ),
    Guard(
        "brands.texts-can-be-printed",
        Condition(value=False),
        (BRAND_WORDS + "test_a_text_that_cannot_be_printed_is_named",),
    ),
    Guard(
        "brands.every-font-is-loaded",
        Condition(value=False),
        (BRAND_FAULTS + "test_a_font_that_cannot_be_loaded_is_refused_and_not_replaced",),
    ),
    Guard(
        "documents.holder-ends-on-its-page",
        Value("False"),
        (LONG_TEXTS + "test_the_longest_name_and_address_of_the_contract_cover_no_other_text",),
    ),
    Guard(
        "documents.libraries-log-no-text",
        Removed(),
        ("tests/statements/test_fonts.py::test_the_libraries_log_nothing_of_a_statement",),
    ),
    Guard(
        "brands.lines-are-found-by-their-role",
        Value("[i for i, child in enumerate(top) if self._drawn.at(child)['S'] == '/Table']"),
        (BRANDS + "test_each_brand_passes_the_checkers",),
    ),
    Guard(
        "brands.decoration-is-an-artifact",
        Condition(value=False),
        (BRANDS + "test_a_logo_with_a_text_is_a_figure_and_a_decorative_one_is_none",),
    ),
    Guard(
        "verify.values-are-found-by-their-role",
        Value("False"),
        (BRAND_VERIFICATION + "test_a_brand_with_other_tables_is_verified_by_roles",),
    ),
    Guard(
        "verify.every-role-is-there",
        Condition(value=False),
        (
            "tests/statements/test_verify_changed_files.py::test_a_page_without_one_of_the_roles_is_refused",
        ),
    ),
    Guard(
        "brands.what-is-verified-is-on-the-page",
        Condition(value=False),
        (BRAND_WORDS + "test_a_block_without_a_value_that_is_verified_makes_no_document",),
    ),
    Guard(
        "documents.rows-at-page-breaks-stand-at-breaks",
        Condition(value=True),
        (CONTENT + "test_a_brand_with_tall_rows_has_its_rows_at_the_breaks",),
    ),
    Guard(
        "verify.number-and-bic-are-those-of-the-xml",
        Condition(value=False),
        (CONTENT + "test_what_the_xml_does_not_say_is_found_on_the_page",),
    ),
    Guard(
        "verify.original-amounts-are-those-of-the-xml",
        Value("True"),
        (CONTENT + "test_what_the_xml_does_not_say_is_found_on_the_page",),
    ),
    Guard(
        "verify.interest-rates-are-those-of-the-xml",
        Value("True"),
        (CONTENT + "test_what_the_xml_does_not_say_is_found_on_the_page",),
    ),
    Guard(
        "verify.reference-is-the-customers",
        Removed(),
        # Without it a genuine reference of a customer would be taken for a wrong one.
        (CONTENT + "test_verify_accepts_it_in_every_direction_and_script",),
    ),
    Guard(
        "brands.words-have-one-font",
        Value("[]"),
        (BRAND_LANGUAGES + "test_a_word_that_the_brand_lacks_a_letter_of_is_in_one_font",),
    ),
    Guard(
        "documents.joined-lines-are-one-line",
        Condition(value=True),
        ("tests/statements/test_size.py::test_joined_lines_are_drawn_as_before",),
    ),
    Guard(
        "verify.version-of-camt-is-known",
        Condition(value=False),
        (OTHER_FORMS + "test_another_version_is_refused",),
    ),
    Guard(
        "verify.other-files-are-as-the-xml",
        Condition(value=False),
        (OTHER_FORMS + "test_a_file_that_says_something_else_is_found",),
    ),
    Guard(
        "documents.mt940-text-is-no-field",
        Condition(value=False),
        (OTHER_FORMS + "test_mt940_is_in_swifts_characters_and_no_text_is_a_field",),
    ),
    Guard(
        "documents.mt940-amount-has-room",
        Condition(value=False),
        (OTHER_FORMS + "test_an_amount_that_mt940_has_no_room_for_is_refused",),
    ),
    Guard(
        "numbers.one-for-all-versions-of-a-month",
        Condition(value=True),
        (
            SQL_CASE
            + "[statement_numbers/insert: "
            + "another version of a month keeps its numbers, and numbers only what is new in it]",
        ),
    ),
    # ---- signatures ------------------------------------------------------------------------
    Guard(
        "signing.rsa-key-is-long-enough",
        Condition(value=False),
        (KEY_KINDS + "test_a_key_that_can_be_broken_is_refused",),
    ),
    Guard(
        "signing.ec-key-is-long-enough",
        Condition(value=False),
        (KEY_KINDS + "test_a_key_that_can_be_broken_is_refused",),
    ),
    Guard(
        "signing.key-is-the-certificates",
        Condition(value=False),
        (KEY_KINDS + "test_a_key_that_is_not_the_certificates_is_refused",),
    ),
    Guard(
        "signing.place-is-large-enough",
        Condition(value=False),
        (TIMESTAMPS + "test_a_timestamp_that_is_longer_than_the_sample_gets_a_larger_place",),
    ),
    Guard(
        "verify.nothing-but-evidence-after-the-signature",
        Condition(value=False),
        (TIMESTAMPS + "test_what_is_added_before_the_timestamp_of_the_file_is_found",),
    ),
    # ---- issue and release -----------------------------------------------------------------
    Guard(
        "issue.change-needs-a-reason",
        Condition(value=False),
        (REISSUE + "test_a_month_that_is_issued_does_not_change_for_a_run_without_a_reason",),
    ),
    Guard(
        "issue.unasked-change-is-recorded",
        Removed(),
        (REISSUE + "test_a_month_that_is_issued_does_not_change_for_a_run_without_a_reason",),
    ),
    Guard(
        "issue.asked-change-is-no-obstacle",
        Removed(),
        (
            RELEASE
            + "test_a_month_that_is_known_to_differ_from_the_platform_is_not_released_as_it_is",
        ),
    ),
    Guard(
        "issue.different-line-is-issued-again",
        Condition(value=False),
        (
            SQL_CASE
            + "[statement_versions/insert: "
            + "a line that differs, came or went makes its statement another one, "
            + "whatever the totals]",
        ),
    ),
    Guard(
        "issue.same-statement-keeps-its-version",
        Condition(value=False),
        (REISSUE + "test_only_the_statement_that_differs_is_issued_again",),
    ),
    Guard(
        "release.second-person",
        Condition(value=False),
        (OBSTACLES + "who asked for the close releases nothing of it]",),
    ),
    Guard(
        "release.unknown-person-is-refused",
        Condition(value=False),
        (RELEASE + "test_nobody_releases_what_an_unknown_person_started",),
    ),
    Guard(
        "release.named-person-is-the-unknown-one",
        Condition(value=True),
        (OBSTACLES + "another name than the unknown one helps nobody]",),
    ),
    Guard(
        "release.run-without-record-is-refused",
        Token("not exists", "exists"),
        (RELEASE + "test_a_run_of_which_airflow_has_no_record_any_more_is_not_released",),
    ),
    Guard(
        "release.registered-name-is-found",
        Condition(value=True),
        (OBSTACLES + "acts must name the user whom the register has]",),
    ),
    Guard(
        "release.each-start-is-somebodys",
        Token(">", "<"),
        (OBSTACLES + "each time that a run was started again must be somebody's act]",),
    ),
    Guard(
        "release.confirming-run-is-involved",
        Condition(value=False),
        (OBSTACLES + "nor who ran it again and found it the same]",),
    ),
    Guard(
        "release.rejected-stays-rejected",
        Condition(value=False),
        (RELEASE + "test_a_month_that_was_rejected_is_released_by_nobody",),
    ),
    Guard(
        "release.rejected-month-is-shown-again-with-a-reason",
        Condition(value=True),
        (RELEASE + "test_a_rejected_month_stays_rejected_after_a_run_without_a_reason",),
    ),
    Guard(
        "issue.reason-belongs-to-one-start",
        Value("True"),
        (RUN_START + "test_a_reason_that_was_given_for_an_earlier_start_does_not_count",),
    ),
    Guard(
        "release.shown-manifest",
        Condition(value=False),
        (RELEASE + "test_what_was_issued_after_it_was_shown_is_not_released",),
    ),
    Guard(
        "release.checks-tie-out",
        Condition(value=False),
        (RELEASE + "test_a_month_in_which_a_check_does_not_tie_out_is_not_released",),
    ),
    Guard(
        "release.no-missing-document",
        Condition(value=False),
        (RELEASE + "test_a_month_with_a_missing_document_is_not_released",),
    ),
    Guard(
        "release.exceptions-are-named",
        Condition(value=False),
        (UNNAMED,),
    ),
    Guard(
        "release.proof",
        Condition(value=False),
        (RELEASE + "test_who_knows_the_desks_password_alone_decides_for_nobody",),
    ),
    Guard(
        "release.proof-is-of-this-transaction",
        Condition(value=False),
        (RELEASE + "test_a_proof_that_was_seen_is_of_no_use_later",),
    ),
    Guard(
        "release.proof-is-of-this-record",
        Condition(value=False),
        (STORE_ROLES + "test_who_knows_the_desks_password_alone_writes_nothing_under_any_name",),
    ),
    Guard(
        "store.decision-key-is-long",
        Condition(value=False),
        ("tests/test_commands.py::test_the_key_of_decisions_is_read_from_standard_input",),
    ),
    Guard(
        "release.made-for-an-exception-counts",
        Condition(value=False),
        (
            RELEASE
            + "test_a_document_that_is_made_after_the_release_without_it_is_not_released_by_that",
        ),
    ),
    Guard(
        "release.named-exceptions-stay-out",
        Condition(value=False),
        (
            RELEASE
            + "test_a_document_that_is_made_after_the_release_without_it_is_not_released_by_that",
        ),
    ),
    Guard(
        "exceptions.have-a-reason",
        Token("not _is_excepted(entry, excepted)", "True"),
        (RELEASE + "test_a_month_is_released_without_the_accounts_that_the_release_names",),
    ),
    Guard(
        "exceptions.others-make-another-manifest",
        Condition(value=False),
        (MANIFEST + "test_another_reason_of_an_exception_makes_another_manifest",),
    ),
    Guard(
        "exceptions.a-document-that-is-made-is-none",
        Condition(value=True),
        (
            RELEASE
            + "test_a_document_that_is_made_after_the_release_without_it_is_not_released_by_that",
        ),
    ),
    Guard(
        "documents.store-is-shared",
        Condition(value=False),
        (
            SHARDS + "test_a_shard_on_a_machine_with_a_folder_of_its_own_renders_nothing"
            "_and_says_why",
        ),
    ),
    Guard(
        "documents.shards-end-within-minutes",
        Value("0"),
        (SHARDS + "test_no_shard_takes_more_than_minutes_while_a_thousand_shards_suffice",),
    ),
    Guard(
        "documents.wrong-one-stops-itself-only",
        Token("not isinstance(error, WrongData)", "True"),
        (ISSUE + "test_a_document_that_cannot_be_made_fails_alone",),
    ),
    Guard(
        "documents.unreadable-one-is-named",
        Removed(),
        (ISSUE + "test_a_statement_in_an_unknown_currency_fails_alone",),
    ),
    Guard(
        "release.a-named-person",
        Condition(value=False),
        (OBSTACLES + "nobody is no person]",),
    ),
    Guard(
        "release.manifest-requester-is-involved",
        Condition(value=False),
        (OBSTACLES + "nor who had a manifest of it written]",),
    ),
    Guard(
        "release.document-requester-is-involved",
        Condition(value=False),
        (OBSTACLES + "nor who had one of its documents rendered]",),
    ),
    Guard(
        "release.unreleased-earlier-close-counts",
        Token("issued_close_id", "close_id"),
        (OBSTACLES + "nor who asked for the close that issued it]",),
    ),
    Guard(
        "release.released-close-involves-nobody",
        Condition(value=False),
        (OBSTACLES + "what a second person has released before is nobody's own any more]",),
    ),
    Guard(
        "release.manifest-exists",
        Condition(value=False),
        (OBSTACLES + "a manifest that is not there]",),
    ),
    Guard(
        "release.once",
        Condition(value=False),
        (RELEASE + "test_a_month_is_released_once",),
    ),
    Guard(
        "release.not-closed-again",
        Condition(value=False),
        (OBSTACLES + "a month that was closed again since]",),
    ),
    Guard(
        "release.no-later-manifest",
        Condition(value=False),
        (OBSTACLES + "a later manifest says that something was issued since]",),
    ),
    Guard(
        "release.no-document-beside-manifest",
        Condition(value=False),
        (OBSTACLES + "so does a document that the manifest does not have]",),
    ),
    Guard(
        "release.check-is-recorded",
        Condition(value=True),
        (OBSTACLES + "the checks of a day in it do not prove the month]",),
    ),
    Guard(
        "release.failed-check-counts",
        Token("tie_outs.close_id is null", "false"),
        (
            OBSTACLES
            + "the last result of a check counts, and a failed attempt to close again is one]",
        ),
    ),
    Guard(
        "release.table-refuses",
        Condition(value=False),
        (
            SQL_CASE
            + "[statement_decisions/insert: "
            + "the table itself refuses who asked for the run]",
        ),
    ),
    Guard(
        "release.unseen-before-release",
        Condition(value=True),
        (RELEASE + "test_a_rejection_is_kept_with_its_reason_and_shows_nothing",),
    ),
    Guard(
        "release.not-superseded-before-release",
        Condition(value=True),
        (
            RELEASE
            + "test_a_release_marks_every_earlier_version_though_one_in_between_was_never_released",
        ),
    ),
    # ---- the documents ---------------------------------------------------------------------
    Guard(
        "documents.statement-adds-up",
        Condition(value=False),
        (MODEL + "test_a_difference_of_one_minor_unit_or_one_line_is_refused",),
    ),
    Guard(
        "documents.rename",
        Token("partial", "final"),
        (DISK + "test_a_task_that_is_killed_while_it_writes_a_document",),
    ),
    Guard(
        "documents.no-partial-file",
        Removed(),
        (DISK + "test_a_disk_that_is_full_while_documents_are_written",),
    ),
    Guard(
        "documents.content-is-as-named",
        Condition(value=False),
        (DOCUMENTS + "test_a_changed_document_is_noticed",),
    ),
    Guard(
        "issue.correction-is-complete",
        Condition(value=False),
        (
            MANIFEST
            + "test_a_run_for_one_account_fails_while_another_ones_correction_has_no_document",
        ),
    ),
    Guard(
        "documents.lost-one-stops-the-manifest",
        Condition(value=False),
        (MANIFEST + "test_a_registered_document_that_is_lost_stops_the_manifest",),
    ),
    Guard(
        "documents.lost-one-is-not-replaced",
        Condition(value=False),
        (ISSUE + "test_a_lost_file_that_cannot_be_made_again_has_to_come_from_a_backup",),
    ),
    Guard(
        "documents.one-of-two-files-it",
        Value("True"),
        (SIGNED + "test_two_processes_that_add_the_same_statement_leave_one_document",),
    ),
    Guard(
        "documents.lost-one-is-kept-again",
        Token("signed.made.registered_name is not None", "False"),
        (ISSUE + "test_a_lost_file_is_rendered_again_to_the_same_bytes",),
    ),
    Guard(
        "documents.page-is-xml",
        Token("ParseError", "ZeroDivisionError"),
        (HOSTILE + "test_a_template_with_missing_escapes_or_end_tags_is_a_wrong_setting",),
    ),
    # ---- the texts -------------------------------------------------------------------------
    Guard(
        "documents.linear-line-breaking",
        Condition(value=False),
        (LONG_TEXTS + "test_the_time_for_a_text_grows_with_its_length",),
    ),
    Guard(
        "documents.long-text-in-pieces",
        Condition(value=False),
        (LONG_TEXTS + "test_a_very_long_text_is_several_elements",),
    ),
    Guard(
        "documents.column-heads-on-every-page",
        Condition(value=True),
        (LONG_TEXTS + TALL_ROW,),
    ),
    Guard(
        "documents.row-of-several-pages-is-one",
        Condition(value=False),
        (LONG_TEXTS + TALL_ROW,),
    ),
    Guard(
        "verify.cell-on-several-pages",
        Condition(value=False),
        (LONG_TEXTS + "test_a_cell_of_several_pages_is_read_whole",),
    ),
    Guard(
        "documents.marks-bounded",
        Condition(value=True),
        ("tests/statements/test_fonts.py::test_marks_are_bounded_whatever_stands_between_them",),
    ),
    Guard(
        "time.statement-has-the-bounds-as-closed",
        Condition(value=False),
        (
            "tests/statements/test_attachments.py::"
            "test_the_offset_is_that_of_the_rules_by_which_the_period_was_closed",
        ),
    ),
    Guard(
        "documents.glyph-has-the-text-of-its-place",
        Condition(value=True),
        ("tests/statements/test_readers.py::test_a_copy_of_a_font_has_the_same_file",),
    ),
    Guard(
        "documents.no-empty-strings",
        Condition(value=False),
        ("tests/statements/test_readers.py::test_the_numbers_around_an_empty_string_are_added",),
    ),
    Guard(
        "documents.raised-glyphs-stay-in-their-word",
        Condition(value=False),
        (
            "tests/statements/test_readers.py::"
            "test_verify_refuses_another_text_for_readers_than_that_of_the_glyphs",
        ),
    ),
    Guard(
        "verify.other-text-is-compared",
        Removed(),
        (
            "tests/statements/test_readers.py::"
            "test_verify_refuses_a_text_for_readers_where_nothing_is_drawn",
        ),
    ),
    Guard(
        "verify.other-text-is-that-of-its-glyphs",
        Condition(value=False),
        (
            "tests/statements/test_readers.py::"
            "test_verify_refuses_another_text_for_readers_than_that_of_the_glyphs",
        ),
    ),
    Guard(
        "documents.iban-has-its-check-digits",
        Condition(value=False),
        (
            "tests/statements/test_xml_readers.py::"
            "test_an_account_number_is_an_iban_only_with_its_check_digits",
        ),
    ),
    Guard(
        "documents.streams-have-their-length",
        Condition(value=False),
        ("tests/statements/test_streams.py::test_the_streams_of_many_files_have_their_length",),
    ),
    Guard(
        "documents.keycaps-are-digits-with-a-mark",
        Removed(),
        (
            "tests/statements/test_verify_genuine_files.py::"
            "test_no_text_of_a_stranger_makes_a_genuine_statement_fail",
        ),
    ),
    Guard(
        "verify.mark-of-a-group",
        Condition(value=False),
        ("tests/statements/test_verify_fonts.py::test_what_a_glyph_may_stand_for",),
    ),
    Guard(
        "documents.stacks-bounded",
        Value("False"),
        (
            "tests/statements/test_hostile_texts.py::test_letters_below_letters_are_bounded_as_marks_are",
        ),
    ),
    Guard(
        "documents.text-in-its-own-direction",
        Condition(value=True),
        (
            "tests/statements/test_languages.py::"
            "test_an_amount_inside_right_to_left_text_keeps_its_blanks_and_its_order",
        ),
    ),
    Guard(
        "documents.csv-cells-not-computed",
        Value("printable(text)"),
        ("tests/statements/test_attachments.py::test_no_cell_of_a_strangers_text_is_computed",),
    ),
    Guard(
        "documents.camt-identifier-has-the-currency",
        Condition(value=False),
        (
            "tests/closes/test_currencies_of_an_account.py::"
            "test_documents_manifest_proofs_verification_release_and_audit_are_of_each_currency",
        ),
    ),
    Guard(
        "documents.iban-check-digits",
        Condition(value=False),
        (LINE_DETAILS + "test_an_iban_is_known_by_its_check_digits",),
    ),
    Guard(
        "verify.exchange-of-currencies",
        Condition(value=False),
        (LINE_DETAILS + "test_a_contradiction_inside_the_optional_values_is_found",),
    ),
    Guard(
        "verify.interest-is-that-of-the-entry",
        Condition(value=False),
        (LINE_DETAILS + "test_a_contradiction_inside_the_optional_values_is_found",),
    ),
    Guard(
        "issue.different-detail-is-issued-again",
        Condition(value=False),
        (
            SQL_CASE
            + "[statement_versions/insert: "
            + "an optional column of a line that differs, came or went makes its statement another "
            + "one]",
        ),
    ),
    Guard(
        "documents.camt-decimal-places",
        Condition(value=False),
        (
            "tests/statements/test_attachments.py::"
            "test_a_currency_with_more_decimals_than_the_schema_has_no_xml",
        ),
    ),
    Guard(
        "documents.csv-amount-in-every-locale",
        Condition(value=False),
        ("tests/statements/test_spreadsheet.py::test_no_amount_changes_its_value",),
    ),
    Guard(
        "documents.unique-reference",
        Token("entry_id", "transaction_id"),
        (
            "tests/closes/test_documents.py::"
            + "test_a_payment_its_fee_and_another_entry_of_one_number_have"
            "_references_of_their_own",
        ),
    ),
)
