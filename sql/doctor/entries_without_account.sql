-- The ledger entries of accounts that the view accounts does not list: one row, their number and
-- one of the accounts. It looks at row_limit entries, or at all of them if that is null.
with sample as materialized (
    select account_id
    from reporting_source.ledger_entries
    where account_id is not null
    limit %(row_limit)s -- noqa: AM09
),

accounts as (
    select account_id
    from reporting_source.accounts
)

select
    count(*) as entry_count,
    min(sample.account_id::text) as account_id
from sample
left join accounts on sample.account_id = accounts.account_id
where accounts.account_id is null
