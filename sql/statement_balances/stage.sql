-- The temporary table for the rows of statement_balances/read.sql, with the same columns.
create temporary table staged_statement_balances (
    account_id bigint not null,
    currency text not null,
    opening_minor bigint not null,
    closing_minor bigint not null,
    entry_count bigint not null
) on commit drop
