-- The temporary table for the rows of hourly_volume/read.sql, with the same columns.
create temporary table staged_hourly_volume (
    hour_start timestamptz not null,
    currency text not null,
    kind text not null,
    transaction_count bigint not null,
    amount_minor bigint not null,
    fee_minor bigint not null,
    discount_minor bigint not null
) on commit drop
