-- The whole hours of a staged day: what hourly_volume.sql would give for each of them.
insert into staged_hourly_volume (
    hour_start, currency, kind, transaction_count, amount_minor, fee_minor, discount_minor
)
select
    hour_start,
    currency,
    kind,
    transaction_count,
    amount_minor,
    fee_minor,
    discount_minor
from staged_daily_volume
where hour_start is not null
