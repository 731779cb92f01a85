-- The currencies of a staged day with a cell that the day's table cannot hold: one row each, with
-- whether a transaction has no merchant, and whether a sum is beyond bigint. Most days have none.
select
    coalesce(currency, '') as currency,
    bool_or(merchant_id is null) as has_no_merchant,
    coalesce(
        bool_or(
            greatest(amount_minor, fee_minor, discount_minor) > 9223372036854775807
            or least(fee_minor, discount_minor) < -9223372036854775808
        ),
        false
    ) as is_beyond_bigint
from staged_daily_volume
where
    hour_start is null
    and (
        merchant_id is null  -- guard: exceptions.no-merchant
        -- guard: exceptions.day-beyond-bigint
        or greatest(amount_minor, fee_minor, discount_minor) > 9223372036854775807
        or least(fee_minor, discount_minor) < -9223372036854775808
    )
group by coalesce(currency, '')
