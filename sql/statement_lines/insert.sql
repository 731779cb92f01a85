-- Writes a month's statement lines, numbered, with the running balance after each, and with their
-- business days: day_dates, which begin at day_starts, in order.
insert into reporting.statement_lines (
    close_id,
    account_id,
    line_number,
    entry_id,
    transaction_id,
    posted_at,
    kind,
    description,
    counterparty,
    amount_minor,
    balance_minor,
    posted_on,
    currency
)
select
    close_id,
    account_id,
    line_number,
    entry_id,
    transaction_id,
    posted_at,
    kind,
    description,
    counterparty,
    amount_minor,
    balance_minor,
    posted_on,
    currency
from drafted.statement_lines
