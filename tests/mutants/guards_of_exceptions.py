"""What a close leaves out, and the texts that it cuts."""

from tests.mutants.guard import Guard
from tests.mutants.operators import Condition, Removed, Token, Value

STAGED_MONTH = "tests/sql/test_queries.py::test_case[close_exceptions/of_staged_month: "
OPTIONAL_COLUMNS = "tests/closes/test_optional_columns.py::"
LONG_TEXTS = "tests/closes/test_long_texts.py::"
EXCEPTION_TESTS = "tests/closes/test_exceptions.py::"
ACCOUNT_EXCEPTIONS = "tests/closes/test_account_exceptions.py::"
BEYOND_BIGINT = (
    "tests/sql/test_queries.py::test_case[hourly_volume/beyond_bigint: the hour and currency of "
    "each sum that is beyond bigint, whichever sum it is]"
)
HOSTILE_KEYS = "tests/closes/test_hostile_keys.py::"
CURRENCIES = "tests/closes/test_currencies_of_an_account.py::"
MAJOR_AMOUNTS = "tests/closes/test_major_amounts.py::"
TOO_MANY_DECIMALS = (
    MAJOR_AMOUNTS + "test_an_amount_with_too_many_decimals_leaves_its_currency_out_of_hour_and_day"
)
AMOUNT_BEYOND_BIGINT = (
    "tests/sql/test_queries.py::test_case[shared/transactions_major: an amount, fee or discount "
    "beyond bigint is refused, and what is no number]"
)

TWICE = EXCEPTION_TESTS + "test_a_{}_that_is_listed_twice_{}"
UNCOMPUTABLE = "tests/closes/test_uncomputable_values.py::"
UNREADABLE = "tests/closes/test_unreadable_rows.py::"

