-- The temporary table for the rows of statement_lines/read.sql, with the same columns.
create temporary table staged_statement_lines (
    entry_id bigint not null,
    account_id bigint not null,
    transaction_id bigint,
    posted_at timestamptz not null,
    amount_minor bigint not null,
    currency text not null,
    kind text not null,
    description text not null,
    counterparty text
) on commit drop
