-- The lines of one statement, in their order, with the optional columns of those that have any. A
-- line that was frozen without its business day has that of the closed day that it lies in, null
-- where none is closed.
select
    entries.line_number,
    entries.entry_id,
    entries.transaction_id,
    entries.posted_at,
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
    details.interest_rate,
    coalesce(
        entries.posted_on,
        (
            select closes.first_date
            from reporting.closes
            where
                closes.grain = 'day'
                and closes.is_current
                and tstzrange(closes.period_start, closes.period_end) @> entries.posted_at
        )
    ) as posted_on
from reporting.statement_lines as entries
left join reporting.statement_line_details as details
    on
        entries.close_id = details.close_id
        and entries.account_id = details.account_id
        and entries.currency = details.currency
        and entries.line_number = details.line_number
where
    entries.close_id = %(close_id)s
    and entries.account_id = %(account_id)s
    and entries.currency = %(currency)s
order by entries.line_number asc
