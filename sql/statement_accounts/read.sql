-- The holder, address, number and locale of each account: one row an account. They are as of the
-- snapshot, not of the month's end. A text beyond the limit that docs/contract.md names is cut,
-- with three full stops: not every encoding has an ellipsis. A number of more than 100 bytes keeps
-- its start and gets its hash, so that two accounts do not get one number. An optional column that
-- the view does not have is null: its name then refers to the column of absent_columns. The limit
-- is in the unit of the view.
with absent_columns as (
    select
        null::bigint as overdraft_limit_minor,
        null::numeric as overdraft_limit_major
),

accounts as (
    select
        listed.account_id,
        listed.account_number,
        listed.currency,
        listed.opened_at,
        listed.holder_name,
        listed.holder_address,
        listed.locale_code,
        listed.overdraft_limit
    from absent_columns
    cross join
        lateral (  -- noqa: ST05
            select
                account_id,
                account_number,
                currency,
                opened_at,
                holder_name,
                holder_address,
                locale_code,
                coalesce(overdraft_limit_minor, overdraft_limit_major) as overdraft_limit
            from reporting_source.accounts
        ) as listed
),

bounded as (
    select
        account_id,
        currency,
        opened_at,
        overdraft_limit,
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
    locale_code,
    overdraft_limit
from bounded
