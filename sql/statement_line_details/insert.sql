-- Writes what a month's lines have in the contract's optional columns, for the lines that are
-- written. minor_per_unit has, for each of the currencies, the number of minor units in one unit of
-- the view's amounts.
insert into reporting.statement_line_details (
    close_id,
    account_id,
    currency,
    line_number,
    value_date,
    original_currency,
    counterparty_account,
    customer_reference,
    original_amount_minor,
    exchange_rate,
    interest_rate
)
select
    close_id,
    account_id,
    currency,
    line_number,
    value_date,
    original_currency,
    counterparty_account,
    customer_reference,
    original_amount_minor,
    exchange_rate,
    interest_rate
from drafted.statement_line_details
