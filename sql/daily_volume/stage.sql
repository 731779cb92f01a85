-- The temporary table for the rows of daily_volume/read.sql, with the same columns, at both grains.
create temporary table staged_daily_volume (
    hour_start timestamptz,
    merchant_id bigint,
    user_country text,
    currency text not null,
    promotion_funding text,
    kind text not null,
    transaction_count bigint not null,
    amount_minor bigint not null,
    fee_minor bigint not null,
    discount_minor bigint not null,
    merchant_category text
) on commit drop
