-- Where a period has amounts that are no number of minor units: one row an hour, currency and
-- reason, with the number of its transactions and the first of them. Read only if an amount is
-- missing, to say why.
with transactions as (
    select
        transaction_id,
        hour_start,
        currency,
        amount_problem
    from shared.settled_transactions
)

select
    hour_start,
    currency,
    amount_problem as reason,
    count(*) as row_count,
    (array_agg(transaction_id order by transaction_id))[1] as first_transaction_id
from transactions
where amount_problem is not null
group by hour_start, currency, amount_problem
order by hour_start, currency, amount_problem