EXCEPTIONS = (
    # ---- what is listed more than once, and rows that no view can compute ----------------
    Guard(
        "repeated.category",
        Condition(value=True),
        (TWICE.format("merchant", "is_counted_once_and_named"),),
    ),
    Guard(
        "repeated.funding",
        Condition(value=True),
        (TWICE.format("promotion", "doubles_no_transaction_and_is_named"),),
    ),
    Guard(
        "repeated.merchant-is-named",
        Condition(value=False),
        (TWICE.format("merchant", "is_counted_once_and_named"),),
    ),
    Guard(
        "repeated.promotion-is-named",
        Condition(value=False),
        (TWICE.format("promotion", "doubles_no_transaction_and_is_named"),),
    ),
    Guard(
        "exceptions.entry-without-time",
        Condition(value=False),
        (ACCOUNT_EXCEPTIONS + "test_an_entry_without_a_time_leaves_its_account_out_of_the_month",),
    ),
    Guard(
        "unreadable.ranges-select",
        Condition(value=False),
        (UNREADABLE + "test_a_value_that_is_the_same_for_all_rows_is_named_without_a_row",),
    ),
    Guard(
        "unreadable.bounded-time",
        Removed(),
        (UNREADABLE + "test_the_search_ends_when_its_time_is_over",),
    ),
    Guard(
        "uncomputable.null-in-its-place",
        Value("'true'"),
        (UNCOMPUTABLE + "test_a_value_that_was_mended_is_counted_when_the_period_closes_again",),
    ),
    Guard(
        "uncomputable.owner-is-known",
        Condition(value=False),
        (UNCOMPUTABLE + "test_a_transaction_whose_currency_cannot_be_computed_stops_the_close",),
    ),
    Guard(
        "uncomputable.bounded-number",
        Condition(value=False),
        (UNCOMPUTABLE + "test_more_values_than_the_limit_stop_the_close",),
    ),
    Guard(
        "uncomputable.leaves-its-currency-out",
        Condition(value=False),
        (UNCOMPUTABLE + "test_the_run_names_the_currency_and_why_it_is_left_out",),
    ),
    Guard(
        "uncomputable.leaves-its-currency-out-of-the-day",
        Condition(value=False),
        (
            UNCOMPUTABLE
            + "test_a_value_that_cannot_be_computed_leaves_its_currency_out_and_no_other",
        ),
    ),
    # ---- exceptions ----------------------------------------------------------------------
    Guard(
        "exceptions.unknown-currency",
        Value("None"),
        (EXCEPTION_TESTS + "test_a_code_that_is_no_currency_is_left_out_of_hour_and_day",),
    ),
    Guard(
        "exceptions.shown-as-labels",
        Value("replace(written, exceptions=tuple(content.exceptions))"),
        (LONG_TEXTS + "test_a_kind_or_currency_of_many_kilobytes_is_left_out_under_a_short_name",),
    ),
    Guard(
        "exceptions.unsettled-status",
        Value("None"),
        (
            EXCEPTION_TESTS
            + "test_a_row_that_cannot_be_counted_leaves_its_currency_out_and_no_other",
        ),
    ),
    Guard(
        "exceptions.impossible-row",
        Value("None"),
        (
            EXCEPTION_TESTS
            + "test_a_row_that_cannot_be_counted_leaves_its_currency_out_and_no_other",
        ),
    ),
    Guard(
        "exceptions.hour-beyond-bigint",
        Condition(value=False),
        (BEYOND_BIGINT,),
    ),
    Guard(
        "exceptions.left-out-of-the-hour",
        Condition(value=True),
        (
            EXCEPTION_TESTS
            + "test_sums_beyond_bigint_leave_their_currency_out_and_the_others_are_closed",
        ),
    ),
    Guard(
        "exceptions.no-merchant",
        Condition(value=False),
        (
            EXCEPTION_TESTS
            + "test_a_transaction_without_a_merchant_leaves_its_currency_out_of_the_day",
        ),
    ),
    Guard(
        "exceptions.day-beyond-bigint",
        Condition(value=False),
        (
            EXCEPTION_TESTS
            + "test_a_currency_that_only_the_day_cannot_hold_is_in_its_hours_and_not_in_the_day",
        ),
    ),
    Guard(
        "exceptions.left-out-of-the-day",
        Condition(value=True),
        (
            EXCEPTION_TESTS
            + "test_sums_beyond_bigint_leave_their_currency_out_and_the_others_are_closed",
        ),
    ),
    Guard(
        "exceptions.left-out-of-the-movement",
        Condition(value=True),
        (
            ACCOUNT_EXCEPTIONS
            + "test_accounts_in_a_code_that_is_no_currency_are_left_out_of_the_month_and_its_days",
        ),
    ),
    Guard(
        "exceptions.entry-without-amount",
        Condition(value=True),
        (
            ACCOUNT_EXCEPTIONS
            + "test_an_account_with_an_entry_that_lacks_a_value_is_left_out_of_the_month",
        ),
    ),
    Guard(
        "exceptions.entry-repeated",
        Condition(value=False),
        (
            ACCOUNT_EXCEPTIONS
            + "test_an_entry_that_is_there_twice_leaves_its_account_out_of_the_month",
        ),
    ),
    Guard(
        "exceptions.running-balance-beyond-bigint",
        Condition(value=False),
        (ACCOUNT_EXCEPTIONS + "test_a_balance_beyond_bigint_leaves_its_account_out_and_no_other",),
    ),
    Guard(
        "exceptions.left-out-of-the-month",
        Condition(value=True),
        (
            ACCOUNT_EXCEPTIONS
            + "test_an_account_with_entries_in_another_currency_is_left_out_of_the_month",
        ),
    ),
    Guard(
        "amounts.views-are-known",
        Condition(value=False),
        ("tests/test_settings.py::test_a_view_without_amounts_is_refused",),
    ),
    Guard(
        "amounts.exact-entry",
        Condition(value=True),
        (
            MAJOR_AMOUNTS
            + "test_an_entry_that_is_no_amount_leaves_its_account_out_of_day_and_month",
        ),
    ),
    Guard(
        "amounts.entry-within-bigint",
        Condition(value=True),
        (
            MAJOR_AMOUNTS
            + "test_an_entry_that_is_no_amount_leaves_its_account_out_of_day_and_month",
        ),
    ),
    Guard(
        "amounts.exact-amount",
        Condition(value=True),
        (TOO_MANY_DECIMALS,),
    ),
    Guard(
        "amounts.amount-within-bigint",
        Condition(value=True),
        (AMOUNT_BEYOND_BIGINT,),
    ),
    Guard(
        "amounts.exact-fee",
        Condition(value=True),
        (TOO_MANY_DECIMALS,),
    ),
    Guard(
        "amounts.fee-within-bigint",
        Condition(value=True),
        (AMOUNT_BEYOND_BIGINT,),
    ),
    Guard(
        "amounts.exact-discount",
        Condition(value=True),
        (TOO_MANY_DECIMALS,),
    ),
    Guard(
        "amounts.discount-within-bigint",
        Condition(value=True),
        (AMOUNT_BEYOND_BIGINT,),
    ),
    Guard(
        "exceptions.account-for-the-rest",
        Condition(value=False),
        (EXCEPTION_TESTS + "test_a_code_that_is_no_currency_is_left_out_of_hour_and_day",),
    ),
    Guard(
        "exceptions.account-for-the-rest-of-an-hour",
        Condition(value=False),
        (EXCEPTION_TESTS + "test_a_code_that_is_no_currency_is_left_out_of_hour_and_day",),
    ),
    Guard(
        "exceptions.left-out-accounts-are-not-compared-with-days",
        Condition(value=False),
        (
            ACCOUNT_EXCEPTIONS
            + "test_an_account_with_an_entry_that_lacks_a_value_is_left_out_of_the_month",
        ),
    ),
    Guard(
        "exceptions.left-out-accounts-have-no-opening",
        Condition(value=True),
        (
            ACCOUNT_EXCEPTIONS
            + "test_the_next_month_is_closed_though_an_account_was_left_out_of_one_of_the_two",
        ),
    ),
    Guard(
        "exceptions.make-a-new-version",
        Token('"close_exceptions"', "*content.changes"),
        (EXCEPTION_TESTS + "test_another_reason_for_the_same_rows_is_a_new_version",),
    ),
    Guard(
        "exceptions.day-is-tried-again",
        Token("day in with_exceptions", "False"),
        (ACCOUNT_EXCEPTIONS + "test_a_day_with_exceptions_is_tried_again_when_its_month_closes",),
    ),
    # ---- limits of texts -----------------------------------------------------------------
    Guard(
        "limits.account-key",
        Removed(),
        (HOSTILE_KEYS + "test_hostile_keys_are_closed_issued_verified_and_audited",),
    ),
    Guard(
        "limits.merchant-key",
        Condition(value=False),
        (HOSTILE_KEYS + "test_a_merchant_with_a_long_key_is_counted_under_its_start_and_hash",),
    ),
    Guard(
        "exceptions.a-currency-that-is-not-listed",
        Condition(value=False),
        (
            CURRENCIES
            + "test_entries_in_a_currency_that_is_not_listed_stop_all_statements_of_their_account",
        ),
    ),
    Guard(
        "limits.category",
        Condition(value=False),
        (LONG_TEXTS + "test_a_category_of_many_kilobytes_is_counted_under_a_short_key_and_told",),
    ),
    Guard(
        "limits.country",
        Condition(value=False),
        (LONG_TEXTS + "test_long_countries_and_fundings_stay_apart_and_no_number_is_lost",),
    ),
    Guard(
        "limits.funding",
        Condition(value=False),
        (LONG_TEXTS + "test_long_countries_and_fundings_stay_apart_and_no_number_is_lost",),
    ),
    Guard(
        "limits.account-number",
        Condition(value=False),
        (LONG_TEXTS + "test_account_numbers_of_many_kilobytes_stay_apart_and_stop_no_month",),
    ),
    Guard(
        "exceptions.original-amount-in-part",
        Condition(value=False),
        (
            STAGED_MONTH
            + "an original amount lacks its currency or rate, or one of the three cannot be used]",
        ),
    ),
    Guard(
        "exceptions.original-amount-exact",
        Condition(value=True),
        (STAGED_MONTH + "of amounts in major units a fraction of a minor unit is unusable]",),
    ),
    Guard(
        "exceptions.original-amount-sign",
        Condition(value=True),
        (
            STAGED_MONTH
            + "an original amount lacks its currency or rate, or one of the three cannot be used]",
        ),
    ),
    Guard(
        "exceptions.exchange-rate",
        Condition(value=True),
        (
            STAGED_MONTH
            + "an original amount lacks its currency or rate, or one of the three cannot be used]",
        ),
    ),
    Guard(
        "exceptions.interest-rate",
        Condition(value=True),
        (
            STAGED_MONTH
            + "a rate of interest that the XML has no room for, and one that is no number]",
        ),
    ),
    Guard(
        "exceptions.overdraft-limit",
        Condition(value=True),
        (STAGED_MONTH + "a limit below zero, with a fraction of a minor unit, or beyond bigint]",),
    ),
    Guard(
        "limits.counterparty-account",
        Condition(value=False),
        (OPTIONAL_COLUMNS + "test_a_long_account_keeps_its_start_and_gets_its_hash",),
    ),
    Guard(
        "limits.customer-reference",
        Condition(value=False),
        (OPTIONAL_COLUMNS + "test_a_long_account_keeps_its_start_and_gets_its_hash",),
    ),
    Guard(
        "details.only-where-the-view-has-them",
        Condition(value=True),
        (
            OPTIONAL_COLUMNS
            + "test_a_platform_without_optional_columns_is_read_without_them_and_stores_no_row",
        ),
    ),
    Guard(
        "limits.description",
        Condition(value=False),
        (LONG_TEXTS + "test_texts_of_statements_are_cut_at_the_documented_limits",),
    ),
)
