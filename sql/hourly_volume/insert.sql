-- Writes one hour's volume from the staged hours.
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
where hour_start = %(period_start)s
