-- Fills the staged hours from a staged day: the rows that hourly_volume/read.sql would return for
-- each of its whole hours.
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
