-- Where daily_account_movement.sql arrives: the same columns.
create temporary table staged_daily_account_movement (
    account_id bigint not null,
    currency text not null,
    entry_count bigint not null,
    credit_minor bigint not null,
    debit_minor bigint not null
) on commit drop
