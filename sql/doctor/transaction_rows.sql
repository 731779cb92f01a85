-- How many of the transactions are not as docs/contract.md says: one row. It looks at row_limit of
-- them, or at all of them if that is null. newest_settled_at is that of what it looked at.
with sample as materialized (
    select
        transaction_id,
        kind,
        currency,
        amount_minor,
        fee_minor,
        discount_minor,
        status,
        settled_at,
        amount_problem
    from shared.transactions
    limit %(row_limit)s -- noqa: AM09
)

select
    count(*) as row_count,
    count(transaction_id) - count(distinct transaction_id) as repeated_count,
    count(*) - count(transaction_id) as keyless_count,
    count(*) filter (where status = 'settled' and settled_at is null) as timeless_count,
    count(*) filter (where settled_at is not null and coalesce(status, '') <> 'settled')
        as other_status_count,
    count(*) filter (
        where
        settled_at is not null and coalesce(kind, '') not in ('payment', 'refund', 'chargeback')
    ) as unknown_kind_count,
    count(*) filter (
        where
        settled_at is not null
        and (amount_minor is null or fee_minor is null or discount_minor is null)
        and amount_problem is null
    ) as incomplete_count,
    count(*) filter (where settled_at is not null and amount_problem is not null)
        as refused_amount_count,
    count(*) filter (where settled_at is not null and amount_minor < 0) as negative_count,
    count(*) filter (where settled_at > clock_timestamp() + interval '5 minutes') as future_count,
    max(settled_at) as newest_settled_at
from sample
