-- A new reason why a close leaves something out: a view of the platform cannot compute a value.
alter table reporting.close_exceptions
drop constraint close_exceptions_reason_check,
add constraint close_exceptions_reason_check check (
    reason in (
        'account_incomplete',
        'account_not_listed',
        'account_repeated',
        'amount_inexact',
        'beyond_bigint',
        'currency_differs',
        'detail_unusable',
        'entry_repeated',
        'key_unusable',
        'merchant_repeated',
        'not_computable',
        'promotion_repeated',
        'row_impossible',
        'row_incomplete',
        'unknown_currency',
        'unsettled_status'
    )
);
