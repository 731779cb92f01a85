-- The control totals of a period's settled transactions, one row a UTC hour and currency.
-- No join, so that they are independent of the volume queries. other_status_count is the number of
-- transactions whose status contradicts settled_at.
with transactions as (
    select
        settled_at,
        currency,
        amount_minor,
        coalesce(status, '') as status,
        date_bin('1 hour', settled_at, timestamptz '2000-01-01 00:00:00+00') as hour_start
    from reporting_source.transactions
)

select
    currency,
    hour_start,
    count(*) as row_count,
    sum(amount_minor)::bigint as amount_minor,
    count(*) filter (where status <> 'settled') as other_status_count
from transactions
where
    -- From the hour that holds the start to the one that holds the last instant.
    hour_start > %(period_start)s - interval '1 hour' and hour_start < %(period_end)s
    -- A day of a zone with half hours may begin or end within one.
    and (
        %(has_whole_hours)s
        or (settled_at >= %(period_start)s and settled_at < %(period_end)s)
    )
group by hour_start, currency
