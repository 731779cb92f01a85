-- Transactions of a period that have settled_at and a status other than settled: the first 20.
with transactions as (
    select
        transaction_id,
        status,
        settled_at,
        date_bin('1 hour', settled_at, timestamptz '2000-01-01 00:00:00+00') as hour_start
    from reporting_source.transactions
),

-- Materialized, or else a plan may walk through the whole table by transaction_id for the first 20.
others as materialized (
    select
        transaction_id,
        status
    from transactions
    where
        -- From the hour that holds the start to the one that holds the last instant.
        hour_start > %(period_start)s - interval '1 hour' and hour_start < %(period_end)s
        -- A day of a zone with half hours may begin or end within one.
        and (
            %(has_whole_hours)s
            or (settled_at >= %(period_start)s and settled_at < %(period_end)s)
        )
        and coalesce(status, '') <> 'settled'
)

select
    transaction_id,
    status
from others
order by transaction_id asc
limit 20
