-- The control totals of a period's settled transactions, one row a UTC hour and currency.
-- No join, so that they are independent of the volume queries. other_status_count is the number of
-- transactions whose status contradicts settled_at; impossible_count is the number of those without
-- an amount, fee or discount, with an amount below zero, or of no kind that there is.
with transactions as (
    select
        currency,
        hour_start,
        kind,
        amount_minor,
        fee_minor,
        discount_minor,
        coalesce(status, '') as status
    from shared.settled_transactions
)

select
    currency,
    hour_start,
    count(*) as row_count,
    coalesce(sum(amount_minor), 0) as amount_minor,
    count(*) filter (where status <> 'settled') as other_status_count,
    count(*) filter (
        where
        (
            amount_minor >= 0
            and fee_minor is not null
            and discount_minor is not null
            and kind in ('payment', 'refund', 'chargeback')
        ) is not true
    ) as impossible_count
from transactions
group by hour_start, currency
