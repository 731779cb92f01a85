-- Currencies in which the rows of an hour and what it left out do not add up to its control totals,
-- which a separate scan of the source gave. close_totals/check_rows_equal_source.sql does the same
-- for a close of any grain, and takes three times as long: a day checks 24 hours.
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
        measure,
        currency,
        row_count,
        amount_minor
    from reporting.close_exceptions
    -- guard: exceptions.account-for-the-rest-of-an-hour
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
