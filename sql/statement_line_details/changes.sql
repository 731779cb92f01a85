-- What differs between two versions of a month in the optional columns of its lines: one row a
-- line, old beside new.
select
    account_id,
    currency,
    line_number,
    old_value_date,
    new_value_date,
    old_original_amount_minor,
    new_original_amount_minor,
    old_original_currency,
    new_original_currency,
    old_exchange_rate,
    new_exchange_rate,
    old_counterparty_account,
    new_counterparty_account,
    old_customer_reference,
    new_customer_reference,
    old_interest_rate,
    new_interest_rate
from
    reporting.statement_line_detail_differences(
        %(old_close_id)s::bigint, %(new_close_id)s::bigint
    )
