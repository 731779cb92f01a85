-- The volume of all closed hours by currency, and the same without the last closed hour: one row a
-- currency; one row without a currency if no hour has volume; no row if no hour is closed. Each row
-- also has the start of the first closed hour, the end of the last one, and how many hours between
-- them are not closed. excluded_reason is set for a currency that a closed hour has left out: its
-- totals lack those rows. It is one statement, so that all numbers are of the same closes.
with hours as (
    select
        period_start,
        period_end
    from reporting.closes
    where grain = 'hour' and is_current
),

bounds as (
    select
        min(period_start) as counted_from,
        max(period_start) as last_hour_start,
        max(period_end) as as_of,
        (extract(epoch from max(period_end) - min(period_start)) / 3600)::bigint
        - count(*) as missing_hour_count
    from hours
    having count(*) > 0
),

volume as (
    select
        hour_start,
        currency,
        kind,
        transaction_count,
        amount_minor
    from reporting.current_hourly_volume
),

marked as (
    select
        volume.currency,
        volume.kind,
        volume.transaction_count,
        volume.amount_minor,
        volume.hour_start < bounds.last_hour_start as is_previous
    from volume
    cross join bounds
),

totals as (
    select
        currency,
        coalesce(sum(amount_minor) filter (where kind = 'payment'), 0) as gross_minor,
        coalesce(sum(amount_minor) filter (where kind = 'payment' and is_previous), 0)
            as previous_gross_minor,
        coalesce(sum(transaction_count) filter (where kind = 'payment'), 0)::bigint
            as payment_count,
        coalesce(sum(transaction_count) filter (where kind = 'payment' and is_previous), 0)::bigint
            as previous_payment_count,
        coalesce(sum(amount_minor) filter (where kind = 'refund'), 0) as refund_minor,
        coalesce(sum(transaction_count) filter (where kind = 'refund'), 0)::bigint
            as refund_count,
        coalesce(sum(amount_minor) filter (where kind = 'chargeback'), 0)
            as chargeback_minor,
        coalesce(sum(transaction_count) filter (where kind = 'chargeback'), 0)::bigint
            as chargeback_count
    from marked
    group by currency
),

exceptions as (
    select
        close_exceptions.currency,
        min(close_exceptions.reason) as excluded_reason
    from reporting.close_exceptions
    inner join reporting.closes on close_exceptions.close_id = closes.close_id
    where closes.grain = 'hour' and closes.is_current
    group by close_exceptions.currency
),

currencies as (
    select
        currency,
        exceptions.excluded_reason,
        totals.gross_minor,
        totals.previous_gross_minor,
        totals.payment_count,
        totals.previous_payment_count,
        totals.refund_minor,
        totals.refund_count,
        totals.chargeback_minor,
        totals.chargeback_count
    from totals
    full join exceptions using (currency)
)

select
    bounds.counted_from,
    bounds.as_of,
    bounds.missing_hour_count,
    currencies.currency,
    currencies.excluded_reason,
    currencies.gross_minor,
    currencies.previous_gross_minor,
    currencies.payment_count,
    currencies.previous_payment_count,
    currencies.refund_minor,
    currencies.refund_count,
    currencies.chargeback_minor,
    currencies.chargeback_count
from bounds
left join currencies on true
order by currencies.currency asc
