-- The lines of one statement, in their order. A line that was frozen without its business day has
-- that of the closed day that it lies in, null where none is closed.
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
where
    entries.close_id = %(close_id)s
    and entries.account_id = %(account_id)s
    and entries.currency = %(currency)s
order by entries.line_number asc
