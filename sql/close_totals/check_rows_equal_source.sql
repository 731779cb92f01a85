-- Measures and currencies in which the rows of a close and what it left out do not add up to its
-- control totals, which a separate scan of the source gave. A close has rows in the tables of its
-- own grain only. The rows of a day and of a month, which are many, are added up as whole numbers
-- first, since what was left out has numeric amounts.
with written_rows as (
    select
        'volume' as measure,
        currency,
        transaction_count as row_count,
        amount_minor
    from reporting.hourly_volume
    where close_id = %(close_id)s

    union all

    select
        'volume' as measure,
        currency,
        sum(transaction_count) as row_count,
        sum(amount_minor) as amount_minor
    from reporting.daily_volume
    where close_id = %(close_id)s
    group by currency

    union all

    select
        'ledger' as measure,
        currency,
        sum(entry_count) as row_count,
        sum(credit_minor - debit_minor) as amount_minor
    from reporting.daily_account_movement
    where close_id = %(close_id)s
    group by currency

    union all

    select
        'ledger' as measure,
        statements.currency,
        count(*) as row_count,
        sum(statement_lines.amount_minor) as amount_minor
    from reporting.statement_lines
    inner join reporting.statements
        on
            statement_lines.close_id = statements.close_id
            and statement_lines.account_id = statements.account_id
            and statement_lines.currency = statements.currency
    where statement_lines.close_id = %(close_id)s
    group by statements.currency

    union all

    select
        measure,
        currency,
        row_count,
        amount_minor
    from reporting.close_exceptions
    -- guard: exceptions.account-for-the-rest
    where close_id = %(close_id)s and row_count > 0
),

written as (
    select
        measure,
        currency,
        sum(row_count) as row_count,
        sum(amount_minor) as amount_minor
    from written_rows
    group by measure, currency
),

source as (
    select
        measure,
        currency,
        row_count,
        amount_minor
    from reporting.close_totals
    where close_id = %(close_id)s
)

select
    measure,
    currency,
    written.row_count as written_count,
    source.row_count as source_count,
    written.amount_minor as written_minor,
    source.amount_minor as source_minor
from written
full join source using (measure, currency)
where
    (written.row_count, written.amount_minor)
    is distinct from
    (source.row_count, source.amount_minor)
