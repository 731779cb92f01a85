-- Writes one hour's volume from the staged hours, without the currencies that are left out.
insert into reporting.hourly_volume (
    close_id,
    hour_start,
    currency,
    kind,
    transaction_count,
    amount_minor,
    fee_minor,
    discount_minor
)
select
    %(close_id)s as close_id,
    hour_start,
    currency,
    kind,
    transaction_count,
    amount_minor,
    fee_minor,
    discount_minor
from staged_hourly_volume
where
    hour_start = %(period_start)s
    -- guard: exceptions.left-out-of-the-hour
    and coalesce(currency, '') <> all(%(left_out_currencies)s::text[])
