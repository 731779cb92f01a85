-- The control totals of a period's ledger entries, one row a currency. No join. Sums of credits and
-- debits are positive; incomplete_count is the number of entries without account or amount, or with
-- an account whose key is empty or too long.
with ledger_entries as (
    select
        account_id,
        currency,
        amount_minor
    from shared.ledger_entries
    where posted_at >= %(period_start)s and posted_at < %(period_end)s
)

select
    currency,
    count(*) as row_count,
    coalesce(sum(amount_minor), 0) as amount_minor,
    coalesce(sum(amount_minor) filter (where amount_minor > 0), 0) as credit_minor,
    coalesce(-sum(amount_minor) filter (where amount_minor < 0), 0) as debit_minor,
    count(*) filter (
        where
        account_id is null
        or amount_minor is null
        or (%(has_text_keys)s and octet_length(account_id::text) not between 1 and 200)
    ) as incomplete_count
from ledger_entries
group by currency
