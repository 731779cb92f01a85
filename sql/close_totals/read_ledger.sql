-- The control totals of a period's ledger entries, one row a currency. No join.
with ledger_entries as (
    select
        currency,
        amount_minor
    from reporting_source.ledger_entries
    where posted_at >= %(period_start)s and posted_at < %(period_end)s
)

select
    currency,
    count(*) as row_count,
    sum(amount_minor)::bigint as amount_minor
from ledger_entries
group by currency
