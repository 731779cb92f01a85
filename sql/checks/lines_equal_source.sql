-- Currencies in which a month's statement lines are not what a bare scan of the ledger gave.
with written as (
    select
        statements.currency,
        count(*) as row_count,
        sum(written_lines.amount_minor)::bigint as amount_minor
    from reporting.statement_lines as written_lines
    inner join reporting.statements
        on
            written_lines.close_id = statements.close_id
            and written_lines.account_id = statements.account_id
    where written_lines.close_id = %(close_id)s
    group by statements.currency
),

source as (
    select
        currency,
        row_count,
        amount_minor
    from reporting.close_totals
    where close_id = %(close_id)s and measure = 'ledger'
)

select
    currency,
    written.row_count as written_count,
    source.row_count as source_count,
    written.amount_minor as written_minor,
    source.amount_minor as source_minor
from written
full join source using (currency)
where
    (written.row_count, written.amount_minor)
    is distinct from
    (source.row_count, source.amount_minor)
