-- The control totals of a period's settled transactions, one row a UTC hour and currency: a
-- bare scan, independent of how the volume queries group and join. In the same scan, how many
-- of them have a status that contradicts settled_at.
with transactions as (
    select
        currency,
        hour_start,
        amount_minor,
        coalesce(status, '') as status
    from shared.settled_transactions
)

select
    currency,
    hour_start,
    count(*) as row_count,
    sum(amount_minor)::bigint as amount_minor,
    count(*) filter (where status <> 'settled') as other_status_count
from transactions
group by hour_start, currency
