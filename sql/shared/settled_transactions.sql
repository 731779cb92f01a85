-- The transactions that settled in a period, with the UTC hour of it: one row a transaction. It
-- uses a subquery and no CTE: PostgreSQL does not plan a subquery with a CTE together with the
-- query around it.
select
    transaction_id,
    user_country,
    merchant_id,
    promotion_id,
    currency,
    kind,
    amount_minor,
    fee_minor,
    discount_minor,
    status,
    settled_at,
    amount_problem,
    hour_start
from (
    select
        transaction_id,
        user_country,
        merchant_id,
        promotion_id,
        currency,
        kind,
        amount_minor,
        fee_minor,
        discount_minor,
        status,
        settled_at,
        amount_problem,
        date_bin('1 hour', settled_at, timestamptz '2000-01-01 00:00:00+00') as hour_start
    from shared.transactions
) as hourly
where
    -- From the hour that holds the start to the one that holds the last instant.
    hour_start >= date_bin('1 hour', %(period_start)s, timestamptz '2000-01-01 00:00:00+00')
    and hour_start < %(period_end)s  -- guard: bounds.half-open-hours
    -- A day of a zone with half hours may begin or end within one.
    and (
        %(has_whole_hours)s
        -- guard: bounds.half-open-part-of-an-hour
        or (settled_at >= %(period_start)s and settled_at < %(period_end)s)
    )
