-- The movement of each account in one business day: one row an account and currency that has
-- entries. Credits and debits are both positive minor units. Ordered by the key of the store's
-- table, which makes writing the rows and reading them again faster.
with ledger_entries as (
    select
        account_id,
        currency,
        amount_minor
    from reporting_source.ledger_entries
    where posted_at >= %(period_start)s and posted_at < %(period_end)s
)

select
    account_id,
    currency,
    count(*) as entry_count,
    coalesce(sum(amount_minor) filter (where amount_minor > 0), 0)::bigint as credit_minor,
    coalesce(-sum(amount_minor) filter (where amount_minor < 0), 0)::bigint as debit_minor
from ledger_entries
group by account_id, currency
order by account_id, currency
