-- The temporary table for the rows of statement_line_details/read.sql, with the same columns. It is
-- empty for a platform without optional columns. It accepts values that the store's own table would
-- refuse: the accounts of these values are left out of the month.
create temporary table staged_statement_line_details (
    entry_id reporting.entry_key,
    account_id reporting.account_key,
    currency text,
    value_date date,
    exchange_rate numeric,
    is_debit boolean,
    original_amount numeric,
    original_currency text,
    counterparty_account text,
    customer_reference text,
    interest_rate numeric
) on commit drop
