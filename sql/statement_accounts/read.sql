-- The holder, address, number and locale of each account: one row an account. They are as of the
-- snapshot, not of the month's end. A text beyond the limit that docs/contract.md names is cut,
-- with three full stops: not every encoding has an ellipsis. A number of more than 100 bytes keeps
-- its start and gets its hash, so that two accounts do not get one number.
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
),

bounded as (
    select
        account_id,
        currency,
        opened_at,
        case
            when octet_length(account_number) > 100  -- guard: limits.account-number
                then
                    left(account_number, 40) || ' (too long, sha256 '
                    || left(encode(sha256(convert_to(account_number, 'UTF8')), 'hex'), 16) || ')'
            else account_number
        end as account_number,
        case
            when octet_length(holder_name) > 200 and length(left(holder_name, 201)) > 200
                then left(holder_name, 197) || '...'
            else holder_name
        end as holder_name,
        case
            when octet_length(holder_address) > 1000 and length(left(holder_address, 1001)) > 1000
                then left(holder_address, 997) || '...'
            else holder_address
        end as holder_address,
        case
            when octet_length(locale_code) > 50 and length(left(locale_code, 51)) > 50
                then left(locale_code, 47) || '...'
            else locale_code
        end as locale_code
    from accounts
)

select
    account_id,
    account_number,
    currency,
    opened_at,
    holder_name,
    holder_address,
    locale_code
from bounded
