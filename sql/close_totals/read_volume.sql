-- The control totals of a period's settled transactions, one row a UTC hour and currency.
-- No join, so that they are independent of the volume queries. other_status_count is the number of
-- transactions whose status contradicts settled_at.
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
