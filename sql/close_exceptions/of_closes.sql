-- What some closes have left out: one row a close, measure, account or currency.
with exceptions as (
    select
        close_id,
        measure,
        subject_kind,
        subject,
        currency,
        reason,
        row_count,
        amount_minor
    from reporting.close_exceptions
    where close_id = any(%(close_ids)s::bigint[])
)

select
    exceptions.close_id,
    closes.grain,
    closes.period_start,
    closes.period_end,
    closes.time_zone,
    closes.first_date,
    closes.last_date,
    exceptions.measure,
    exceptions.subject_kind,
    exceptions.subject,
    exceptions.currency,
    exceptions.reason,
    exceptions.row_count,
    exceptions.amount_minor
from exceptions
inner join reporting.closes on exceptions.close_id = closes.close_id
order by
    closes.period_start asc,
    exceptions.measure asc,
    exceptions.subject_kind asc,
    exceptions.subject asc,
    exceptions.currency asc
