-- Writes one day's volume from the staged cells, without the currencies that are left out.
insert into reporting.daily_volume (
    close_id,
    business_day,
    merchant_id,
    merchant_category,
    user_country,
    currency,
    promotion_funding,
    kind,
    transaction_count,
    amount_minor,
    fee_minor,
    discount_minor
)
select
    %(close_id)s as close_id,
    %(business_day)s,
    case
        -- guard: limits.merchant-key
        when %(has_text_merchants)s and octet_length(merchant_id::text) > 200
            then reporting.key_label(merchant_id::text)::reporting.merchant_key
        else merchant_id
    end as merchant_id,
    merchant_category,
    user_country,
    currency,
    promotion_funding,
    kind,
    transaction_count,
    amount_minor,
    fee_minor,
    discount_minor
from staged_daily_volume
where
    hour_start is null
    -- guard: exceptions.left-out-of-the-day
    and coalesce(currency, '') <> all(%(left_out_currencies)s::text[])
