-- What differs between two versions of a month's lines: one row an entry, old beside new.
select
    entry_id,
    old_account_id,
    new_account_id,
    old_currency,
    new_currency,
    old_line_number,
    new_line_number,
    old_transaction_id,
    new_transaction_id,
    old_posted_at,
    new_posted_at,
    old_kind,
    new_kind,
    old_description,
    new_description,
    old_counterparty,
    new_counterparty,
    old_amount_minor,
    new_amount_minor,
    old_balance_minor,
    new_balance_minor
from reporting.statement_line_differences(%(old_close_id)s::bigint, %(new_close_id)s::bigint)
