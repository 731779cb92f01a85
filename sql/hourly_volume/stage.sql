-- The temporary table for the rows of hourly_volume/read.sql, with the same columns.
-- It takes what the tables refuse: that is left out by its currency.
create temporary table staged_hourly_volume (
    hour_start timestamptz not null,
    currency text,
    kind text,
    transaction_count bigint not null,
    amount_minor numeric,
    fee_minor numeric,
    discount_minor numeric
) on commit drop
