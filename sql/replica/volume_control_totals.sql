-- The control totals of a period's settled transactions, one row a UTC hour and currency: a
-- bare scan, independent of how the volume queries group and join.
with transactions as (
    select
        settled_at,
        currency,
        amount_minor
    from reporting_source.transactions
    where settled_at >= %(period_start)s and settled_at < %(period_end)s
)

select
    currency,
    date_trunc('hour', settled_at, 'UTC') as hour_start,
    count(*) as row_count,
    sum(amount_minor)::bigint as amount_minor
from transactions
group by date_trunc('hour', settled_at, 'UTC'), currency
