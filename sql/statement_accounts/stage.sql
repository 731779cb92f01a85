-- The temporary table for the rows of statement_accounts/read.sql, with the same columns.
-- It takes what the tables refuse: that is left out by its account.
create temporary table staged_statement_accounts (
    account_id reporting.account_key,
    account_number text,
    currency text,
    opened_at timestamptz,
    holder_name text,
    holder_address text,
    locale_code text,
    overdraft_limit numeric
) on commit drop
