-- The temporary table for the rows of daily_volume/read.sql, with the same columns, at both grains.
-- It takes what the tables refuse: that is left out by its currency.
create temporary table staged_daily_volume (
    hour_start timestamptz,
    merchant_id reporting.merchant_key,
    user_country text,
    currency text,
    promotion_funding text,
    kind text,
    transaction_count bigint not null,
    amount_minor numeric,
    fee_minor numeric,
    discount_minor numeric,
    merchant_category text
) on commit drop
