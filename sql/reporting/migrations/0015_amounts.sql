-- A new reason why a close leaves something out: an amount in major units that is no whole number
-- of minor units.
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
        'entry_repeated',
        'row_impossible',
        'row_incomplete',
        'unknown_currency',
        'unsettled_status'
    )
);
