-- How many of the ledger entries are not as docs/contract.md says: one row. It looks at
-- row_limit of them, or at all of them if that is null.
with sample as materialized (
    select
        entry_id,
        account_id,
        posted_at,
        amount_minor,
        currency,
        amount_problem
    from shared.ledger_entries
    limit %(row_limit)s -- noqa: AM09
)

select
    count(*) as row_count,
    count(entry_id) - count(distinct entry_id) as repeated_count,
    count(*) - count(entry_id) as keyless_count,
    count(*) filter (
        where
        account_id is null
        or (amount_minor is null and amount_problem is null)
        or posted_at is null
        or currency is null
    ) as incomplete_count,
    count(*) filter (where amount_problem is not null) as refused_amount_count,
    count(*) filter (where posted_at > clock_timestamp() + interval '5 minutes') as future_count
from sample
