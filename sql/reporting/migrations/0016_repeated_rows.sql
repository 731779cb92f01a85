-- A merchant or promotion that the platform lists more than once is named with the day: nothing is
-- left out for it, but its category or funding may be unknown.
alter table reporting.close_exceptions
drop constraint close_exceptions_subject_kind_check,
add constraint close_exceptions_subject_kind_check check (
    subject_kind in ('account', 'currency', 'merchant', 'promotion')
),
drop constraint close_exceptions_reason_check,
add constraint close_exceptions_reason_check check (
    reason in (
        'account_incomplete',
        'account_not_listed',
        'account_repeated',
        'amount_inexact',
        'beyond_bigint',
        'currency_differs',
        'entry_repeated',
        'merchant_repeated',
        'promotion_repeated',
        'row_impossible',
        'row_incomplete',
        'unknown_currency',
        'unsettled_status'
    )
);
