"""Guards of documents in a bucket: written once, and each failure has its own error."""

from tests.mutants.guard import Guard
from tests.mutants.operators import Condition, Removed, Token

BUCKETS = "tests/statements/test_buckets.py::"
DOCUMENTS = "tests/statements/test_document_store.py::"
ISSUE = "tests/closes/test_documents.py::"
REFUSAL = BUCKETS + "test_a_refusal_is_a_wrong_setting_and_raised_at_once"

BUCKET = (
    Guard(
        "documents.other-bytes-are-told",
        Removed(),
        (DOCUMENTS + "test_other_bytes_under_the_name_stay_and_the_error_has_both_hashes",),
    ),
    Guard(
        "documents.store-that-overwrites-is-told",
        Condition(value=False),
        (BUCKETS + "test_a_server_that_ignores_the_condition_is_refused",),
    ),
    Guard(
        "documents.lost-one-is-made-again",
        Token("*documents.absent(registered)", ""),
        (ISSUE + "test_a_lost_file_is_rendered_again_to_the_same_bytes",),
    ),
    Guard(
        "bucket.created-and-never-overwritten",
        Token('"create"', '"overwrite"'),
        (BUCKETS + "test_a_document_is_written_by_one_conditional_request",),
    ),
    Guard(
        "bucket.lost-answers-are-bounded",
        Condition(value=False),
        (BUCKETS + "test_a_server_that_hangs_delays_a_task_for_a_bounded_time",),
    ),
    Guard(
        "bucket.missing-one-is-no-missing-document",
        Condition(value=False),
        (REFUSAL,),
    ),
    Guard(
        "bucket.expired-token-is-a-setting",
        Condition(value=False),
        (REFUSAL,),
    ),
    Guard(
        "bucket.refusal-is-a-setting",
        Condition(value=False),
        (REFUSAL,),
    ),
    Guard(
        "bucket.no-use-after-a-fork",
        Condition(value=False),
        (BUCKETS + "test_a_fork_that_uses_a_bucket_of_its_parent_raises_and_does_not_hang",),
    ),
    Guard(
        "bucket.missing-connection-is-told",
        Removed(),
        (BUCKETS + "test_a_connection_that_is_missing_is_named",),
    ),
    Guard(
        "doctor.class-of-a-bucket-error",
        Token("error.code", "None"),
        ("tests/doctor/test_bucket.py::test_each_kind_of_failure_is_a_finding_of_its_own",),
    ),
    Guard(
        "server.bucket-tls-elsewhere",
        Condition(value=False),
        (BUCKETS + "test_a_connection_without_the_identity_of_its_server_is_refused",),
    ),
)
