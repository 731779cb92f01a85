-- Currencies in which a day's account movement is not what a bare scan of the ledger gave.
with written as (
    select
        currency,
        sum(entry_count)::bigint as row_count,
        sum(credit_minor - debit_minor)::bigint as amount_minor
    from reporting.daily_account_movement
    where close_id = %(close_id)s
    group by currency
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
