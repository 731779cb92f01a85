-- The differences between two versions of a day's account movement: one row an account.
with old_rows as (
    select
        account_id,
        currency,
        entry_count,
        credit_minor,
        debit_minor
    from reporting.daily_account_movement
    where close_id = %(old_close_id)s
),

new_rows as (
    select
        account_id,
        currency,
        entry_count,
        credit_minor,
        debit_minor
    from reporting.daily_account_movement
    where close_id = %(new_close_id)s
)

select
    account_id,
    currency,
    old_rows.entry_count as old_entry_count,
    new_rows.entry_count as new_entry_count,
    old_rows.credit_minor as old_credit_minor,
    new_rows.credit_minor as new_credit_minor,
    old_rows.debit_minor as old_debit_minor,
    new_rows.debit_minor as new_debit_minor
from old_rows
full join new_rows using (account_id, currency)
where
    (old_rows.entry_count, old_rows.credit_minor, old_rows.debit_minor)
    is distinct from
    (new_rows.entry_count, new_rows.credit_minor, new_rows.debit_minor)
