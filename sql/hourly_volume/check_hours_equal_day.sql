-- Currencies and kinds in which the current hours of a day do not add up to the day, for a day
-- that consists of whole UTC hours.
with day_close as (
    select
        close_id,
        period_start,
        period_end
    from reporting.closes
    where
        close_id = %(close_id)s
        and date_trunc('hour', period_start, 'UTC') = period_start
        and date_trunc('hour', period_end, 'UTC') = period_end
),

day_volume as (
    select
        daily_volume.currency,
        daily_volume.kind,
        sum(daily_volume.transaction_count) as transaction_count,
        sum(daily_volume.amount_minor) as amount_minor,
        sum(daily_volume.fee_minor) as fee_minor,
        sum(daily_volume.discount_minor) as discount_minor
    from reporting.daily_volume
    inner join day_close on daily_volume.close_id = day_close.close_id
    group by daily_volume.currency, daily_volume.kind
),

hours_volume as (
    select
        hourly_volume.currency,
        hourly_volume.kind,
        sum(hourly_volume.transaction_count) as transaction_count,
        sum(hourly_volume.amount_minor) as amount_minor,
        sum(hourly_volume.fee_minor) as fee_minor,
        sum(hourly_volume.discount_minor) as discount_minor
    from reporting.hourly_volume
    inner join reporting.closes
        on hourly_volume.close_id = closes.close_id and closes.is_current
    inner join day_close
        on
            closes.period_start >= day_close.period_start
            and closes.period_start < day_close.period_end
    group by hourly_volume.currency, hourly_volume.kind
),

-- A currency that the day left out is in none of its rows, and may be in those of an hour.
exceptions as (
    select close_exceptions.currency
    from reporting.close_exceptions
    inner join day_close on close_exceptions.close_id = day_close.close_id
    where close_exceptions.measure = 'volume'
)

select
    currency,
    kind,
    hours_volume.transaction_count as hours_transaction_count,
    day_volume.transaction_count as day_transaction_count,
    hours_volume.amount_minor as hours_amount_minor,
    day_volume.amount_minor as day_amount_minor
from hours_volume
full join day_volume using (currency, kind)
where
    currency not in (select exceptions.currency from exceptions)
    and (
        hours_volume.transaction_count,
        hours_volume.amount_minor,
        hours_volume.fee_minor,
        hours_volume.discount_minor
    )
    is distinct from
    (
        day_volume.transaction_count,
        day_volume.amount_minor,
        day_volume.fee_minor,
        day_volume.discount_minor
    )
