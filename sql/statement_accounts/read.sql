-- The holder, address, number and locale of each account: one row an account. They are as of the
-- snapshot, not of the month's end.
with accounts as (
    select
        account_id,
        account_number,
        currency,
        opened_at,
        holder_name,
        holder_address,
        locale_code
    from reporting_source.accounts
)

select
    account_id,
    account_number,
    currency,
    opened_at,
    holder_name,
    holder_address,
    locale_code
from accounts
