-- How many of the accounts are not as docs/contract.md says: one row. It looks at row_limit of
-- them, or at all of them if that is null.
with sample as materialized (
    select
        account_id,
        account_number,
        currency,
        holder_name,
        holder_address,
        locale_code
    from reporting_source.accounts
    limit %(row_limit)s -- noqa: AM09
)

select
    count(*) as row_count,
    count(account_id) - count(distinct row(account_id, currency)) filter (
        where account_id is not null
    ) as repeated_count,
    count(*) - count(account_id) as keyless_count,
    count(*) filter (
        where
        account_number is null
        or currency is null
        or holder_name is null
        or holder_address is null
        or locale_code is null
    ) as incomplete_count
from sample
