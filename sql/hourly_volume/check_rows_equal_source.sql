-- Currencies in which the rows of an hour and what it left out do not add up to its control totals,
-- which a separate scan of the source gave. close_totals/check_rows_equal_source.sql does the same
-- for a close of any grain, and takes several times as long: a day checks 24 hours.
with compared as (
    select
        'volume' as measure,
        currency,
        false as is_source,
        transaction_count as row_count,
        amount_minor
    from reporting.hourly_volume
    where close_id = %(close_id)s

    union all

    select
        measure,
        currency,
        false as is_source,
        row_count,
        amount_minor
    from reporting.close_exceptions
    -- guard: exceptions.account-for-the-rest-of-an-hour
    where close_id = %(close_id)s and row_count > 0

    union all

    select
        measure,
        currency,
        true as is_source,
        row_count,
        amount_minor
    from reporting.close_totals
    where close_id = %(close_id)s
),

added_up as (
    select
        measure,
        currency,
        sum(row_count) filter (where not is_source) as written_count,
        sum(row_count) filter (where is_source) as source_count,
        sum(amount_minor) filter (where not is_source) as written_minor,
        sum(amount_minor) filter (where is_source) as source_minor
    from compared
    group by measure, currency
)

select
    measure,
    currency,
    written_count,
    source_count,
    written_minor,
    source_minor
from added_up
where (written_count, written_minor) is distinct from (source_count, source_minor)
