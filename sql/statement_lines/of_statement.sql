-- The lines of one statement, in their order.
select
    line_number,
    entry_id,
    transaction_id,
    posted_at,
    kind,
    description,
    counterparty,
    amount_minor,
    balance_minor
from reporting.statement_lines
where close_id = %(close_id)s and account_id = %(account_id)s
order by line_number asc
