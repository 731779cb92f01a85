-- The accounts that have entries whose amount is no number of minor units, from one instant to
-- another: one row an account and currency, with the first reason of the alphabet, the number of
-- these entries and the first of them. Read only if an amount is missing, to say why.
with ledger_entries as (
    select
        entry_id,
        account_id,
        currency,
        amount_problem
    from shared.ledger_entries
    where posted_at >= %(period_start)s and posted_at < %(period_end)s
)

select
    account_id,
    currency,
    min(amount_problem) as reason,
    count(*) as row_count,
    (array_agg(entry_id order by entry_id))[1] as first_entry_id
from ledger_entries
where amount_problem is not null
group by account_id, currency
order by account_id, currency
