-- Transactions of a period that have settled_at and a status other than settled: the first 20,
-- each with the first 40 characters of its status.
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
    left(status, 40) as status
from others
order by transaction_id asc
limit 20
