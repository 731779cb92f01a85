-- The temporary table for the rows of statement_accounts/read.sql, with the same columns.
create temporary table staged_statement_accounts (
    account_id bigint not null,
    account_number text not null,
    currency text not null,
    opened_at timestamptz,
    holder_name text not null,
    holder_address text not null,
    locale_code text not null
) on commit drop
