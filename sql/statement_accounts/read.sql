-- Who holds each account and how to write to them, as the platform has it at the snapshot:
-- one row an account. Holder and address are as of the close, not of the month's end.
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
