-- The differences between two versions of a month's statements: one row an account, with old and
-- new values. A changed holder or account number is a difference whose values are not returned. A
-- changed address alone is no difference.
with old_rows as (
    select
        account_id,
        currency,
        opening_minor,
        closing_minor,
        line_count,
        account_number,
        holder_name
    from reporting.statements
    where close_id = %(old_close_id)s
),

new_rows as (
    select
        account_id,
        currency,
        opening_minor,
        closing_minor,
        line_count,
        account_number,
        holder_name
    from reporting.statements
    where close_id = %(new_close_id)s
)

select
    account_id,
    old_rows.currency as old_currency,
    new_rows.currency as new_currency,
    old_rows.opening_minor as old_opening_minor,
    new_rows.opening_minor as new_opening_minor,
    old_rows.closing_minor as old_closing_minor,
    new_rows.closing_minor as new_closing_minor,
    old_rows.line_count as old_line_count,
    new_rows.line_count as new_line_count
from old_rows
full join new_rows using (account_id)
where
    (
        old_rows.currency, old_rows.opening_minor, old_rows.closing_minor, old_rows.line_count,
        old_rows.account_number,
        old_rows.holder_name
    )
    is distinct from
    (
        new_rows.currency, new_rows.opening_minor, new_rows.closing_minor, new_rows.line_count,
        new_rows.account_number,
        new_rows.holder_name
    )
