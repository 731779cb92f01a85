-- The hours and currencies of which a staged sum is beyond bigint: one row each.
select
    hour_start,
    coalesce(currency, '') as currency
from staged_hourly_volume
group by hour_start, coalesce(currency, '')
having
    -- guard: exceptions.hour-beyond-bigint
    greatest(max(amount_minor), max(fee_minor), max(discount_minor)) > 9223372036854775807
    or least(min(fee_minor), min(discount_minor)) < -9223372036854775808
