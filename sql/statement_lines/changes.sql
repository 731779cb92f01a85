-- The differences between two versions of a month's lines: one row an entry, with old and new
-- values.
with old_rows as (
    select
        entry_id,
        account_id,
        line_number,
        transaction_id,
        posted_at,
        kind,
        description,
        counterparty,
        amount_minor,
        balance_minor
    from reporting.statement_lines
    where close_id = %(old_close_id)s
),

new_rows as (
    select
        entry_id,
        account_id,
        line_number,
        transaction_id,
        posted_at,
        kind,
        description,
        counterparty,
        amount_minor,
        balance_minor
    from reporting.statement_lines
    where close_id = %(new_close_id)s
)

select
    entry_id,
    old_rows.account_id as old_account_id,
    new_rows.account_id as new_account_id,
    old_rows.line_number as old_line_number,
    new_rows.line_number as new_line_number,
    old_rows.transaction_id as old_transaction_id,
    new_rows.transaction_id as new_transaction_id,
    old_rows.posted_at as old_posted_at,
    new_rows.posted_at as new_posted_at,
    old_rows.kind as old_kind,
    new_rows.kind as new_kind,
    old_rows.description as old_description,
    new_rows.description as new_description,
    old_rows.counterparty as old_counterparty,
    new_rows.counterparty as new_counterparty,
    old_rows.amount_minor as old_amount_minor,
    new_rows.amount_minor as new_amount_minor,
    old_rows.balance_minor as old_balance_minor,
    new_rows.balance_minor as new_balance_minor
from old_rows
full join new_rows using (entry_id)
where
    (
        old_rows.account_id,
        old_rows.line_number,
        old_rows.transaction_id,
        old_rows.posted_at,
        old_rows.kind,
        old_rows.description,
        old_rows.counterparty,
        old_rows.amount_minor,
        old_rows.balance_minor
    )
    is distinct from
    (
        new_rows.account_id,
        new_rows.line_number,
        new_rows.transaction_id,
        new_rows.posted_at,
        new_rows.kind,
        new_rows.description,
        new_rows.counterparty,
        new_rows.amount_minor,
        new_rows.balance_minor
    )
