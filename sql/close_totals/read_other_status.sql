-- Transactions of a period that have settled_at and a status other than settled: the first 20.
with transactions as (
    select
        transaction_id,
        status
    from shared.settled_transactions
),

-- Materialized, or else a plan may walk through the whole table by transaction_id for the first 20.
others as materialized (
    select
        transaction_id,
        status
    from transactions
    where coalesce(status, '') <> 'settled'
)

select
    transaction_id,
    status
from others
order by transaction_id asc
limit 20
