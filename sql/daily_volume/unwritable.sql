-- The currencies of a staged day with a cell that the day's table cannot hold: one row each, with
-- whether a transaction has no merchant, and whether a sum is beyond bigint.
select
    coalesce(currency, '') as currency,
    bool_or(merchant_id is null) as has_no_merchant,
    coalesce(
        greatest(max(amount_minor), max(fee_minor), max(discount_minor)) > 9223372036854775807
        or least(min(fee_minor), min(discount_minor)) < -9223372036854775808,
        false
    ) as is_beyond_bigint
from staged_daily_volume
where hour_start is null
group by coalesce(currency, '')
having
    bool_or(merchant_id is null)  -- guard: exceptions.no-merchant
    -- guard: exceptions.day-beyond-bigint
    or greatest(max(amount_minor), max(fee_minor), max(discount_minor)) > 9223372036854775807
    or least(min(fee_minor), min(discount_minor)) < -9223372036854775808
