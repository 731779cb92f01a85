-- The temporary table for the rows of statement_balances/read.sql, with the same columns.
-- It takes what the tables refuse: that is left out by its account.
create temporary table staged_statement_balances (
    account_id reporting.account_key,
    currency text,
    opening_minor numeric not null,
    closing_minor numeric not null,
    entry_count bigint not null,
    incomplete_count bigint not null
) on commit drop
