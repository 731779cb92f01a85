-- The lines of a close that an archive has, with their optional columns: those of the accounts from
-- the first to the last one that are not held. One row a line, in the order of the statements.
select
    entries.close_id,
    entries.account_id,
    entries.currency,
    entries.line_number,
    entries.entry_id,
    entries.transaction_id,
    entries.posted_at,
    entries.posted_on,
    entries.kind,
    entries.description,
    entries.counterparty,
    entries.amount_minor,
    entries.balance_minor,
    details.value_date,
    details.original_amount_minor,
    details.original_currency,
    details.exchange_rate,
    details.counterparty_account,
    details.customer_reference,
    details.interest_rate
from reporting.statement_lines as entries
left join reporting.statement_line_details as details
    on
        entries.close_id = details.close_id
        and entries.account_id = details.account_id
        and entries.currency = details.currency
        and entries.line_number = details.line_number
where
    entries.close_id = %(close_id)s
    and entries.account_id between %(first_account_id)s and %(last_account_id)s
    and entries.account_id not in (select held.account_id from reporting.held_accounts as held)
order by entries.account_id asc, entries.currency asc, entries.line_number asc
