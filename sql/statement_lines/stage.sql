-- The temporary table for the rows of statement_lines/read.sql, with the same columns.
-- It takes what the tables refuse: that is left out by its account.
create temporary table staged_statement_lines (
    entry_id reporting.entry_key,
    account_id reporting.account_key,
    transaction_id reporting.transaction_key,
    posted_at timestamptz not null,
    amount_minor bigint,
    currency text,
    kind text,
    description text,
    counterparty text
) on commit drop
