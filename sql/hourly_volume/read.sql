-- The settled volume of one hour at the grain of currency and kind.
with transactions as (
    select
        currency,
        kind,
        amount_minor,
        fee_minor,
        discount_minor,
        settled_at,
        date_bin('1 hour', settled_at, timestamptz '2000-01-01 00:00:00+00') as hour_start
    from reporting_source.transactions
)

select
    %(period_start)s::timestamptz as hour_start,
    currency,
    kind,
    count(*) as transaction_count,
    sum(amount_minor)::bigint as amount_minor,
    sum(fee_minor)::bigint as fee_minor,
    sum(discount_minor)::bigint as discount_minor
from transactions
where
    -- guard: bounds.half-open-hours
    hour_start = date_bin('1 hour', %(period_start)s, timestamptz '2000-01-01 00:00:00+00')
    -- Closebook closes whole hours only; a part of one would be as exact.
    and (
        %(has_whole_hours)s
        or (settled_at >= %(period_start)s and settled_at < %(period_end)s)
    )
group by currency, kind
