-- Where daily_volume.sql arrives: the same columns, at its two grains.
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
