-- The volume of all closed hours by currency, and the part of it that was there one hour
-- before: one row a currency. Empty when no hour is closed.
with volume as (
    select
        hour_start,
        currency,
        kind,
        transaction_count,
        amount_minor
    from reporting.current_hourly_volume
),

latest as (
    select max(period_start) as hour_start
    from reporting.closes
    where grain = 'hour' and is_current
),

marked as (
    select
        volume.currency,
        volume.kind,
        volume.transaction_count,
        volume.amount_minor,
        volume.hour_start < latest.hour_start as is_previous
    from volume
    cross join latest
)

select
    currency,
    coalesce(sum(amount_minor) filter (where kind = 'payment'), 0)::bigint as gross_minor,
    coalesce(sum(amount_minor) filter (where kind = 'payment' and is_previous), 0)::bigint
        as previous_gross_minor,
    coalesce(sum(transaction_count) filter (where kind = 'payment'), 0)::bigint as payment_count,
    coalesce(sum(transaction_count) filter (where kind = 'payment' and is_previous), 0)::bigint
        as previous_payment_count,
    coalesce(sum(amount_minor) filter (where kind = 'refund'), 0)::bigint as refund_minor,
    coalesce(sum(transaction_count) filter (where kind = 'refund'), 0)::bigint as refund_count,
    coalesce(sum(amount_minor) filter (where kind = 'chargeback'), 0)::bigint as chargeback_minor,
    coalesce(sum(transaction_count) filter (where kind = 'chargeback'), 0)::bigint
        as chargeback_count
from marked
group by currency
order by currency asc
